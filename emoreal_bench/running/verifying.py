"""Is a run folder whole, do its files belong together, and what can be mended?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.run_record import (
    ITEMS_FILE,
    MANIFEST_FILE,
    PLAN_FILE,
    RESULTS_FILE,
    TIMINGS_FILE,
    Manifest,
)
from emoreal_bench.identity import shard_number
from emoreal_bench.record.finished import other_log, read_report
from emoreal_bench.record.folder import RunFolder, load_plan_items, load_timings
from emoreal_bench.record.log import read_log
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.running.deferred.store import JobStore
from emoreal_bench.running.results import log_hash, score_folder, write_results
from emoreal_bench.text import count_of

_RUN_AGAIN = "Give the command of the run again: it asks what is open."


@dataclass(frozen=True, slots=True)
class FileState:
    """What one file of a run is like.

    Attributes:
        name: Of the file.
        problem: What is wrong with it; None if it is whole and belongs to the run.
        remedy: What to do about it.
        repaired: Whether it was mended.
    """

    name: str
    problem: str | None = None
    remedy: str = ""
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class RunState:
    """What the files of a run are like.

    Attributes:
        folder: Of the run.
        files: Every file that was looked at, in the order in which they depend on each other.
    """

    folder: Path
    files: tuple[FileState, ...]

    @property
    def is_whole(self) -> bool:
        """Return whether nothing is wrong, or all that was wrong is mended."""
        return all(file.problem is None or file.repaired for file in self.files)


def verify_run(folder: Path, *, repair: bool = False) -> RunState:
    """Check every file of a run, and that they belong together.

    Args:
        folder: A run folder.
        repair: Mend what follows from other files: damaged lines of the log are put
            aside, so that their items are asked again, and scores are written again
            from the log. What only its owner has, the manifest and the plan, is named.

    Raises:
        RunError: If the run is being written, or cannot be.
    """
    if not repair:
        return RunState(folder, tuple(_states(folder)))
    with RunFolder(folder) as held:
        found = {}
        for state in _states(folder):
            found[state.name] = state
            _mend(held, state)
        return RunState(
            folder,
            tuple(
                replace(found[now.name], repaired=True)
                if now.problem is None and found[now.name].problem is not None
                else now
                for now in _states(folder)
            ),
        )


def _states(folder: Path) -> Iterator[FileState]:
    try:
        manifest = load_manifest(folder)
    except RunError as error:
        yield _state(MANIFEST_FILE, error)
        return
    yield FileState(MANIFEST_FILE)
    for name, check in (
        (PLAN_FILE, lambda: load_plan_items(folder, manifest)),
        (ITEMS_FILE, lambda: _check_log(folder, manifest)),
        (TIMINGS_FILE, lambda: load_timings(folder)),
        (RESULTS_FILE, lambda: _check_results(folder)),
        ("jobs", lambda: JobStore(folder)),
    ):
        yield _checked(name, check)


def _checked(name: str, check: Callable[[], object]) -> FileState:
    try:
        check()
    except RunError as error:
        return _state(name, error)
    return FileState(name)


def _state(name: str, error: RunError) -> FileState:
    return FileState(name, error.problem, error.remedy or "")


def _check_log(folder: Path, manifest: Manifest) -> None:
    """Find damaged lines, answers to items of other runs, and items without an answer."""
    log = read_log(folder / ITEMS_FILE)
    answered = {record["id"] for record in log}
    if log.damaged:
        raise RunError(
            f"{count_of(len(log.damaged), 'damaged line')}, the first is line {log.damaged[0]:,}.",
            remedy=_RUN_AGAIN,
        )
    try:
        items = load_plan_items(folder, manifest)
    except RunError:
        return  # which is said of the plan
    planned, shard = {item.id for item in items}, manifest.shard
    if shard is not None:
        planned = {item.id for item in items if shard_number(item.clip, shard.of) == shard.number}
    if answered - planned:
        raise RunError(
            f"It answers {count_of(len(answered - planned), 'item')} that "
            f"{f'shard {shard}' if shard else 'the plan'} does not hold.",
            remedy="It is the log of another run, or holds lines of one. Bring the right one back.",
        )
    if planned - answered:
        raise RunError(
            f"{count_of(len(planned - answered), 'item')} of {len(planned):,} not asked yet.",
            remedy=_RUN_AGAIN,
        )


def _check_results(folder: Path) -> None:
    results = read_report(folder).results
    if results.replies_hash not in (None, log_hash(folder)):
        raise other_log(folder)


def _mend(held: RunFolder, state: FileState) -> None:
    if state.problem is None:
        return
    if state.name == ITEMS_FILE:
        held.repair()
    elif state.name == RESULTS_FILE:
        _score_again(held.path)
    elif state.name == TIMINGS_FILE:
        (held.path / TIMINGS_FILE).unlink(missing_ok=True)


def _score_again(folder: Path) -> None:
    try:
        write_results(folder, score_folder(folder, believes_log=True))
    except RunError:
        return  # which is said of the file that scoring needs
