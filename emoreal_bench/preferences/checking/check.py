"""Puts together what decides the outcome of training on pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.file_names import path_on_disk
from emoreal_bench.preferences.checking.measuring import (
    count_repetitions,
    find_unknown_letters,
    measure_cue_bias,
    measure_lengths,
    measure_letters,
    measure_roles,
)
from emoreal_bench.preferences.checking.overlap import find_overlaps
from emoreal_bench.preferences.reading import hash_pairs
from emoreal_bench.preferences.report import BlindGuessing, CueBias, PairsReport, RoleTable
from emoreal_bench.statistics.intervals import wilson_interval
from emoreal_bench.text import count_of

STRONG_ASSOCIATION = 0.2
UNEVEN_LETTERS = 0.05
TELLING_LENGTH = 0.1
MOSTLY_PRIOR = 0.6
"""Above these a warning is printed."""
FEWEST_TRAPS = 100
"""Below this a warning is printed."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class CheckedAgainst:
    """What pairs are held against besides themselves.

    Attributes:
        clips: The folder of their clips; None if it is not at hand.
        evaluation: The clips of evaluation sets, by task and key.
        blind: What a model guessed without the clips; None if none was asked.
    """

    clips: Path | None = None
    evaluation: Mapping[str, Mapping[str, Clip]] = field(default_factory=dict)
    blind: BlindGuessing | None = None


def check_pairs(
    pairs: Sequence[PreferencePair],
    against: CheckedAgainst | None = None,
    progress: Progress | None = None,
) -> PairsReport:
    """Measure pairs.

    Args:
        pairs: What is to be trained on.
        against: What else they are held against.
        progress: Called with evaluation clips looked at and all of them.

    Raises:
        DataError: If there is no such folder of clips.
    """
    against = against or CheckedAgainst()
    if against.clips is not None and not against.clips.is_dir():
        raise DataError("There is no such folder of clips.", where=str(against.clips))
    duplicates, contradictions = count_repetitions(pairs)
    clips = clips_of(pairs)
    report = PairsReport(
        pairs=len(pairs),
        clips=len({pair.clip for pair in pairs}),
        hash=hash_pairs(pairs),
        with_both_rejected=sum(len(pair.rejected) == 2 for pair in pairs),
        with_one_rejected=sum(len(pair.rejected) == 1 for pair in pairs),
        with_altered_input=sum(pair.altered is not None for pair in pairs),
        cue_bias=measure_cue_bias(pairs),
        roles=measure_roles(pairs),
        letters=measure_letters(pairs),
        lengths=measure_lengths(pairs),
        blind=against.blind,
        duplicates=duplicates,
        contradictions=contradictions,
        unknown_letters=find_unknown_letters(pairs),
        missing_clips=_missing(clips, against.clips),
        overlaps=find_overlaps(clips, against.clips, against.evaluation, progress),
        checked_against=tuple(against.evaluation),
    )
    return report.model_copy(update={"warnings": tuple(_warnings(report))})


def clips_of(pairs: Sequence[PreferencePair]) -> tuple[str, ...]:
    """Return the clips of pairs, partners included, each once."""
    partners = (pair.altered.partner for pair in pairs if pair.altered is not None)
    named = [*(pair.clip for pair in pairs), *(partner for partner in partners if partner)]
    return tuple(dict.fromkeys(named))


def _missing(clips: Sequence[str], folder: Path | None) -> tuple[str, ...]:
    if folder is None:
        return ()
    return tuple(clip for clip in clips if not path_on_disk(folder / clip).is_file())


def _warnings(report: PairsReport) -> list[str]:
    found = [*_cue_warnings(report.cue_bias), *_role_warnings(report.roles)]
    found += _repetition_warnings(report)
    for options, letters in report.letters.items():
        most = max(letters.chosen, key=lambda letter: letters.chosen[letter])
        # A few pairs are uneven by chance.
        share = wilson_interval(letters.chosen[most], letters.pairs)
        if letters.excess > UNEVEN_LETTERS and share[0] > 1 / options:
            found.append(
                f"Of {options} options, ({most}) is right in "
                f"{100 * letters.chosen[most] / letters.pairs:.0f} percent."
            )
    if report.lengths is not None and abs(report.lengths.advantage) > TELLING_LENGTH:
        kind = "longer" if report.lengths.advantage > 0 else "shorter"
        found.append(f"Chosen answers are mostly {kind} than rejected ones.")
    blind = report.blind
    if blind is not None and blind.interval is not None and blind.interval[0] > blind.chance:
        found.append(
            f"{blind.model} finds {100 * blind.accuracy:.0f} percent of the chosen answers without "
            f"the clip; guessing finds {100 * blind.chance:.0f}."
        )
    if report.unknown_letters:
        found.append(
            f"{count_of(len(report.unknown_letters), 'pair')} with an answer whose letter is none "
            f"of the options, {report.unknown_letters[0]} for one."
        )
    if report.missing_clips:
        found.append(
            f"{count_of(len(report.missing_clips), 'clip')} of pairs, or partners, missing from "
            f"the folder: {report.missing_clips[0]} for one."
        )
    return found


def _cue_warnings(bias: CueBias | None) -> list[str]:
    if bias is None:
        return [
            "No pair names its emotion and cue, so how far the one tells the other is not known."
        ]
    if bias.association > STRONG_ASSOCIATION:
        return [
            f"The emotion tells which of its cues is right (Cramér's V {bias.association:.2f}): "
            "training on these pairs strengthens the guess. `prefs balance` evens it out."
        ]
    return []


def _role_warnings(roles: RoleTable | None) -> list[str]:
    if roles is None:
        return []
    found = []
    if roles.traps < FEWEST_TRAPS:
        found.append(
            f"Pairs that ask for the typical cue of an emotion where it is absent: {roles.traps}. "
            f"Fewer than {FEWEST_TRAPS} such traps hardly teach a model to stop inventing it."
        )
    if roles.prior_share > MOSTLY_PRIOR:
        found.append(
            f"The emotion alone answers {100 * roles.prior_share:.0f} percent of the yes/no pairs: "
            "training on them rewards the habit that they are meant to cure."
        )
    return found


def _repetition_warnings(report: PairsReport) -> list[str]:
    found = []
    if report.duplicates:
        found.append(f"{report.duplicates} pairs are duplicates.")
    if report.contradictions:
        found.append(f"{report.contradictions} pairs contradict another of the same question.")
    without = report.pairs - report.with_altered_input
    if without:
        found.append(f"{without} pairs have no altered input, which AVEm-DPO needs.")
    return found
