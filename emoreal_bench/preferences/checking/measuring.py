"""Measures of pairs that decide what training on them teaches besides the cues.

A model finds the chosen answer without looking if the emotion tells the cue, if
one letter is right more often, or if the longer answer is. Each of these is
measured here, and evened out by :mod:`emoreal_bench.preferences.building.balancing`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from math import sqrt

from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.contracts.vocabulary import CueQuestion
from emoreal_bench.preferences.building.facts import Fact, fact
from emoreal_bench.preferences.report import (
    CueBias,
    LengthBalance,
    LetterBalance,
    RoleCount,
    RoleTable,
)
from emoreal_bench.statistics.intervals import wilson_interval

Stratum = tuple[str, str]
"""Modality and emotion."""

_LETTER_ANSWER = re.compile(r"\s*(?:\(([A-Z])\)|([A-Z])(?:[.):]|\s*\Z))")
_OPTION_LINE = re.compile(r"^[ \t]*\(?([A-Z])[).:][ \t]*(\S.*)$", re.MULTILINE)
_OPTION_IN_TEXT = re.compile(r"\(([A-Z])\)\s*([^\n(]*)")


def letter_of(answer: str) -> str | None:
    """Return the letter that an answer begins with; None for an answer in words."""
    match = _LETTER_ANSWER.match(answer)
    return None if match is None else match.group(1) or match.group(2)


def split_options(question: str) -> tuple[str, dict[str, str]]:
    """Part a question from the options it lists, a line each or ``(A) ... (B) ...``.

    Returns:
        What stands before the options, and their texts by letter.
    """
    for pattern in (_OPTION_LINE, _OPTION_IN_TEXT):
        found = list(pattern.finditer(question))
        if len(found) > 1:
            options = {match.group(1): match.group(2).strip() for match in found}
            return question[: found[0].start()].strip(), options
    return question, {}


def stratum_of(pair: PreferencePair) -> Stratum | None:
    """Return the modality and emotion of a pair; None if it does not say its emotion."""
    emotion = fact(pair, Fact.EMOTION)
    if emotion is None:
        return None
    return pair.modality or "both", emotion.casefold().strip()


def named_cues(pair: PreferencePair) -> Iterator[tuple[str, bool]]:
    """Return the cues that a pair is about, each with whether the chosen answer affirms it."""
    for name, is_affirmed in ((Fact.CUE, True), (Fact.DENIED_CUE, False)):
        cue = fact(pair, name)
        if cue is not None:
            yield cue.casefold().strip(), is_affirmed


def measure_cue_bias(pairs: Sequence[PreferencePair]) -> CueBias | None:
    """Measure how far emotions tell cues; None if no pair names both."""
    roles: defaultdict[Stratum, dict[bool, Counter[str]]] = defaultdict(
        lambda: {True: Counter(), False: Counter()}
    )
    counted = 0
    for pair in pairs:
        stratum, cues = stratum_of(pair), list(named_cues(pair))
        if stratum is None or not cues:
            continue
        counted += 1
        for cue, is_affirmed in cues:
            roles[stratum][is_affirmed][cue] += 1
    if not counted:
        return None
    affirmed = [counts[True] for counts in roles.values() if counts[True]]
    total = sum(counts.total() for counts in affirmed)
    typical = sum(max(counts.values()) for counts in affirmed)
    even = sum(
        counts[True].total() / len(counts[True] | counts[False])
        for counts in roles.values()
        if counts[True]
    )
    return CueBias(
        pairs=counted,
        association=_pooled_association(list(roles.values())),
        affirmed=total,
        typical_share=typical / total if total else None,
        typical_interval=wilson_interval(typical, total) if total else None,
        even_share=even / total if total else None,
    )


def measure_roles(pairs: Sequence[PreferencePair]) -> RoleTable | None:
    """Count yes/no questions by what they ask for and whether it is there; None without any.

    Questions that name no emotion do not count: no habit answers them. The typical cue is
    the one that a pair says, else the one which the emotion's answers affirm most often.
    """
    claims = [(pair, asked) for pair in pairs if (asked := _asked_cue(pair)) is not None]
    affirmed: defaultdict[Stratum | None, Counter[str]] = defaultdict(Counter)
    for pair, (cue, is_there) in claims:
        affirmed[stratum_of(pair)][cue] += is_there
    counts: Counter[tuple[bool, bool]] = Counter()
    for pair, (cue, is_there) in claims:
        usual = affirmed[stratum_of(pair)]
        typical = fact(pair, Fact.TYPICAL_CUE) or max(usual, key=lambda one: (usual[one], one))
        counts[cue == typical.casefold().strip(), is_there] += 1
    if not claims:
        return None
    rows = [
        RoleCount(typical=typical, present=present, pairs=counts[typical, present])
        for typical, present in product((True, False), repeat=2)
    ]
    return RoleTable(
        counts=tuple(rows),
        pairs=len(claims),
        traps=counts[True, False],
        prior_share=sum(row.pairs for row in rows if row.prior_is_right) / len(claims),
    )


def _asked_cue(pair: PreferencePair) -> tuple[str, bool] | None:
    """Return the cue that a yes/no question names with an emotion, and whether it is there."""
    if stratum_of(pair) is None or fact(pair, Fact.KIND) == CueQuestion.NEUTRAL:
        return None
    named, asked = list(named_cues(pair)), fact(pair, Fact.ASKED_CUE)
    if asked is not None:
        named = [one for one in named if one[0] == asked.casefold().strip()]
    return named[0] if len(named) == 1 else None


def _pooled_association(tables: Sequence[dict[bool, Counter[str]]]) -> float:
    """Pool Cramér's V of tables with two rows, each weighing by its counts.

    V is corrected for bias, since a table of many cues that occur once each
    would look like a strong association (Bergsma, A bias-correction for Cramér's
    V and Tschuprow's T, Journal of the Korean Statistical Society, 2013).
    """
    observed = possible = 0.0
    for rows in tables:
        affirmed, denied = rows[True], rows[False]
        cues, count = affirmed | denied, affirmed.total() + denied.total()
        if not (affirmed and denied and count > 2):
            continue
        chi_square = 0.0
        for row in (affirmed, denied):
            for cue in cues:
                expected = row.total() * (affirmed[cue] + denied[cue]) / count
                chi_square += (row[cue] - expected) ** 2 / expected
        columns = len(cues) - 1
        observed += count * max(0.0, chi_square / count - columns / (count - 1))
        possible += count * max(0.0, min(1 - 1 / (count - 1), columns - columns**2 / (count - 1)))
    return min(1.0, sqrt(observed / possible)) if possible else 0.0


def measure_letters(pairs: Sequence[PreferencePair]) -> dict[int, LetterBalance]:
    """Count the letters of chosen answers, by the number of options."""
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for pair in pairs:
        letter = letter_of(pair.chosen)
        _, options = split_options(pair.question)
        if letter in options:
            counts[len(options)][letter] += 1
    return {
        options: LetterBalance(
            pairs=letters.total(),
            chosen=dict(sorted(letters.items())),
            excess=max(letters.values()) / letters.total() - 1 / options,
        )
        for options, letters in sorted(counts.items())
    }


def find_unknown_letters(pairs: Sequence[PreferencePair]) -> tuple[str, ...]:
    """Return the ids of pairs with an answer whose letter is none of the options."""
    found = []
    for pair in pairs:
        _, options = split_options(pair.question)
        answers = (pair.chosen, *pair.rejected)
        letters = {letter for answer in answers if (letter := letter_of(answer)) is not None}
        if options and not letters <= set(options):
            found.append(pair.id)
    return tuple(found)


def length_sign(pair: PreferencePair) -> int:
    """Return 1 if the chosen answer is longer than the rejected ones, -1 if shorter, else 0.

    Answers that are letters have no length to speak of.
    """
    if letter_of(pair.chosen) is not None or not pair.rejected:
        return 0
    differences = [len(pair.chosen) - len(rejected) for rejected in pair.rejected]
    total = sum((difference > 0) - (difference < 0) for difference in differences)
    return (total > 0) - (total < 0)


def measure_lengths(pairs: Sequence[PreferencePair]) -> LengthBalance | None:
    """Compare the lengths of answers in words; None if there are none."""
    lengths = [
        (len(pair.chosen), len(rejected))
        for pair in pairs
        if letter_of(pair.chosen) is None
        for rejected in pair.rejected
    ]
    if not lengths:
        return None
    longer = sum(chosen > rejected for chosen, rejected in lengths)
    shorter = sum(chosen < rejected for chosen, rejected in lengths)
    return LengthBalance(
        comparisons=len(lengths),
        mean_chosen=sum(chosen for chosen, _ in lengths) / len(lengths),
        mean_rejected=sum(rejected for _, rejected in lengths) / len(lengths),
        advantage=(longer - shorter) / len(lengths),
    )


def count_repetitions(pairs: Sequence[PreferencePair]) -> tuple[int, int]:
    """Count duplicates, and pairs that contradict another of the same clip and question."""
    chosen: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    rejected: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    duplicates = 0
    for pair in pairs:
        asked = (pair.clip, pair.question)
        duplicates += pair.chosen in chosen[asked]
        chosen[asked].add(pair.chosen)
        rejected[asked].update(pair.rejected)
    contradictions = sum(pair.chosen in rejected[pair.clip, pair.question] for pair in pairs)
    return duplicates, contradictions
