"""Find the letters of options in a reply, and leave out articles and rejected options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from emoreal_bench.scoring.reading.caseless import caseless

_LETTER = re.compile(r"\b([A-Za-z])\b(?<!'.)(?!'|\.\w)")
_CUE_BEFORE = re.compile(
    r"(?:\b(?:options?|choices?|answers?|letters?|select|choose|chose|pick|with|say)|[:=])"
    r"\s*(?:is|are|:|=)?\s*[\"'(\[{]*$",
    re.I,
)
_AFTER_ARTICLE = re.compile(r"\s+([a-z][\w']*)")
_WORDS = """
is was because since as and or seems appears would fits matches best but due for given based which
describes corresponds not nor rather instead over than isn't doesn't can't cannot contradicts
suggests says states mentions claims looks sounds also can could may might must should remains
represents captures aligns reflects implies indicates requires does has if it i
"""
_WORDS_AFTER_LETTER = frozenset(_WORDS.split())
_REJECTED_BEFORE = caseless(
    r"(?:\b(?:not|never|neither|nor|rather than|instead of|unlike|against|rul(?:e|es|ed|ing) out"
    r"|eliminat(?:e|es|ed|ing)|exclud(?:e|es|ed|ing)|reject(?:s|ed|ing)?|dismiss(?:es|ed|ing)?"
    r"|discard(?:s|ed|ing)?)|n't"
    r"|\s(?<!less\s)(?<!worse\s)(?<!less\slikely\s)(?<!less\splausible\s)(?<!less\sfitting\s)than)"
    r"\s+(?:(?:options?|choices?|answers?|the|letter|is|be|it's|to|really|necessarily|choose"
    r"|select|pick|both|either)\s+)*[\"'(\[{]*$"
)
_REJECTED_LIST = re.compile(r"[)\]}.\"']*\s*(?:,|and|or|nor|&)\s*[\"'(\[{]*$", re.I)
_REJECTED_AFTER = re.compile(
    r"[)\]}\"']*\?\s*no\b|[)\]}\"':]*\s+(?:\([^)]{0,80}\)\s*)?(?:(?:option|choice|answer)\s+)?"
    r"(?:(?:is|are|was|were|seems?|appears?|can be|could be|would be|to be|looks|clearly|definitely"
    r"|also|both|all|does|do|did|can|could|would|has|have)\s+)*"
    r"(?:not\b|n't|isn't|aren't|wasn't|doesn't|don't|can't|cannot|wouldn't|couldn't|wrong|incorrect"
    r"|false|unlikely|ruled out|eliminated|excluded|out\b|unsupported|implausible|contradicts"
    r"|contradicted|(?:says|states|claims|mentions)\b|less\b|too\b|irrelevant|fails|requires?\b|needs?\b|lacks)",
    re.I,
)

COMPOUND = (
    r"(?:-(?:rolls?|frames?|list|listers?|side|flat|sharp|team|line|word|minor|major|level|plus|pillar"
    r"|section|grade|type|shape|shaped|clamp)\b|\s(?:major|minor|sharp|flat|personality)\b)"
)
"""What follows a letter that belongs to a word: "B-roll", "C major", "A-frame"."""
_COMPOUND_AFTER = re.compile(COMPOUND, re.I)
_THING_BEFORE = caseless(
    r"\b(?:vitamins?|plan|type|hepatitis|camera|part|section|group|team|speaker|person|man|woman"
    r"|side|figure|scene|clip|video|audio|segment|exhibit|note|key of|string|gate|block|room|class"
    r"|grade|level|platform|studio|stage|point|row|seat|character|actor|subject|image|frame|shot"
    r"|track|channel|school|wing|model|company|size|appendix|in a)\s+\Z"
)
_TITLE_BEFORE = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Doctor|Sir|Lady|Captain|Officer|Agent|Judge|Sgt|Detective"
    r"|Coach|Aunt|Uncle)\.?\s+(?:[A-Z]\.\s?)*\Z"
)
_GIVEN_NAME_BEFORE = re.compile(
    r"\b(?!(?:Option|Answer|Choice|Letter|Correct|The|Is|Final|Select|Choose|Pick|Yes|No|So|Thus"
    r"|Therefore|Hence|And|Or|It|Answered|Response)\b)[A-Z][a-z]+\s+(?:[A-Z]\.\s?)*\Z"
)
_INITIAL_BEFORE = re.compile(r"(?<!\w)[A-Z]\.\s?\Z")
_SURNAME_AFTER = re.compile(r"\.\s?(?:[A-Z]\.\s?)*[A-Z][a-z]+")
_MOST_MENTIONS = 40
_LIST_MEMBER = re.compile(
    r"[)\]}]*\s*(?:,|,?\s*and|,?\s*or|&)\s*(?:options?\s+)?[(\[{]*[A-Z](?![\w'])"
)


@lru_cache(maxsize=64)
def letters_in(text: str, letters: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Find the mentions of options by letter that the reply does not reject.

    The stages of a reading ask for the same text, hence the small cache.

    Args:
        text: Cleaned reply, or a part of it.
        letters: Of the options, upper case.

    Returns:
        Position and letter of each, in the order of the text.
    """
    return tuple(islice(_letters_in(text, letters), _MOST_MENTIONS))


