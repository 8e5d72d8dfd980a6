"""The test of six methods that ``docs/text-prior.md`` fixes: its trainings and measurements.

Every training stands in a folder of its own and every measurement in a file, so that a
stopped test goes on, and parts of it may run side by side.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.record.files import write_atomically
from emoreal_bench.running.sharding import parse_shard
from emoreal_bench.synth import AgreementWording, SpeechEngine, Split, SynthSettings
from emoreal_bench.training.config import (
    AvemDpoSettings,
    Method,
    MethodSettings,
    NaiveDpoSettings,
)
from recipes.tiny_omni.adapters import train_adapter, write_letter_pairs
from recipes.tiny_omni.base import make_base
from recipes.tiny_omni.clips import ClipSet
from recipes.tiny_omni.direct import ask, figures
from recipes.tiny_omni.members import ask_directly
from recipes.tiny_omni.optimisation import show
from recipes.tiny_omni.recipe import ANCHOR, FAINT, Recipe

NAIVE, PRINTED, NO_TEXT = "naive DPO", "AVEm-DPO as printed", "without the text term"
TURNED, INVERSE, COUNTERFACTUAL = "sign turned", "inverse prior", "counterfactual"
TWICE = "naive DPO, twice the steps"

_NO_TEXT = AvemDpoSettings(name=Method.AVEM_DPO, anchor=ANCHOR, gamma=0.0)
METHODS: Mapping[str, MethodSettings] = MappingProxyType(
    {
        NAIVE: NaiveDpoSettings(name=Method.NAIVE_DPO, anchor=ANCHOR),
        PRINTED: _NO_TEXT.model_copy(update={"gamma": 0.2}),
        NO_TEXT: _NO_TEXT,
        TURNED: _NO_TEXT.model_copy(update={"gamma": -0.2}),
        INVERSE: _NO_TEXT.model_copy(update={"prior_cap": 20.0, "text_source": "reference"}),
        COUNTERFACTUAL: _NO_TEXT.model_copy(update={"counterfactual": True}),
        TWICE: NaiveDpoSettings(name=Method.NAIVE_DPO, anchor=ANCHOR),
    }
)
"""The protocol's methods a to f in its order, then a with as many steps as cost what b to f do."""
_CONTROLS = (NAIVE, PRINTED, NO_TEXT)
BASES = ADAPTER_SEEDS = (0, 1, 2)
_TEST_CLIPS = ClipSet(
    "text-prior-test", 800, 7301, 0.0, SpeechEngine.ESPEAK, faint=FAINT, split=Split.TEST
)
_BIASED, _BALANCED = 0.7, 0.0
"""A cue goes with its emotion in (1 + correlation) / 2 of the clips: 85 and 50 per cent."""
_PAIR_QUESTIONS = 3000
"""Five to a clip."""


_COST = "cost.json"


def with_protocol(recipe: Recipe) -> Recipe:
    """Return the family's recipe with the pairs and the test clips of the protocol."""
    return replace(recipe, pairs=_PAIR_QUESTIONS, reported=_TEST_CLIPS)


@dataclass(frozen=True, slots=True)
class Trial:
    """One training.

    Attributes:
        method: Of :data:`METHODS`.
        base: Seed of the base.
        seed: Of the adapter.
        balanced: Whether its pairs bind no cue to an emotion.
    """

    method: str
    base: int
    seed: int
    balanced: bool = False

    @property
    def name(self) -> str:
        """Return the name of its folder and of its file."""
        method = self.method.replace(" ", "-").replace(",", "")
        return f"{method}-base-{self.base}-seed-{self.seed}" + "-balanced" * self.balanced


def trials(bases: Sequence[int]) -> list[Trial]:
    """Return all trainings; whatever is done of them first holds each method equally often."""
    biased = [
        Trial(method, base, seed) for seed in ADAPTER_SEEDS for base in bases for method in METHODS
    ]
    controls = [Trial(method, base, 0, balanced=True) for base in bases for method in _CONTROLS]
    return biased + controls


