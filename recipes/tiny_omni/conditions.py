"""What the text-prior term does as pairs, answers, rate and gamma change.

Short trainings over one base with one seed of the adapter, measured on the development
clips: they show how the term works, and test nothing. Each stands in a folder of its own,
so that parts may run side by side and a stopped one goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.vocabulary import AnswerForm
from emoreal_bench.model_adapters.built_in.tiny_network import WEIGHTS
from emoreal_bench.record.files import write_atomically
from emoreal_bench.running.sharding import parse_shard
from recipes.tiny_omni.adapters import BY_LETTER, train_adapter, write_benchmark_pairs
from recipes.tiny_omni.confirming import (
    BALANCED,
    BIASED,
    METHODS,
    NO_TEXT,
    last_text_gap,
    pair_benchmark,
    read_statistics,
    refuse_missing,
)
from recipes.tiny_omni.members import measure_directly
from recipes.tiny_omni.optimisation import show
from recipes.tiny_omni.provenance import provenance
from recipes.tiny_omni.recipe import Recipe

_HOME = "conditions"
_SEED = 7
"""Of the adapters; no other training has it. The pairs of all of them come in the same order."""
_STEPS = 100
"""Half of the test's, so that traps are not at their ceiling yet."""
GAMMAS = (0.0, 0.2, 1.0, 5.0)
"""None, the paper's, and more."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Pairs and rate that AVEm-DPO is trained with.

    Attributes:
        name: In tables.
        data: Name of the folder of its pairs.
        correlation: A cue goes with its emotion in (1 + correlation) / 2 of the clips.
        forms: Of the answers.
        rate: Times the rate of the test.
    """

    name: str
    data: str = "biased"
    correlation: float = BIASED
    forms: tuple[AnswerForm, ...] = BY_LETTER.forms
    rate: float = 1.0


CONDITIONS = (
    Condition("as in the test"),
    Condition("balanced pairs", "balanced", BALANCED),
    Condition("95 % typical", "strongly-biased", 0.9),
    Condition("letters and words", "words", forms=tuple(AnswerForm)),
    Condition("half the rate", rate=0.5),
    Condition("twice the rate", rate=2.0),
)


def show_conditions(recipe: Recipe, work: Path, shard: str) -> Path:
    """Train and measure a shard of the conditions; write the record once all are there.

    Args:
        recipe: Of the test, with its learning rate.
        work: Folder of the family.
        shard: ``1/2`` for every second condition from the first on.

    Raises:
        UsageError: If that is no shard.
        UnfinishedError: If other shards are not done.
    """
    chosen, home = parse_shard(shard), work / _HOME
    every = [(condition, gamma) for condition in CONDITIONS for gamma in GAMMAS]
    for condition in CONDITIONS[chosen.number - 1 :: chosen.of]:
        for gamma in GAMMAS:
            _find(condition, gamma, recipe, work)
            show(f"{condition.name}, gamma {gamma:g}: measured")
    refuse_missing("measurements", [_measured(*one, home) for one in every])
    record = {**provenance(), "runs": [_find(*one, recipe, work) for one in every]}
    path = home / "text_prior_conditions.json"
    write_atomically(path, [json.dumps(record, indent=1).encode(), b"\n"])
    return path


def _find(condition: Condition, gamma: float, recipe: Recipe, work: Path) -> Mapping[str, Any]:
    """Train and measure, or read what an earlier call found."""
    home = work / _HOME
    path = _measured(condition, gamma, home)
    if path.exists():
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    data = home / "data" / condition.data
    options = replace(BY_LETTER, forms=condition.forms, counterfactual=True)
    write_benchmark_pairs(pair_benchmark(recipe, condition.correlation), data, options)
    shorter = replace(
        recipe,
        preference_rate=condition.rate * recipe.preference_rate,
        preference_steps=_STEPS,
    )
    method = METHODS[NO_TEXT].model_copy(update={"gamma": gamma})
    out = path.with_suffix("")
    adapter = train_adapter(method, data, WEIGHTS, _SEED, out, recipe=shorter, work=home)
    before = read_statistics(out)
    if before.text_gap is None:
        raise RunError("A training has no text gap.", where=str(out))
    record = {
        "condition": condition.name,
        "gamma": gamma,
        "answer_tokens": before.answer_tokens.mean,
        "text_gap": before.text_gap.model_dump(mode="json"),
        "text_gap_after": last_text_gap(out),
        **measure_directly(WEIGHTS, adapter, recipe.development, work),
    }
    write_atomically(path, [json.dumps(record).encode()])
    return record


def _measured(condition: Condition, gamma: float, home: Path) -> Path:
    return home / "trained" / f"{condition.name.replace(' ', '-')}-gamma-{gamma:g}.json"
