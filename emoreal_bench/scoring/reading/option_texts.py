"""Find the texts of options in a reply, and leave out those that it rejects."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from operator import or_

from emoreal_bench.choices import words_of
from emoreal_bench.scoring.reading.options import Options

_LONGEST_PART = 12
"""Words: a longer reply is not taken for a part of an option."""
_LONGEST_TEXT = 400
"""Characters of an option's text that are compared with the beginning of a passage."""
_FILLER = (
    r"(?:the|a|an|that|at|all|really|very|particularly|truly|quite|so|just|be|being|been|feel|feels|feeling"
    r"|look|looks|looking|seem|seems|appear|appears|to|express|expressing|expresses|show|shows"
    r"|showing|showed|sound|sounds|option|choice|letter|answer|about|of|any|signs|sign|evidence"
    r"|indication|hint|necessarily|from|by|due|because|convey|conveys|conveying|display|displays|displaying)"
)
_REJECTED_BEFORE = re.compile(
    rf" (?:not|\w+n't|never|no|neither|nor|without|rather than|instead of|than|lack of|lacks"
    rf"|unlike|ruled? out|says|states|claims|mentions|suggests|exclud\w+)(?: {_FILLER})* $"
)
_REJECTED_AFTER = re.compile(
    r"(?:(?:is|are|was|seems|appears|does|would be|can be|could be) (?:clearly |definitely |also )?"
    r"(?:not|wrong|incorrect|unlikely|ruled out|excluded|eliminated|less|out)"
    r"|isn't|doesn't|can't|cannot|wasn't|wouldn't) "
)
_LONGEST_CLAIM = 25
_NOT_CLAIMED = re.compile(
    r"yes|not?|two|do|doe|did|really|actually|all|be|(?:he|she|it|they)(?:'\w+)?|\w+n't"
)
_PRONOUN_FIRST = re.compile(r" (?:they|it|he|she)(?:'\w+)? ")
_SUBJECT = re.compile(
    r"^ (?:because )?(?:he|she|they|it|the speaker|the man|the woman) (?:(?:is|are|was|has) )?"
)
_YES_OR_NO = re.compile(r"^ (?:yes|no) ")
_NEGATION = re.compile(r" (?:not|\w+n't|never|neither|hardly) ")
_SENTENCE_END = re.compile(r"[.!?]\s")
_CONJUNCTIONS = (" or ", " nor ", " and ")
_START = re.compile(r"(?: (?:the|a|an|that|it's|it|is|because|of|with|this|option))* ")
_ENDING = re.compile(r"(?:'s|(?<=\w{3})(?:ing|es|ed|s|e))\Z")
_STOP_WORDS = frozenset(
    {
        "the",
        "and",
        "are",
        "its",
        "his",
        "her",
        "their",
        "this",
        "that",
        "she",
        "was",
        "there",
        "both",
    }
)


def text_of_whole(text: str, options: Options) -> str | None:
    """Return the option whose text the whole reply is, or is a part of.

    A part counts only where it is short, says something and occurs in one
    option alone: "Her trembling voice." for "The speaker's trembling voice".
    """
    words = words_of(text)
    exact = [letter for letter, its in options.pairs if its == words]
    if exact:
        return exact[0] if len(exact) == 1 else None
    if words.count(" ") > _LONGEST_PART + 1:
        return None
    stripped = _without_start(words)
    if not _says_only(stripped, _content("".join(options.texts))):
        return None
    content = _content(words)
    holders = [
        letter
        for letter, its in options.pairs
        if stripped in its or (len(content) > 1 and content <= _content(its))
    ]
    return holders[0] if len(holders) == 1 else None


def text_at_start(text: str, options: Options) -> str | None:
    """Return the option whose text a passage begins with; of several, the longest."""
    words = words_of(text[:_LONGEST_TEXT])
    stripped = _without_start(words)
    found = [
        (len(its), letter)
        for letter, its in options.pairs
        if words.startswith(its) or stripped.startswith(_without_start(its))
        if _has_content(its)
    ]
    return max(found)[1] if found else None


