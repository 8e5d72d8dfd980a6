"""Find the texts of options in a reply, and leave out those that it rejects."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from operator import or_

from emoreal_bench.scoring.options import Options, words_of

_LONGEST_PART = 12
"""Words: a longer reply is not taken for a part of an option."""
_LONGEST_TEXT = 400
"""Characters of an option's text that are compared with the beginning of a passage."""
_FILLER = (
    r"(?:the|a|an|at|all|really|very|particularly|truly|quite|so|just|be|being|been|feel|feels|feeling"
    r"|look|looks|looking|seem|seems|appear|appears|to|express|expressing|expresses|show|shows"
    r"|showing|showed|sound|sounds|option|choice|letter|answer|about|of|any|signs|sign|evidence"
    r"|indication|hint|necessarily|convey|conveys|conveying|display|displays|displaying)"
)
_REJECTED_BEFORE = re.compile(
    rf" (?:not|\w+n't|never|no|neither|nor|without|rather than|instead of|than|lack of|lacks"
    rf"|unlike|ruled? out|exclud\w+)(?: {_FILLER})* $"
)
_REJECTED_AFTER = re.compile(
    r"(?:(?:is|are|was|seems|appears|does|would be|can be|could be) (?:clearly |definitely |also )?"
    r"(?:not|wrong|incorrect|unlikely|ruled out|excluded|eliminated|less|out)"
    r"|isn't|doesn't|can't|cannot|wasn't|wouldn't) "
)
_CONJUNCTIONS = (" or ", " nor ", " and ")
_START = re.compile(r"^(?: (?:the|a|an|that|it's|it|is|because|of|with|this|option))* ")
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
    """Give the option whose text the whole reply is, or is a part of.

    A part counts only where it is short, says something and occurs in one
    option alone: "Her trembling voice." for "The speaker's trembling voice".
    """
    words = words_of(text)
    exact = [letter for letter, its in options.pairs if its == words]
    if exact:
        return exact[0] if len(exact) == 1 else None
    stripped = _START.sub(" ", words)
    if words.count(" ") > _LONGEST_PART + 1 or not _has_content(stripped):
        return None
    content = _content(words)
    holders = [
        letter
        for letter, its in options.pairs
        if stripped in its or (len(content) > 1 and content <= _content(its))
    ]
    return holders[0] if len(holders) == 1 else None


def text_at_start(text: str, options: Options) -> str | None:
    """Give the option whose text a passage begins with; of several, the longest."""
    words = words_of(text[:_LONGEST_TEXT])
    stripped = _START.sub(" ", words)
    found = [
        (len(its), letter)
        for letter, its in options.pairs
        if words.startswith(its) or stripped.startswith(_START.sub(" ", its))
        if _has_content(its)
    ]
    return max(found)[1] if found else None


def texts_in(text: str, options: Options) -> set[str]:
    """Give the options whose texts occur in a passage and are not rejected there."""
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


def _spans(words: str, options: Options) -> list[tuple[int, int, str]]:
    """Find where the texts of options stand, in the order of the reply."""
    spans: list[tuple[int, int, str]] = []
    # Longest first, so that "very happy" is not also "happy".
    for letter, its in sorted(options.pairs, key=lambda pair: -len(pair[1])):
        if not _has_content(its):
            continue
        start = words.find(its)
        while start >= 0:
            end = start + len(its)
            spans.append((start, end, letter))
            words = f"{words[: start + 1]}{'_' * (len(its) - 2)}{words[end - 1 :]}"
            start = words.find(its)
    return sorted(spans)


def _has_content(words: str) -> bool:
    return bool(_content(words))


@lru_cache(maxsize=8192)
def _content(words: str) -> frozenset[str]:
    """Give the stems of the words that carry meaning."""
    return frozenset(
        _ENDING.sub("", word) for word in words.split() if len(word) > 2 and word not in _STOP_WORDS
    )
