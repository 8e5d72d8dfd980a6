"""Baselines: a run in a few kilobytes, for later runs to be held against.

The file holds identities, the scores as they were, and one bit per item, so
that a check is a paired test and needs neither the old run nor its data.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from emoreal_bench.catalog import explain
from emoreal_bench.comparing.runs import AnsweredRun, load_answers, run_differences
from emoreal_bench.contracts.check import Baseline, BaselineScore
from emoreal_bench.contracts.errors import NotComparableError, RunError
from emoreal_bench.contracts.run_record import ImportedReplies
from emoreal_bench.contracts.vocabulary import Factor, Origin, Scoring
from emoreal_bench.identity import canonical_json, checksum, model_hash, short
from emoreal_bench.record.files import write_atomically
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.record.sealed import read_record, unsealed
from emoreal_bench.running.reasons import lacks_in_words
from emoreal_bench.running.results import score_folder
from emoreal_bench.scoring.identity import scoring_hash
from emoreal_bench.text import percent_of_whole
from emoreal_bench.version import __version__

_SAVE_AGAIN = "Save it again from its run: emoreal-bench check RUN --save-baseline FILE"
_BITS_PER_BYTE = 8
_UNKNOWN_SOURCE = ImportedReplies(origin=Origin.PREDICTIONS, source="", source_hash="")
"""A baseline knows only that its replies were imported."""


def save_baseline(folder: Path, path: Path) -> Baseline:
    """Write the baseline of a run.

    Args:
        folder: A run in which every item reached the model.
        path: The file.

    Raises:
        RunError: If the folder holds no run or one with gaps, or the file
            cannot be written.
    """
    results = score_folder(folder, [Scoring.STRICT])
    if not results.counted.is_full:
        problems, remedies = lacks_in_words(load_manifest(folder), results)
        covered = percent_of_whole(results.counted.fraction)
        raise RunError(
            f"The run covers {covered} % of its items. Those that are not covered count as "
            f"wrong, so it would be too easy a baseline. {problems}",
            where=str(folder),
            remedy=remedies,
        )
    answers = load_answers(folder, [Scoring.STRICT])
    manifest, report = answers.manifest, results.scores[Scoring.STRICT]
    right = answers.right(Scoring.STRICT)
    baseline = Baseline(
        task=manifest.task,
        task_version=manifest.task_version,
        model=manifest.model.name,
        model_hash=model_hash(manifest.model),
        data_hash=manifest.data.hash,
        request=manifest.request,
        scoring_hash=scoring_hash([Scoring.STRICT]),
        emoreal_bench_version=__version__,
        is_imported=manifest.imported is not None,
        plan_hash=manifest.plan_hash,
        average_accuracy=report.average_accuracy,
        subtasks={
            name: BaselineScore(n=scores.n, accuracy=scores.accuracy)
            for name, scores in report.subtasks.items()
        },
        items=right.size,
        right=pack_bits(right),
    )
    record = baseline.model_dump(mode="json", by_alias=True, exclude={"checksum"})
    record["checksum"] = checksum(record)
    # One key to a line, so that a change of the file can be read in a review.
    lines = (f"{canonical_json(key)}:{canonical_json(record[key])}" for key in sorted(record))
    write_atomically(path, [("{\n" + ",\n".join(lines) + "\n}\n").encode()])
    return baseline


def load_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        RunError: If the file cannot be read or is not a baseline.
    """
    try:
        record = read_record(path, _SAVE_AGAIN)
        baseline = Baseline.model_validate(unsealed(record, path, _SAVE_AGAIN))
        unpack_bits(baseline.right, baseline.items)
    except RunError as error:
        raise RunError(error.problem, where=str(path), remedy=error.remedy) from error
    except OSError as error:
        raise RunError(
            f"The baseline cannot be read: {error.strerror}.", where=str(path), remedy=_SAVE_AGAIN
        ) from error
    except ValidationError as error:
        raise RunError(
            f"This is not a baseline:\n{explain(error)}", where=str(path), remedy=_SAVE_AGAIN
        ) from error
    return baseline


def refuse_other_run(run: AnsweredRun, baseline: Baseline, across: Collection[Factor] = ()) -> None:
    """Refuse to hold a run against a baseline of other items, requests or rules.

    Args:
        run: The run.
        baseline: What it is held against.
        across: What the two may differ in.

    Raises:
        NotComparableError: With every difference named.
    """
    now = run.manifest
    then = now.model_copy(
        update={
            "task": baseline.task,
            "task_version": baseline.task_version,
            "data": now.data.model_copy(
                update={"hash": baseline.data_hash, "items": baseline.items}
            ),
            "request": baseline.request,
            "shard": None,
            "imported": _UNKNOWN_SOURCE if baseline.is_imported else None,
            "plan_hash": baseline.plan_hash,
        }
    )
    found = run_differences(then, now, across)
    if baseline.items != now.data.items:
        found.append(f"the number of items ({baseline.items:,}, now {now.data.items:,})")
    present = scoring_hash([Scoring.STRICT])
    if baseline.scoring_hash != present:
        found.append(
            f"the rules of strict scoring ({short(baseline.scoring_hash)} of version "
            f"{baseline.emoreal_bench_version}, now {short(present)} of {__version__})"
        )
    if found:
        remedy = f"Run it as the baseline was run, or make a new one. {_SAVE_AGAIN}"
        if baseline.is_imported != (now.imported is not None) and not across:
            remedy = "If one is to be measured and the other imported, add --across imported."
        raise NotComparableError(
            f"It cannot be compared with the baseline: these differ: {'; '.join(found)}.",
            where=str(run.folder),
            remedy=remedy,
        )


def pack_bits(bits: NDArray[np.bool_]) -> str:
    """Write bits as :attr:`Baseline.right`."""
    return base64.b64encode(zlib.compress(np.packbits(bits).tobytes(), 9)).decode("ascii")


def unpack_bits(text: str, count: int) -> NDArray[np.bool_]:
    """Read what :func:`pack_bits` wrote.

    Args:
        text: As in the file.
        count: How many bits there are.

    Raises:
        RunError: If it is something else.
    """
    size = -(-count // _BITS_PER_BYTE)
    try:
        inflater = zlib.decompressobj()
        # A few bytes can inflate to gigabytes; one byte too many is enough to know.
        packed = inflater.decompress(base64.b64decode(text, validate=True), size + 1)
    except (ValueError, zlib.error) as error:
        raise RunError(f"The baseline is damaged: {error}.", remedy=_SAVE_AGAIN) from error
    if len(packed) != size or not inflater.eof:
        raise RunError(f"The baseline does not hold {count:,} items.", remedy=_SAVE_AGAIN)
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=count).astype(np.bool_)