def train_trial(trial: Trial, base: Path, recipe: Recipe, work: Path) -> Path:
    """Train, go on with a training that was stopped, or find what is finished.

    Args:
        trial: Which one.
        base: File of the base's weights.
        recipe: Of the family: rate, steps and pairs in a step.
        work: Folder of the test.

    Returns:
        The adapter's folder. Beside it stands what the training took of the processor, of
        its last sitting, in seconds.
    """
    folder = work / "data" / ("balanced" if trial.balanced else "biased")
    settings = SynthSettings(
        items=recipe.pairs,
        seed=32 if trial.balanced else 31,
        split=Split.TRAIN,
        correlation=_BALANCED if trial.balanced else _BIASED,
        agreement_wording=AgreementWording.NAMED,
        faint=FAINT,
    )
    write_letter_pairs(settings, folder, counterfactual=True)
    if trial.method == TWICE:
        recipe = replace(recipe, preference_steps=2 * recipe.preference_steps)
    out = work / "adapters" / trial.name
    is_done = (out / _COST).exists()
    started = time.process_time()
    method = METHODS[trial.method]
    adapter = train_adapter(method, folder, base, trial.seed, out, recipe=recipe, work=work)
    if not is_done:
        cost = {"processor_seconds": round(time.process_time() - started, 1)}
        write_atomically(out / _COST, [json.dumps(cost).encode()])
    return adapter


def measure_trial(
    name: str, base: Path, adapter: Path | None, clips: ClipSet, work: Path
) -> Mapping[str, object]:
    """Ask a member about the test clips, or read what an earlier call found.

    Args:
        name: Of the trial, or of a base alone.
        base: File of the base's weights.
        adapter: Folder of the adapter; None for the base alone.
        clips: The test clips.
        work: Folder of the test.

    Returns:
        ``traps``: for each trap its clip's number and the log-odds of the right letter;
        ``clear`` and ``faint``: figures of these clips, see
        :func:`recipes.tiny_omni.direct.figures`.
    """
    path = work / "measured" / f"{name}.json"
    if path.exists():
        found: Mapping[str, object] = json.loads(path.read_text(encoding="utf-8"))
        return found
    judged = iter(ask_directly(base, adapter, clips, work))
    by_clip = [[next(judged) for _ in questions] for questions in ask(clips)]
    is_clear = [scene.clarity == 1.0 for scene in clips.scenes()]
    found = {
        "traps": [
            (number, round(one.margin, 4))
            for number, those in enumerate(by_clip)
            for one in those
            if one.question.is_trap
        ],
        **{
            kind: figures(
                one
                for those, clear in zip(by_clip, is_clear, strict=True)
                if clear is wanted
                for one in those
            )
            for kind, wanted in (("clear", True), ("faint", False))
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, [json.dumps(found).encode()])
    return found


class UntrainedError(RunError):
    """The test clips stay closed, since not every training is done."""


def confirm(recipe: Recipe, work: Path, shard: str) -> None:
    """Train a shard of the trials; once all are trained, measure them and write the record.

    Args:
        recipe: Of :func:`with_protocol`. The folder holds its clips and towers, see
            :func:`recipes.tiny_omni.base.prepare_clips`.
        work: Folder of the family; the test has one of its own in it.
        shard: ``1/2`` for every second training from the first on.

    Raises:
        UsageError: If that is no shard.
        UntrainedError: If trainings of other shards are not done.
    """
    chosen = parse_shard(shard)
    bases = {seed: make_base(recipe.with_base_seed(seed), work) for seed in BASES}
    every, home = trials(BASES), work / "confirm"
    for trial in every[chosen.number - 1 :: chosen.of]:
        train_trial(trial, bases[trial.base], recipe, home)
        show(f"{trial.name}: trained")
    untrained = [one.name for one in every if not (home / "adapters" / one.name / _COST).exists()]
    if untrained:
        raise UntrainedError(f"{len(untrained)} trainings are not done, {untrained[0]} for one.")
    records = [
        {"base": seed, **measure_trial(f"base-{seed}", base, None, recipe.reported, home)}
        for seed, base in bases.items()
    ]
    for trial in every:
        adapter = train_trial(trial, bases[trial.base], recipe, home)
        cost = json.loads((home / "adapters" / trial.name / _COST).read_text(encoding="utf-8"))
        measured = measure_trial(trial.name, bases[trial.base], adapter, recipe.reported, home)
        records.append({**asdict(trial), **cost, **measured})
        show(f"{trial.name}: measured")
    write_atomically(home / "trials.json", [json.dumps(records).encode()])
