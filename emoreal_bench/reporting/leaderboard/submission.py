"""Entries that others submit: taken in only if their scores follow from their own items.

Nothing of an entry is believed that can be computed. The task must be one that
is known here, asked in its own words; every reply is read again; and where the
publisher has the data, the items and the right answers are compared with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emoreal_bench.catalog import TaskFile, load_task, task_paths
from emoreal_bench.contracts.errors import EmorealError, RunError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.run_record import (
    ITEMS_FILE,
    MANIFEST_FILE,
    PLAN_FILE,
    RESULTS_FILE,
    TIMINGS_FILE,
    Manifest,
)
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.identity import clip_hash, data_hash, hash_json, request_hash, short
from emoreal_bench.printable import plain_text
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.readers import load_items
from emoreal_bench.record.files import (
    copy_file,
    is_draft,
    move_file,
    new_folder,
    scratch_folder,
)
from emoreal_bench.record.finished import FinishedRun, read_report
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.log import read_log
from emoreal_bench.record.manifest import refuse_absent
from emoreal_bench.running.plan import limit_items
from emoreal_bench.running.results import score_log
from emoreal_bench.running.shuffling import shuffle_choices
from emoreal_bench.scoring.identity import scoring_hash
from emoreal_bench.scoring.score import OF_STATEMENTS, results_json

_NEEDED = (MANIFEST_FILE, PLAN_FILE, ITEMS_FILE, RESULTS_FILE)
_LARGEST_BYTES = 4 << 30
"""Of one file: far beyond the log of any task."""


class RefusedEntryError(EmorealError):
    """An entry does not hold together."""

    def __init__(self, entry: Path, problems: Sequence[str]):
        super().__init__(
            "The entry is refused:\n" + "\n".join(f"  - {problem}" for problem in problems),
            where=str(entry),
            remedy="Send the run folder as `emoreal-bench run` left it; if the version differs, "
            "score it again with this one and send it then.",
        )
        self.problems = tuple(problems)


def add_entry(entry: Path, to: Path, data: Path | None = None) -> Path:
    """Check an entry and copy it among those of a leaderboard.

    Args:
        entry: A run folder: manifest, plan, log and results. Texts of the
            questions may be blank.
        to: Folder of all entries; made if it is not there.
        data: The data folder, to compare items, right answers and clips with.

    Returns:
        The folder of the entry below ``to``.

    Raises:
        RefusedEntryError: With everything that does not hold.
        RunError: If a file is not there or not as it should be.
        DataError: If ``data`` is not the data of the task.
    """
    refuse_absent(entry)
    _refuse_odd_files(entry)
    with scratch_folder(to) as copy:
        # Whoever sent the entry may change it meanwhile: what is checked is what is taken in.
        for name in _files(entry):
            copy_file(entry / name, copy / name, _LARGEST_BYTES)
        try:
            return _take_in(copy, to, data)
        except RefusedEntryError as error:
            raise RefusedEntryError(entry, error.problems) from None
        except EmorealError as error:
            error.where = error.where and error.where.replace(str(copy), str(entry))
            raise


def _take_in(entry: Path, to: Path, data: Path | None) -> Path:
    """Check a copy of an entry that is nobody else's, and bring it to its place."""
    report = read_report(entry)
    items = load_plan_items(entry, report.manifest)
    paths = task_paths()
    if report.manifest.task not in paths:
        # A path would let the entry bring a task of its own along.
        name = plain_text(report.manifest.task)
        raise RefusedEntryError(entry, [f"its task {name} is not one that has a name here"])
    task_file = load_task(paths[report.manifest.task])
    problems = [
        *_task_problems(report.manifest, task_file),
        *_item_problems(entry, report.manifest, items),
    ]
    if not problems:
        problems += _score_problems(entry, report, items)
        problems += _neighbour_problems(report.manifest, items, to)
        if data is not None:
            problems += _data_problems(report.manifest, items, task_file, data)
    if problems:
        raise RefusedEntryError(entry, problems)
    return _place(entry, report.manifest, to)


def _files(entry: Path) -> list[str]:
    return [*_NEEDED, TIMINGS_FILE] if (entry / TIMINGS_FILE).exists() else [*_NEEDED]


def _refuse_odd_files(entry: Path) -> None:
    for name in _files(entry):
        path = entry / name
        # A link could lead anywhere on the machine that publishes.
        if path.is_symlink() or not path.is_file():
            raise RunError(f"The entry has no {name}, or not as a plain file.", where=str(entry))
        if path.stat().st_size > _LARGEST_BYTES:
            raise RunError("The file is too large.", where=str(path))


def _task_problems(manifest: Manifest, task_file: TaskFile) -> list[str]:
    """Compare what was asked with the task as it is known here."""
    if manifest.imported is not None:
        return ["its replies were imported, so that nothing of how they were made can be checked"]
    request = manifest.request
    known = task_file.task.model_dump(mode="json", by_alias=True)
    # Which metrics tables show says nothing of what was asked.
    if {**manifest.task_definition, "metrics": ()} != {**known, "metrics": ()}:
        return [f"its task {manifest.task} is not the one known here under that name"]
    if request.variant not in task_file.task.variants:
        return [f"its task {manifest.task} has no variant {request.variant}"]
    renderer = PromptRenderer(task_file, request.variant, request.media.modalities)
    problems = []
    if (request.prompt_template, request.system) != (renderer.template, renderer.variant.system):
        problems.append(f"it does not ask in the words of variant {request.variant}")
    if request.hash != request_hash(request):
        problems.append("its request hash is not that of its request")
    return problems


