"""Files of preference pairs: convert, check, balance and audit what AVEm-DPO is trained on."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoreal_bench.api.evaluating import RunOptions
from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.identity import short
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.preferences.reading import hash_pairs, read_pairs, write_pairs
from emoreal_bench.readers import load_items
from emoreal_bench.running.observer import RunObserver

if TYPE_CHECKING:
    from emoreal_bench.contracts.item import Clip
    from emoreal_bench.preferences.checking.verdicts import AuditReport
    from emoreal_bench.preferences.report import BlindGuessing, PairsReport

Progress = Callable[[int, int], None]


def convert_pairs(source: Path, out: Path) -> tuple[PreferencePair, ...]:
    """Write a file of pairs anew, such as the authors' JSON, as JSON lines of this project.

    Raises:
        DataError: If ``source`` is no file of pairs.
    """
    pairs = read_pairs(source)
    write_pairs(pairs, out)
    return pairs


@dataclass(frozen=True, slots=True)
class PairsCheckOptions:
    """What pairs are held against.

    Attributes:
        clips: The folder of their clips; needed to find overlaps by content.
        evaluation: Data folders of evaluation sets, by task.
        model: A model that is asked without the clips; None asks none.
        run: How it is asked.
    """

    clips: Path | None = None
    evaluation: Mapping[str, Path] = field(default_factory=dict)
    model: str | None = None
    run: RunOptions = field(default_factory=RunOptions)


def check_pairs(
    path: Path,
    options: PairsCheckOptions | None = None,
    *,
    progress: Progress | None = None,
    observer: RunObserver | None = None,
) -> PairsReport:
    """Measure what decides the outcome of training on a file of pairs.

    Args:
        path: The file.
        options: What else the pairs are held against.
        progress: Called with evaluation clips looked at and all of them.
        observer: Hears of every question that the model has answered.

    Returns:
        The report; clips that an evaluation set holds, too, are in its ``overlaps``.

    Raises:
        DataError: If the file or an evaluation set is not valid.
        UsageError: For a wrong task or model.
    """
    from emoreal_bench.preferences.checking.check import CheckedAgainst
    from emoreal_bench.preferences.checking.check import check_pairs as check

    options = options or PairsCheckOptions()
    pairs = read_pairs(path)
    against = CheckedAgainst(
        clips=options.clips,
        evaluation={task: _clips_of(task, root) for task, root in options.evaluation.items()},
        blind=_guess_blind(pairs, path, options, observer),
    )
    return check(pairs, against, progress)


def balance_pairs(path: Path, out: Path, seed: int = 0) -> tuple[PreferencePair, ...]:
    """Write those pairs of a file that stay when cues, letters and lengths are evened out.

    Args:
        path: The pairs.
        out: The file to write.
        seed: Of the choice among pairs that are alike.

    Raises:
        DataError: If the file is no file of pairs.
    """
    from emoreal_bench.preferences.building.balancing import balance_pairs as balance

    pairs = balance(read_pairs(path), seed)
    write_pairs(pairs, out)
    return pairs


def write_audit_page(
    path: Path, clips: Path, out: Path, *, sample: int = 50, seed: int = 0
) -> Path:
    """Write a static page on which a person checks some of the pairs by eye and ear.

    Args:
        path: The pairs.
        clips: The folder of their clips; the page refers to the files there.
        out: Folder of the page.
        sample: How many pairs are shown.
        seed: Of their draw.

    Returns:
        The page, to be opened from disk.

    Raises:
        DataError: If the file is no file of pairs.
    """
    from emoreal_bench.reporting.audit_page import write_audit_page as write

    return write(read_pairs(path), clips, out, sample=sample, seed=seed)


def read_audit(path: Path, verdicts: Path) -> AuditReport:
    """Return how far the verdicts that the audit page saved agree with the pairs.

    Args:
        path: The pairs.
        verdicts: The file that the page saved.

    Raises:
        DataError: If one of the files is not what it should be.
        NotComparableError: If the verdicts are on other pairs.
    """
    from emoreal_bench.preferences.checking.verdicts import read_verdicts, weigh_verdicts

    try:
        return weigh_verdicts(read_pairs(path), read_verdicts(verdicts))
    except NotComparableError as error:
        where = str(verdicts)
        raise NotComparableError(error.problem, where=where, remedy=error.remedy) from error


@dataclass(frozen=True, slots=True)
class WrittenPairs:
    """Pairs in a file, summed up for the person who had them written.

    Attributes:
        file: Where they are.
        pairs: The pairs.
        counts: What else was counted on the way.
    """

    file: Path
    pairs: Sequence[PreferencePair]
    counts: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object."""
        return {
            "file": str(self.file),
            "pairs": len(self.pairs),
            "clips": len({pair.clip for pair in self.pairs}),
            "with_both_rejected": sum(len(pair.rejected) == 2 for pair in self.pairs),
            "hash": hash_pairs(self.pairs),
            "counts": dict(self.counts),
        }

    def lines(self) -> list[str]:
        """Return the summary in words, with the command to check the pairs."""
        record = self.to_json()
        check = ("emoreal-bench", "prefs", "check", str(self.file))
        counts = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in self.counts.items())
        return [
            *([counts] if counts else []),
            f"{record['pairs']} pairs about {record['clips']} clips are in {self.file} "
            f"({short(record['hash'])}); {record['with_both_rejected']} have both rejected "
            "answers.",
            f"Check what they teach: {shlex.join(check)} --clips FOLDER --against TASK=FOLDER",
        ]


def _clips_of(task: str, root: Path) -> Mapping[str, Clip]:
    return load_items(find_task(task).task, root, {}).clips


def _guess_blind(
    pairs: Sequence[PreferencePair],
    path: Path,
    options: PairsCheckOptions,
    observer: RunObserver | None,
) -> BlindGuessing | None:
    from emoreal_bench.preferences.building.asking import StageRunner
    from emoreal_bench.preferences.checking.blind import measure_blind, plan_blind

    if options.model is None:
        return None
    adapter = create_adapter(options.model, options.run.model_arguments, options.run.lora)
    plan = plan_blind(pairs, path)
    if not plan.items:
        return None
    runner = StageRunner(options.run.runs, options.run.policy, observer)
    return measure_blind(pairs, runner.run(plan, adapter))