def texts_in(text: str, options: Options) -> set[str]:
    """Return the options whose texts occur in a passage and are not rejected there."""
    words = words_of(text)
    spans = _spans(words, options)
    joints = [words[end - 1 : start + 1] for (_, end, _), (start, _, _) in pairwise(spans)]
    before = [bool(_REJECTED_BEFORE.search(words[: start + 1][-80:])) for start, _, _ in spans]
    after = [_REJECTED_AFTER.match(words[end:]) is not None for _, end, _ in spans]
    for index, joint in enumerate(joints):
        # "not joy or anger": what rejects the first member of a list rejects the next,
        before[index + 1] |= before[index] and joint in _CONJUNCTIONS
    for index in reversed(range(len(joints))):
        # and "joy, fear and anger are wrong" the other way round.
        after[index] |= after[index + 1] and joints[index] in (" ", *_CONJUNCTIONS)
    return {
        letter
        for (_, _, letter), rejected in zip(spans, map(or_, before, after), strict=True)
        if not rejected
    }


def claim_made(text: str, options: Options, *, alone: bool = False) -> str | None:
    """Find the option of yes or no that a reply of one sentence claims, or the other denied.

    "They do not convey the same emotion" denies "Yes, they convey the same
    emotion". All the words of the claim that carry meaning must occur, or, after
    a pronoun, nothing else: "They match". Where it must stand ``alone``, both.
    """
    claimed = [(letter, its, claim) for letter, its in options.pairs if (claim := _claim(its))]
    if not claimed:
        return None
    words = words_of(text)
    if words.count(" ") > _LONGEST_CLAIM or _SENTENCE_END.search(text.strip()):
        return None
    said = _claim(words)
    opposite = dict(zip(options.letters, reversed(options.letters), strict=True))
    spelt_out = words.replace("n't ", " not ")
    denied = _NEGATION.search(words) is not None
    claims = {
        opposite[letter] if denied != (_NEGATION.search(its) is not None) else letter
        for letter, its, claim in claimed
        if (
            claim == said
            if alone
            else (len(claim) > 1 and claim <= said)
            or _YES_OR_NO.sub(" ", its) in spelt_out
            or (_PRONOUN_FIRST.match(words) and said and said <= claim)
        )
    }
    return claims.pop() if len(claims) == 1 else None


@lru_cache(maxsize=8192)
def _claim(words: str) -> frozenset[str]:
    return frozenset(word for word in _content(words) if not _NOT_CLAIMED.fullmatch(word))


def _spans(words: str, options: Options) -> list[tuple[int, int, str]]:
    """Find where the texts of options stand, in the order of the reply."""
    spans: list[tuple[int, int, str]] = []
    # Longest first, so that "very happy" is not also "happy".
    for letter, whole in sorted(options.pairs, key=lambda pair: -len(pair[1])):
        if not _has_content(whole):
            continue
        its = whole if whole in words else _without_subject(whole)
        start = words.find(its)
        while start >= 0:
            end = start + len(its)
            spans.append((start, end, letter))
            words = f"{words[: start + 1]}{'_' * (len(its) - 2)}{words[end - 1 :]}"
            start = words.find(its)
    return sorted(spans)


@lru_cache(maxsize=8192)
def _without_subject(its: str) -> str:
    """Cut "he is afraid of the dog" to what a reply says of "the man"."""
    rest = _SUBJECT.sub(" ", its)
    return rest if len(_content(rest)) > 1 else its


@lru_cache(maxsize=8192)
def _without_start(words: str) -> str:
    """Leave out the little words that a text begins with."""
    start = _START.match(words)
    return words if start is None else words[start.end() - 1 :]


def _says_only(words: str, known: frozenset[str]) -> bool:
    """Return whether words carry meaning, and none but what is known."""
    meaningful = False
    for word in words.split():
        if _is_meaningful(word):
            if _stem(word) not in known:
                return False
            meaningful = True
    return meaningful


def _has_content(words: str) -> bool:
    return bool(_content(words))


@lru_cache(maxsize=8192)
def _content(words: str) -> frozenset[str]:
    """Return the stems of the words that carry meaning."""
    return frozenset(_stem(word) for word in words.split() if _is_meaningful(word))


def _is_meaningful(word: str) -> bool:
    return len(word) > 2 and word not in _STOP_WORDS


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    return _ENDING.sub("", word)