def _item_problems(entry: Path, manifest: Manifest, items: Sequence[Item]) -> list[str]:
    """See that plan and log are sound and speak of the same items."""
    ids = {item.id for item in items}
    problems = []
    if len(items) != manifest.data.items or len(ids) != len(items):
        problems.append(
            f"its plan holds {len(ids)} different items, its manifest {manifest.data.items}"
        )
    log = read_log(entry / ITEMS_FILE)
    strangers = sum(record["id"] not in ids for record in log)
    if strangers:
        problems.append(f"its log answers {strangers} items that its plan does not hold")
    if log.damaged:
        problems.append(f"{len(log.damaged)} lines of its log are damaged or were edited")
    return problems


def _score_problems(entry: Path, report: FinishedRun, items: Sequence[Item]) -> list[str]:
    """Compute every score again."""
    known = {scoring.value for scoring in Scoring}
    if not set(report.results.scores) <= known:
        return ["it has scores under a scoring that is not known here"]
    scorings = [Scoring(name) for name in report.results.scores]
    if report.results.scoring_hash != scoring_hash(scorings):
        return ["it was scored by the rules of another version"]
    again = score_log(report.manifest, items, entry / ITEMS_FILE, scorings)
    if results_json(again) == results_json(report.results):
        return []
    are_blank = any(not item.question.strip() for item in items)
    claimed, found = (_comparable(one, are_blank=are_blank) for one in (report.results, again))
    parts = sorted(name for name in {*claimed, *found} if claimed.get(name) != found.get(name))
    return [f"its results do not follow from its items: {', '.join(parts)} differ"] if parts else []


def _comparable(results: Results, *, are_blank: bool) -> dict[str, Any]:
    """Return results as they are compared.

    Without the texts of the questions, statements cannot be told from other
    replies without an answer. Both are wrong, so they are counted together, in
    the warnings too.
    """
    record = results.model_dump(mode="json", exclude_unset=True)
    if are_blank:
        record["warnings"] = [one.partition(OF_STATEMENTS)[0] for one in results.warnings]
        _count_statements_as_unparsable(record)
    return record


def _count_statements_as_unparsable(record: dict[str, Any]) -> None:
    for name, value in record.items():
        if name == "outcomes":
            value["unparsable"] += value.pop("statement", 0)
        elif isinstance(value, dict):
            _count_statements_as_unparsable(value)


def _neighbour_problems(manifest: Manifest, items: Sequence[Item], to: Path) -> list[str]:
    """Compare the right answers with those of entries that claim the same data and request."""
    for path in sorted(to.glob(f"*/{MANIFEST_FILE}")):
        if is_draft(path):
            continue
        other = read_report(path.parent).manifest
        same = (other.task, other.data.hash, other.request.hash)
        if same == (manifest.task, manifest.data.hash, manifest.request.hash):
            if _answers(load_plan_items(path.parent, other)) == _answers(items):
                return []
            return [f"its right answers are not those of {path.parent.name}, on the same data"]
    return []


def _data_problems(
    manifest: Manifest, items: Sequence[Item], task_file: TaskFile, data: Path
) -> list[str]:
    """Compare items, right answers and the bytes of the clips with the data."""
    dataset = load_items(task_file.task, data, {})
    asked = limit_items(dataset.items, manifest.limit)
    problems = []
    shown = shuffle_choices(asked, manifest.request.choice_shuffle_seed)
    if _answers(shown) != _answers(items):
        problems.append("its items or right answers are not those of the data")
    keys = dict.fromkeys(item.clip for item in asked)
    hashes = {key: clip_hash(dataset.clips[key]) for key in keys}
    if manifest.data.hash != data_hash(asked, hashes):
        problems.append("its data hash is not that of the data")
    return problems


def _answers(items: Sequence[Item]) -> list[tuple[str, str, tuple[str, ...], str, str]]:
    """Return what a score rests on; texts of questions may be left out."""
    return [(item.id, item.subtask, item.choices, item.answer, item.clip) for item in items]


def _place(entry: Path, manifest: Manifest, to: Path) -> Path:
    name = re.sub(r"[^A-Za-z0-9.]+", "-", manifest.run_id).strip("-.")[:100]
    # The hash keeps apart what the shortened name does not.
    identity = hash_json([manifest.model_dump(mode="json"), (entry / ITEMS_FILE).stat().st_size])
    place = to / f"{name}-{short(identity)}"
    if place.is_dir() and any(place.iterdir()):
        raise RunError("This entry is there already.", where=str(place))
    with new_folder(place) as draft:
        for name in _files(entry):
            move_file(entry / name, draft / name)
    return place
