"""Takes the verdicts of a judge from its run folder, if they are all there and of this run."""

from __future__ import annotations

import shlex
from pathlib import Path

from emoreal_bench.contracts.errors import NotComparableError, RunError, UsageError
from emoreal_bench.contracts.run_record import ITEMS_FILE, Manifest
from emoreal_bench.contracts.vocabulary import JudgedMatter
from emoreal_bench.identity import hash_json, model_hash
from emoreal_bench.judging.plan import make_judge_plan
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.running.results import DeliveryTally, read_replies
from emoreal_bench.scoring.score import COVERED
from emoreal_bench.scoring.verdicts import Verdicts, read_verdicts


def load_verdicts(run: Path, judge: Path) -> Verdicts:
    """Read what a judge said of the replies of a run in which no answer was found.

    What it would be asked today has to be what it was asked: the same run, the
    same replies, the same rubric.

    Args:
        run: Folder of the judged run.
        judge: Folder that ``emoreal-bench judge RUN --statements`` wrote.

    Raises:
        UsageError: If the second folder is not a judge's over statements.
        NotComparableError: If it judged another run, or this one at another time.
        RunError: If a folder holds no finished run, or a judgement is missing.
    """
    manifest, judged_run = load_manifest(judge), load_manifest(run)
    if manifest.judged is None or manifest.judged.matter is not JudgedMatter.STATEMENTS:
        raise UsageError(
            "This run judges no statements.",
            where=str(judge),
            remedy=f"Make one that does: {_command(run)}",
        )
    _check_that_it_is_of_this_run(run, judged_run, judge, manifest)
    items = load_plan_items(judge, manifest)
    verdicts, became = read_verdicts(items, read_replies(judge / ITEMS_FILE, DeliveryTally()))
    missing = sum(status not in COVERED for status, _ in became.values())
    if missing:
        raise RunError(
            f"{missing} of {len(items)} judgements are missing or failed.",
            where=str(judge),
            remedy="Give the command that began the judge's run again.",
        )
    identity = [manifest.data.hash, manifest.request.hash, model_hash(manifest.model)]
    return Verdicts(manifest.model.name, hash_json(identity), verdicts, len(items))


def _command(run: Path) -> str:
    return shlex.join(("emoreal-bench", "judge", str(run), "--statements", "--model", "JUDGE"))


def _check_that_it_is_of_this_run(
    run: Path, judged_run: Manifest, judge: Path, manifest: Manifest
) -> None:
    judged = manifest.judged
    assert judged is not None, "the caller has looked"
    again = f"Judge the run again: {_command(run)}"
    if judged.run_id != judged_run.run_id:
        raise NotComparableError(
            f"These are verdicts on another run: {judged.run_id}, not {judged_run.run_id}.",
            where=str(judge),
            remedy=again,
        )
    plan = make_judge_plan(run, matter=JudgedMatter.STATEMENTS)
    if plan.data.hash != manifest.data.hash:
        raise NotComparableError(
            f"These are older verdicts on {judged.run_id}, of {manifest.created}: since then it "
            "was continued, or other replies of it count as without an answer.",
            where=str(judge),
            remedy=again,
        )
    if plan.request.hash != manifest.request.hash:
        raise NotComparableError(
            f"These are older verdicts on {judged.run_id}, of {manifest.created}, by another "
            "rubric.",
            where=str(judge),
            remedy=again,
        )
