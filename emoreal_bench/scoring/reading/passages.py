"""Leave out of a marked reply what it rejects, asks, quotes or says of things."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial

from emoreal_bench.scoring.reading import verdicts
from emoreal_bench.scoring.reading.marks import (
    BARE,
    LETTER,
    OFF_LIST,
    SIGN,
    TEXT,
    WEAK,
    WORD,
    any_of,
    kind_of,
    mark,
    number_of,
    rejected,
)

_RANKS = re.compile("rank|order|least|descending|likelihood| to ")
_QUESTION = re.compile(r"(?:\A|(?<=[.!?\n]))[^.!?\n]*+\?++")
_FEW_WORDS = 3
_ASIDE = re.compile(r"\([^()\n]*\w\s[^()\n]*\)")
_TOLD = 110
"""Characters: a reply longer than this may mention a letter by the way."""
_THING = re.compile(
    rf"(?<!only )(?<!is )(?<!choose )(?<!= )(?<!\n)(?<!\| )(?<!es )(?<!est )(?<!ist )"
    rf"{any_of(BARE)}(?!\s?[:=])"
    rf"|{any_of(BARE)}(?= \d)|{any_of(WEAK)}|{any_of(LETTER)}(?![)\]\"'*]*(?:[.!,]|\s*(?:\Z|\n)))"
)
_EAST_ASIAN = re.compile("[\u3040-\u9fff\uac00-\ud7af]")
_FOREIGN = re.compile(
    r"[\xc0-\u2fff]|\b(?:der|das|ist|und|eine?|la|le|les|el|una?|est|es|il|che|con|su|sua|seu)\b"
)
_ENGLISH = re.compile(r"\b(?:the|is|are|was|were|of|and|with|his|her|their|to)\b")
_SAID_BEFORE = re.compile(
    r"(?:(?:\A\s*|[^\w\s'%/]\s*|[^\x00-\x7f]\s*)(?:[\w'%-]{1,24}+\s{1,3}){0,2}?|\b(?:is|are|was"
    r"|were|be|been|being|(?:s?he|it|that|there|what|who|here)'s|isn't|seem(?:s|ed)?|look(?:s|ed)?"
    r"|sound(?:s|ed)?|appear(?:s|ed)?|feel(?:s|ing)?|felt|remains?|stays?|becomes?|turns?|gets?"
    r"|show(?:s|n|ing)?|display(?:s|ing)?|express(?:es|ing)?|convey(?:s|ing)?|suggests?|indicates?"
    r"|reveals?|reflects?|signals?|means?|implies|hear[sd]?|sees?|detect|has|have|had|fits|matches"
    r"|supports?|label(?:led)?|rate|call|read|experiencing|to|as|hid(?:es|ing)|there|prevails|best"
    r"|only|just|simply|but|more|not|full|prefer|choose|tells?|say|betrays?|on|by|of|points?"
    r"|contrasts|est|es|está|ist|zeigt|klingt|wirkt|scheint|empfindet|hat|ha|air|siente|sente"
    r"|parece|semble|montre|exprime|muestra|mostra|mais|sondern|sino|ma|di"
    r"|eher)\s{1,3}(?:[\w'%-]{1,24}+\s{1,3}){0,4}?)[\"'(\[]*\Z"
)
_CALLED = re.compile(
    r"\b(?:called|named|(?:en)?titled|reads?|says|spell(?:s|ed)|written|known\s+as"
    r"|words?|(?:title|name)(?:\s+is)?)\s*[:,]?\s*[\"'(]*\Z"
)
_SAID_AFTER = re.compile(
    r"[\"')\]}|>]*+(?:\s*+(?:\Z|[^\w\s'-]|['-](?!\w))|\s+(?:expressions?|fac(?:es?|ial)|voices?"
    r"|tone|vocal|persons?|men|man|wom[ae]n|looks?|moods?|emotions?|emotional|states?|demeanou?rs?"
    r"|feelings?|speakers?|one|options?|and|or|but|is|are|was|because|as|since|labels?|class"
    r"|sentiments?|attitudes?|manner|in|on|at|of|that|than|when|with|for|from|to|rather|instead"
    r"|not|while|though|due|about|over|then|which|who|he|she|they|it|can|could|seems?|comes|here"
    r"|throughout|by|after|until|intensity|category|fits|best|shows?|supports?|indicates?"
    r"|suggests?|how|what|first|stands|beats|the|all|every|this|him|them|us|me|his|her|their|our"
    r"|even|although|whereas|despite|accounts|matches|carries|gives|hides|follows|people|times?"
    r"|years?|prevails|dominates|scarf|remains|sich|als|que|ce|more)\b)"
)
"""What stands before and behind an answer where a sentence says it of something: "she looks B"."""
_QUOTATION = re.compile(
    r'"([^"\n]{0,300})"' + r"|(?<![\w'])'((?:[^'\n]|(?<=\w)'(?=\w)){0,300})'(?!\w)"
)
_QUOTES_ANSWER = re.compile(
    r"(?:\A|=|\n|[はが是为為은는]|\b(?:is|are|choose|pick|select|say)|\b(?:option|answer|choice|label"
    r"|emotion|response|output|verdict|class|final)[\s:]*)\s*\Z"
)
_IS_NAME = re.compile(
    r"\b(?:title|name|song|film|movie|book|poster|sign|banner|programme|show"
    r"|caption)s?\b[^.;\n]{0,24}\Z"
)
_OTHER_WORD = re.compile(r"\b(?!(?:options?|the|an?|answer)\b)[^\W\d_]")


def merged(marked: str) -> str:
    """Write a letter with its own text as one sign."""

    def merge(match: re.Match[str]) -> str:
        first, second = (sign for sign in match.groups() if sign)
        if number_of(first) == number_of(second):
            return mark(LETTER, number_of(first))
        return match[0]

    return verdicts.ADJACENT.sub(merge, marked)


def without_rejected(marked: str) -> str:
    """Strike out the answers that a reply rejects."""
    strike = partial(SIGN.sub, lambda match: rejected(match[0]))
    if "?" in marked:
        marked = verdicts.ASKED_AND_AFFIRMED.sub(r" \1. ", marked)
    if ">" in marked or "→" in marked or " then " in marked or "followed by" in marked:
        marked = verdicts.CHANGED.sub(lambda match: strike(match[1]) + match[2], marked)
        marked = verdicts.RANKED.sub(r"\1", marked)
    if _RANKS.search(marked):
        marked = verdicts.RANKED_UPWARDS.sub(r"answer: \1", marked)
        marked = verdicts.RANKING.sub(r"answer: \1", marked)
    if "if " in marked:
        marked = verdicts.CONDITIONAL.sub(lambda match: strike(match[0]), marked)
    marked = verdicts.REJECTED_AFTER.sub(lambda match: strike(match[0]), marked)
    if verdicts.REJECTS.search(marked):
        marked = verdicts.REJECTED_BEFORE.sub(lambda match: strike(match[0]), marked)
        marked = verdicts.SECOND.sub(lambda match: strike(match[0]), marked)
    return marked


def joined(marked: str) -> str:
    """Write answers named together as one sign: the same as itself, different ones as none."""

    def join(match: re.Match[str]) -> str:
        numbers = {number_of(sign) for sign in SIGN.findall(match[0])}
        first = SIGN.search(match[0])
        number = numbers.pop() if len(numbers) == 1 else OFF_LIST
        return mark(kind_of(first[0]) if first else LETTER, number)

    marked = verdicts.JOINED.sub(join, verdicts.COMPARED_PAIR.sub(" ", marked))
    marked = verdicts.CHOSEN_FROM.sub(" ", marked)
    return verdicts.ADJACENT.sub(_conflict, marked)


def _conflict(match: re.Match[str]) -> str:
    first, second = (sign for sign in match.groups() if sign)
    if ".." in match[0] or (match[5] and "(" not in match[0]):
        return match[0]
    return mark(LETTER, number_of(first) if number_of(first) == number_of(second) else OFF_LIST)


def without_questions(marked: str) -> str:
    """Leave out questions, unless nothing else answers."""
    if "?" not in marked:
        return marked
    rest = _QUESTION.sub(" ", marked)
    return rest if SIGN.search(rest) else marked


def without_asides(marked: str) -> str:
    """Leave out what stands in brackets beside an answer, unless nothing else answers."""
    if "(" not in marked:
        return marked
    rest = _ASIDE.sub(" ", marked)
    return rest if SIGN.search(rest) else marked


def is_told(marked: str) -> bool:
    """Return whether a reply tells so much that a letter in it may be one of a thing."""
    return len(marked) > _TOLD or verdicts.SENTENCE_END.search(marked) is not None


def without_things(marked: str) -> str:
    """Leave out of a longer text the letters that nothing announces: "platform B"."""
    return _THING.sub("", marked) if is_told(marked) else marked


def are_said(marked: str, long: Collection[int]) -> set[int]:
    """Return the answers that some sentence says of something; others are "a joy ride".

    Args:
        marked: The reply.
        long: The answers whose texts are so long that they are meant wherever they stand.
    """
    is_foreign = not _ENGLISH.search(marked) and _FOREIGN.search(marked)
    if is_foreign or _EAST_ASIAN.search(marked) or marked.count(" ") < _FEW_WORDS:
        return {number_of(sign) for sign in SIGN.findall(marked)}
    return {
        number_of(match[0])
        for match in SIGN.finditer(marked)
        if kind_of(match[0]) in (LETTER, WORD, WEAK)
        or (kind_of(match[0]) == TEXT and number_of(match[0]) in long)
        or (
            not _CALLED.search(marked, max(0, match.start() - 40), match.start())
            and not verdicts.IS_A_NAME.match(marked, match.end())
            and _SAID_BEFORE.search(marked, max(0, match.start() - 60), match.start())
            and _SAID_AFTER.match(marked, match.end())
        )
    }


def without_quotations(marked: str) -> str:
    """Leave out what somebody says or what is written somewhere, but not a quoted answer."""

    def leave_out(match: re.Match[str]) -> str:
        quoted = match[match.lastindex or 0]
        signs = SIGN.findall(quoted)
        if not signs:
            return match[0]
        is_answer = _QUOTES_ANSWER.search(marked, max(0, match.start() - 20), match.start())
        is_said = quoted.endswith((".", ",", "?", "!")) and marked[match.end() :].strip()
        is_name = _IS_NAME.search(marked, max(0, match.start() - 40), match.start())
        if (
            is_name
            or _OTHER_WORD.search(quoted)
            or (is_said and not _QUOTATION.sub("", marked[: match.start()]).strip())
        ):
            return " " if is_name or is_said or not is_answer else match[0]
        is_letter = any(kind_of(sign) in (LETTER, BARE) for sign in signs)
        return match[0] if is_answer or not is_letter else " "

    return _QUOTATION.sub(leave_out, marked) if '"' in marked or "'" in marked else marked
