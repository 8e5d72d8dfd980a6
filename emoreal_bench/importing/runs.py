"""Keeps replies from elsewhere as a run: marked as imported, and never taken for measured."""

from __future__ import annotations

import logging
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from emoreal_bench.catalog import TaskFile
from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.errors import RunError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.media import MEDIA_VERSION
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.run_record import (
    MANIFEST_FILE,
    DataIdentity,
    ImportedReplies,
    Manifest,
    RequestIdentity,
)
from emoreal_bench.contracts.vocabulary import AnswerMethod, DeliveryStatus, Origin, Scoring
from emoreal_bench.hiding import hide_known
from emoreal_bench.identity import clip_hash, data_hash, hash_json, short
from emoreal_bench.importing.predictions import Predictions
from emoreal_bench.printable import plain_text
from emoreal_bench.readers import load_items
from emoreal_bench.readers.annotations import load_annotations
from emoreal_bench.record.folder import RunFolder
from emoreal_bench.record.log import ItemLog, read_log
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.record.records import to_record
from emoreal_bench.running.results import score_log, write_results
from emoreal_bench.version import __version__

PROVIDER = "imported"
"""Stands before the names of models whose replies were imported, and for the variant, since
nobody knows how they were asked."""
_logger = logging.getLogger(__name__)
_LABELS = {
    Origin.PREDICTIONS: "imported from a file of predictions",
    Origin.INSPECT: "imported from a log of Inspect AI",
    Origin.LM_EVAL: "imported from logged samples of lm-evaluation-harness",
    Origin.LMMS_EVAL: "imported from logged samples of lmms-eval",
}
_NO_REPLY = "The imported file holds no reply to it."
_NAME_LENGTH = 40


@dataclass(frozen=True, slots=True)
class ImportedItems:
    """The items that somebody answered elsewhere.

    Attributes:
        items: In the order of the data set.
        data: Their identity, with that of their clips where the data folder is there.
    """

    items: Sequence[Item]
    data: DataIdentity


def find_items(task_file: TaskFile, annotations: Path | None, data: Path | None) -> ImportedItems:
    """Read the items of a task from its annotation file alone, or from its data folder.

    Raises:
        UsageError: Unless one of the two is named.
        DataError: If it is not the data of the task.
    """
    if (annotations is None) == (data is None):
        raise UsageError(
            "The items are read from the annotation file or from the data folder.",
            remedy="Name one of the two: --annotations FILE or --data FOLDER.",
        )
    if annotations is not None:
        items, root = load_annotations(task_file.task, annotations), annotations
        clips = dict.fromkeys(item.clip for item in items)
        hashes: dict[str, str | None] = dict.fromkeys(clips)
    else:
        assert data is not None
        dataset, root = load_items(task_file.task, data, {}), data
        items = list(dataset.items)
        clips = dict.fromkeys(item.clip for item in items)
        hashes = {key: clip_hash(dataset.clips[key]) for key in clips}
    identity = DataIdentity(
        hash=data_hash(items, hashes), items=len(items), clips=len(clips), root=str(root)
    )
    return ImportedItems(items, identity)


def write_imported_run(
    task_file: TaskFile,
    found: ImportedItems,
    predictions: Predictions,
    runs: Path,
    *,
    model: str | None = None,
    scorings: Sequence[Scoring],
    command: Sequence[str] = (),
) -> Path:
    """Write replies from elsewhere as a run folder.

    The same replies give the same folder again.

    Args:
        task_file: The task.
        found: Its items.
        predictions: The replies.
        runs: Folder of runs; made if it is not there.
        model: Who answered; by default as the source says, or its name.
        scorings: The rule books.
        command: How the user started it.

    Returns:
        The run folder.

    Raises:
        NotComparableError: If another run has its place.
        RunError: If it cannot be written.
    """
    manifest = _manifest(task_file, found.data, predictions, model, command)
    place = runs / manifest.run_id
    with RunFolder(place) as folder:
        manifest = folder.begin(manifest, found.items)
        folder.repair()
        _write_log(folder.log_path, found.items, predictions.results)
        results = score_log(manifest, found.items, folder.log_path, scorings)
        write_results(place, results)
    _warn_of_others(place, manifest)
    return place


def _warn_of_others(place: Path, manifest: Manifest) -> None:
    """Tell of other imports under the same name, which a corrected file does not replace."""
    kin = manifest.run_id.rpartition("-")[0]
    for other in sorted(place.parent.glob(f"{kin}-*/{MANIFEST_FILE}")):
        if other.parent == place:
            continue
        try:
            named = load_manifest(other.parent).model.name
        except RunError:  # `runs verify` names it.
            continue
        if named == manifest.model.name:
            _logger.warning(
                "Replies of %s were imported before, into %s. If these replace them, remove that "
                "folder; a leaderboard shows both.",
                named.removeprefix(f"{PROVIDER}/"),
                other.parent,
            )


def _write_log(path: Path, items: Sequence[Item], results: Sequence[Result]) -> None:
    """Write a line for each item, but for those that a broken-off import has written."""
    by_id = {result.id: result for result in results}
    written = {record["id"] for record in read_log(path)}
    with ItemLog(path) as log:
        for item in items:
            if item.id not in written:
                missing = Result(item.id, DeliveryStatus.MISSING, detail=_NO_REPLY)
                log.append(to_record(by_id.get(item.id, missing)))


def _manifest(
    task_file: TaskFile,
    data: DataIdentity,
    predictions: Predictions,
    model: str | None,
    command: Sequence[str],
) -> Manifest:
    task = task_file.task
    name = model or predictions.model or predictions.source.stem
    name = plain_text(name, 200).removeprefix(f"{PROVIDER}/")
    identity = hash_json([data.hash, predictions.source_hash, name])
    parts = (task.name, PROVIDER, re.sub(r"[^A-Za-z0-9]+", "-", name)[-_NAME_LENGTH:].strip("-"))
    return Manifest(
        run_id="-".join((*filter(None, parts), short(identity))),
        task=task.name,
        task_version=task.version,
        task_definition=task.model_dump(mode="json", by_alias=True),
        data=data,
        request=RequestIdentity(
            hash=None,
            variant=PROVIDER,
            answer_method=AnswerMethod.GENERATE,
            # What was really given is not known; this departs from nothing.
            media=task.media,
            generation=GenerationSettings(),
            prompt_template="",
            order=(),
        ),
        model=ModelDescription(
            name=f"{PROVIDER}/{name}",
            label=_LABELS[predictions.origin],
            warnings=(
                "The replies were imported: who gave them, what reached the model and how it "
                "was asked cannot be checked here.",
                *predictions.notes,
            ),
        ),
        imported=ImportedReplies(
            origin=predictions.origin,
            source=str(predictions.source),
            source_hash=predictions.source_hash,
            model=predictions.model,
        ),
        media_version=MEDIA_VERSION,
        emoreal_bench_version=__version__,
        python_version=platform.python_version(),
        platform=platform.platform(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=tuple(map(hide_known, command)),
    )
