"""Several parts of one run, as when two machines shared its items, into one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emoreal_bench.contracts.errors import NotComparableError, RunError, UsageError
from emoreal_bench.contracts.run_record import ITEMS_FILE, MANIFEST_FILE, Manifest
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.record.files import new_folder
from emoreal_bench.record.folder import RunFolder, load_plan_items, load_timings
from emoreal_bench.record.log import ItemLog, read_final_records
from emoreal_bench.record.manifest import differences, load_manifest
from emoreal_bench.running.results import score_log, write_results


def merge_runs(folders: Sequence[Path], out: Path) -> None:
    """Join the logs of one run.

    Of an item that several folders hold, the first that did not fail counts.

    Args:
        folders: Two folders or more of the same run; they stay as they are.
        out: The folder to make.

    Raises:
        UsageError: If fewer than two folders are named.
        NotComparableError: If they are not of one run.
        RunError: If a folder holds no run, or ``out`` already does.
    """
    if len(folders) < 2:
        raise UsageError("Merging needs two runs or more.")
    if (out / MANIFEST_FILE).exists():
        raise RunError(
            "The folder already holds a run.", where=str(out), remedy="Name another with --out."
        )
    manifest = _common_manifest(folders)
    items = load_plan_items(folders[0], manifest)
    sources = _choose_sources(folders)
    with new_folder(out) as draft, RunFolder(draft) as merged:
        merged.begin(manifest, items)
        with ItemLog(merged.log_path) as log:
            for number, folder in enumerate(folders):
                for record in read_final_records(folder / ITEMS_FILE):
                    if sources[record["id"]] == number:
                        log.append(record)
        for folder in folders:
            timings = load_timings(folder)
            if timings is not None:
                merged.add_timings(timings)
        write_results(draft, score_log(manifest, items, merged.log_path))


def _common_manifest(folders: Sequence[Path]) -> Manifest:
    first = load_manifest(folders[0])
    for folder in folders[1:]:
        found = differences(first, load_manifest(folder))
        if found:
            raise NotComparableError(
                f"It is not the same run as {folders[0]}; these differ: {' and '.join(found)}.",
                where=str(folder),
                remedy="Only parts of one run can be merged. "
                "Set other runs side by side with: emoreal-bench compare",
            )
    return first


def _choose_sources(folders: Sequence[Path]) -> dict[str, int]:
    """Return for each item whose record counts, by the position of its folder."""
    sources: dict[str, int] = {}
    failed: set[str] = set()
    for number, folder in enumerate(folders):
        for record in read_final_records(folder / ITEMS_FILE):
            item, has_failed = record["id"], record["status"] == DeliveryStatus.FAILED
            if item not in sources or (item in failed and not has_failed):
                sources[item] = number
                (failed.add if has_failed else failed.discard)(item)
    return sources
