"""What a run that is about to start is called, and what its manifest says."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.media import MEDIA_VERSION
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.hiding import hide_known
from emoreal_bench.identity import hash_json, model_hash, short
from emoreal_bench.running.plan import Plan
from emoreal_bench.version import __version__

_NAME_LENGTH = 40


def run_id(plan: Plan, description: ModelDescription) -> str:
    """Name a run after what it is: equal plans and models give equal names.

    A caller that keeps runs in folders of this name resumes by running again.
    """
    identity = hash_json([plan.data.hash, plan.request.hash, model_hash(description)])
    model = re.sub(r"[^A-Za-z0-9]+", "-", description.name)[-_NAME_LENGTH:].strip("-")
    return f"{plan.task.name}-{plan.request.variant}-{model}-{short(identity)}"


def make_manifest(
    plan: Plan, description: ModelDescription, *, seed: int, command: tuple[str, ...]
) -> Manifest:
    """Write down the identity of a run that is about to start.

    Args:
        plan: What is asked.
        description: Who is asked.
        seed: Of the run's own random choices.
        command: How the user started it; keys of the environment are left out.
    """
    return Manifest(
        run_id=run_id(plan, description),
        task=plan.task.name,
        task_version=plan.task.version,
        task_definition=plan.task.model_dump(mode="json", by_alias=True),
        data=plan.data,
        request=plan.request,
        model=description,
        worked_examples=plan.examples.shown(plan.renderer),
        judged=plan.judged,
        shard=plan.shard,
        limit=plan.limit,
        seed=seed,
        media_version=MEDIA_VERSION,
        emoreal_bench_version=__version__,
        python_version=platform.python_version(),
        platform=platform.platform(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=tuple(map(hide_known, command)),
    )