def _letters_in(text: str, letters: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    rejected_until = -1
    for match in _LETTER.finditer(text):
        letter = match.group(1).upper()
        if letter not in letters or not _is_mention(text, match):
            continue
        in_rejected_list = rejected_until >= 0 and bool(
            _REJECTED_LIST.fullmatch(text[rejected_until : match.start()])
        )
        if in_rejected_list or _is_rejected_before(text, match.start()):
            rejected_until = match.end()
        elif not is_rejected_after(text, match.end()):
            yield match.start(), letter


def is_article(text: str, end: int) -> bool:
    """Return whether a letter A that ends at ``end`` is an article: a word follows it.

    "A man is crying" has an article, "A because he cries" and "A is right" have not.
    """
    follower = _AFTER_ARTICLE.match(text, end)
    return follower is not None and follower.group(1) not in _WORDS_AFTER_LETTER


def _is_mention(text: str, match: re.Match[str]) -> bool:
    letter = match.group(1)
    if letter in "AaIi" and is_article(text, match.end()):
        return False
    if _is_part_of_name(text, match):
        return False
    closed = text[match.end() :].lstrip(" ").startswith((")", "]", "}"))
    if closed and (letter not in "Ii" or text[: match.start()].rstrip().endswith(("(", "[", "{"))):
        return True
    if letter == "I" and text[match.end() : match.end() + 1].isspace():
        return False
    return letter.isupper() or bool(
        _CUE_BEFORE.search(text[max(0, match.start() - 40) : match.start()])
    )


def _is_part_of_name(text: str, match: re.Match[str]) -> bool:
    """Return whether a letter is part of a name: "Dr. A. Nolan", "vitamin C", "B-roll"."""
    if _COMPOUND_AFTER.match(text, match.end()):
        return True
    before = text[max(0, match.start() - 30) : match.start()]
    if not before[-1:].isspace() and not before.endswith("."):
        return False  # Neither a name nor a thing can end like this; it is dear to look for them.
    if _THING_BEFORE.search(before) or _TITLE_BEFORE.search(before):
        return True
    return _SURNAME_AFTER.match(text, match.end()) is not None and bool(
        _GIVEN_NAME_BEFORE.search(before) or _INITIAL_BEFORE.search(before)
    )


def _is_rejected_before(text: str, start: int) -> bool:
    """Return whether a letter that begins at ``start`` is rejected: "not A"."""
    before = text[max(0, start - 60) : start]
    opened = before.rstrip("\"'([{")
    return opened[-1:].isspace() and _REJECTED_BEFORE.search(before) is not None


def is_rejected_after(text: str, end: int) -> bool:
    """Return whether a letter that ends at ``end`` is rejected: "A is wrong", "A and B are"."""
    while not _REJECTED_AFTER.match(text, end):
        member = _LIST_MEMBER.match(text, end)
        if member is None:
            return False
        end = member.end()
    return True
