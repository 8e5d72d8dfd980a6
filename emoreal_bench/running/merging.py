"""Several parts of one run, its shards for instance, into one folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from emoreal_bench.contracts.errors import NotComparableError, RunError, UsageError
from emoreal_bench.contracts.run_record import ITEMS_FILE, MANIFEST_FILE, Manifest
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.record.files import new_folder
from emoreal_bench.record.folder import RunFolder, load_plan_items, load_timings
from emoreal_bench.record.log import ItemLog, read_final_records
from emoreal_bench.record.manifest import differences, load_manifest
from emoreal_bench.record.records import reply_hash
from emoreal_bench.running.results import score_log, write_results

_TOO_FEW = "Merging needs two runs or more."
_MOST_NAMED = 5


def merge_runs(folders: Sequence[Path], out: Path) -> None:
    """Join the logs of one run.

    Of an item that several folders hold, the first that did not fail counts. Shards are
    joined in their order, whatever order they are named in, and have to be all there; two
    of the same number must not say different things of an item.

    Args:
        folders: Two folders or more of the same run; they stay as they are.
        out: The folder to make.

    Raises:
        UsageError: If fewer than two folders are named.
        NotComparableError: If they are not of one run, or say different things of an item.
        RunError: If a folder holds no run, or ``out`` already does; or a shard is missing.
    """
    if not folders:
        raise UsageError(_TOO_FEW)
    if (out / MANIFEST_FILE).exists() or (out / MANIFEST_FILE).is_symlink():
        raise RunError(
            "The folder already holds a run.", where=str(out), remedy="Name another with --out."
        )
    manifests = _manifests_of_one_run(folders)
    manifest = next(iter(manifests.values()))
    if manifest.shard is None and len(folders) < 2:
        raise UsageError(_TOO_FEW)
    if manifest.shard is not None:
        # Whatever order they are named in, the same bytes come out.
        folders = sorted(set(folders), key=lambda folder: (_number(manifests[folder]), str(folder)))
        manifest = _whole(manifests[folders[0]])
    items = load_plan_items(folders[0], manifest)
    sources = _choose_sources(folders, may_differ=manifests[folders[0]].shard is None)
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


def _manifests_of_one_run(folders: Sequence[Path]) -> dict[Path, Manifest]:
    manifests = {folder: load_manifest(folder) for folder in folders}
    first = manifests[folders[0]]
    for folder, manifest in manifests.items():
        found = differences(first, manifest)
        counts = [other.shard.of if other.shard else 1 for other in (first, manifest)]
        if (first.shard is None) != (manifest.shard is None) or counts[0] != counts[1]:
            parts = [_part(other) for other in (first, manifest)]
            found.append(f"the parts that it was dealt into ({parts[0]} and {parts[1]})")
        if found:
            raise NotComparableError(
                f"It is not the same run as {folders[0]}; these differ: {' and '.join(found)}.",
                where=str(folder),
                remedy="Only parts of one run can be merged. "
                "Set other runs side by side with: emoreal-bench compare",
            )
    if first.shard is not None:
        _refuse_gaps({_number(manifest) for manifest in manifests.values()}, first.shard.of)
    return manifests


def _part(manifest: Manifest) -> str:
    return f"shard {manifest.shard}" if manifest.shard else "all of it"


def _number(manifest: Manifest) -> int:
    assert manifest.shard is not None, "they are all shards, or none is"
    return manifest.shard.number


def _refuse_gaps(numbers: set[int], of: int) -> None:
    missing = of - len(numbers)
    if not missing:
        return
    gaps = (number for number in range(1, of + 1) if number not in numbers)
    named = ", ".join(f"{number}/{of}" for number in islice(gaps, _MOST_NAMED))
    if missing > _MOST_NAMED:
        named += f" and {missing - _MOST_NAMED:,} more"
    raise RunError(
        f"{'Shard' if missing == 1 else 'Shards'} {named} {'is' if missing == 1 else 'are'} "
        "missing.",
        remedy="Run what is missing, or name its folder too; a shard without clips has one, too.",
    )


def _whole(manifest: Manifest) -> Manifest:
    """Return the manifest of the run that a shard is of."""
    return manifest.model_copy(
        update={"shard": None, "command": tuple(_without_shard(manifest.command))}
    )


def _without_shard(command: Sequence[str]) -> Iterator[str]:
    words = iter(command)
    for word in words:
        if word == "--shard":
            next(words, None)
        elif not word.startswith("--shard="):
            yield word


def _choose_sources(folders: Sequence[Path], *, may_differ: bool) -> dict[str, int]:
    """Return for each item whose record counts, by the position of its folder.

    Raises:
        NotComparableError: If two folders say different things, and may not.
    """
    sources: dict[str, int] = {}
    failed: set[str] = set()
    replies: dict[str, int] = {}
    for number, folder in enumerate(folders):
        for record in read_final_records(folder / ITEMS_FILE):
            item, has_failed = record["id"], record["status"] == DeliveryStatus.FAILED
            if item not in sources or (item in failed and not has_failed):
                sources[item] = number
                (failed.add if has_failed else failed.discard)(item)
            if may_differ or has_failed:
                continue
            reply = hash(reply_hash(record))
            if replies.setdefault(item, reply) != reply:
                raise NotComparableError(
                    f"The item {item} has another reply here than in {folders[sources[item]]}: "
                    "it was asked twice.",
                    where=str(folder),
                    remedy="Name only one of the two folders.",
                )
    return sources
