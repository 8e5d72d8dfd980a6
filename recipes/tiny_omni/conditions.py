"""What the text-prior term does as pairs, answers, rate and gamma change.

Short trainings over one base with one seed of the adapter, measured on the development
clips: they show how the term works, and test nothing. Each stands in a folder of its own,
so that parts may run side by side and a stopped one goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.vocabulary import AnswerForm
from emoreal_bench.model_adapters.built_in.tiny_network import WEIGHTS
from emoreal_bench.record.files import write_atomically
from emoreal_bench.running.sharding import parse_shard
from emoreal_bench.training.config import MethodSettings
from recipes.tiny_omni.adapters import BY_LETTER, PAIRS, train_adapter, write_benchmark_pairs
from recipes.tiny_omni.confirming import (
    BALANCED,
    BIASED,
    METHODS,
    NO_TEXT,
    PAIR_OPTIONS,
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
    """What AVEm-DPO is trained with, besides a gamma.

    Attributes:
        name: In tables.
        altered: Whether it has its preference between inputs.
        anchor: Whether the chosen answer's likelihood is added, as in the test.
        data: Name of the folder of its pairs.
        correlation: A cue goes with its emotion in (1 + correlation) / 2 of the clips.
        forms: Of the answers.
        rare_times: How often a pair about a person with the unusual cue stands there.
        rate: Times the rate of the test.
        gammas: To train with.
        term: Settings of another form of the text-prior term.
    """

    name: str
    altered: bool = False
    anchor: bool = False
    data: str = "biased"
    correlation: float = BIASED
    forms: tuple[AnswerForm, ...] = BY_LETTER.forms
    rare_times: int = 1
    rate: float = 1.0
    gammas: tuple[float, ...] = GAMMAS
    term: Mapping[str, Any] = field(default_factory=dict)

    def method(self, gamma: float) -> MethodSettings:
        """Return the method with a gamma."""
        changed = {"gamma": gamma, **self.term}
        if not self.altered:
            changed["lambda_av"] = 0.0
        if not self.anchor:
            changed["anchor"] = 0.0
        return METHODS[NO_TEXT].model_copy(update=changed)


_OF_REFERENCE = {"text_source": "reference"}
CONDITIONS = (
    Condition("as in the test", altered=True, anchor=True),
    Condition("no altered inputs", anchor=True),
    Condition("no anchor", altered=True),
    Condition("neither"),
    Condition("neither, balanced pairs", data="balanced", correlation=BALANCED),
    Condition("neither, 95 % typical", data="strongly-biased", correlation=0.9),
    Condition("neither, letters and words", data="words", forms=tuple(AnswerForm)),
    Condition("neither, half the rate", rate=0.5),
    Condition("neither, twice the rate", rate=2.0),
    Condition("neither, unusual cues six times", data="repeated", rare_times=6, gammas=(0.0,)),
    Condition("neither, sign turned", gammas=(-0.2, -1.0, -5.0)),
    Condition("neither, gap of the reference", gammas=(1.0, 5.0), term=_OF_REFERENCE),
    Condition("neither, inverse prior", gammas=(0.0,), term=_OF_REFERENCE | {"prior_cap": 20.0}),
    Condition("neither, gradient through the gap", gammas=(0.2, 1.0), term={"text_gradient": True}),
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
    every = [(condition, gamma) for condition in CONDITIONS for gamma in condition.gammas]
    for condition in CONDITIONS[chosen.number - 1 :: chosen.of]:
        for gamma in condition.gammas:
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
    options = replace(PAIR_OPTIONS, forms=condition.forms)
    settings = pair_benchmark(recipe, condition.correlation)
    pairs = write_benchmark_pairs(
        settings, home / "data" / condition.data / PAIRS, options, condition.rare_times
    )
    shorter = replace(
        recipe,
        preference_rate=condition.rate * recipe.preference_rate,
        preference_steps=_STEPS,
    )
    out = path.with_suffix("")
    adapter = train_adapter(
        condition.method(gamma), pairs, WEIGHTS, _SEED, out, recipe=shorter, work=home
    )
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
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, [json.dumps(record).encode()])
    return record


def _measured(condition: Condition, gamma: float, home: Path) -> Path:
    name = condition.name.replace(" ", "-").replace(",", "")
    return home / "trained" / f"{name}-gamma-{gamma:g}.json"
