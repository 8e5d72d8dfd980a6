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
from statistics import fmean
from types import MappingProxyType

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.preference import CLIP_MODALITIES
from emoreal_bench.contracts.vocabulary import CueQuestion
from emoreal_bench.model_adapters.built_in.tiny_network import WEIGHTS
from emoreal_bench.record.files import write_atomically
from emoreal_bench.running.sharding import parse_shard
from emoreal_bench.synth import AgreementWording, SpeechEngine, Split, SynthSettings
from emoreal_bench.training.config import (
    AvemDpoSettings,
    Method,
    MethodSettings,
    NaiveDpoSettings,
)
from emoreal_bench.training.objectives.metrics import METRICS_FILE, TEXT_GAP, read_metrics
from emoreal_bench.training.outputs.statistics import TrainingStatistics
from emoreal_bench.training.run import STATISTICS_FILE
from emoreal_bench.training.trainer import ADAPTER_FOLDER
from recipes.tiny_omni.adapters import (
    BY_LETTER,
    PAIRS,
    shipped_form,
    train_adapter,
    write_benchmark_pairs,
)
from recipes.tiny_omni.base import find_base, make_base, prepare_clips
from recipes.tiny_omni.clips import ClipSet
from recipes.tiny_omni.direct import ask, figures
from recipes.tiny_omni.members import ask_directly, measure_directly
from recipes.tiny_omni.optimisation import show
from recipes.tiny_omni.recipe import ANCHOR, FAINT, SHIPPED_SEED, Recipe

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
RATES = (5e-4, 1e-3, 2e-3)
_RATE_SEED = 9
"""Of the adapters that the rate is chosen with; no other training has it."""
_MOST_LOST = 0.05
_READABLE = 0.98
_STEPS, _PAIRS_IN_A_STEP = 200, 8
_TEST_CLIPS = ClipSet(
    "text-prior-test", 800, 7301, 0.0, SpeechEngine.ESPEAK, faint=FAINT, split=Split.TEST
)
BIASED, BALANCED = 0.7, 0.0
"""A cue goes with its emotion in (1 + correlation) / 2 of the clips: 85 and 50 per cent."""
_PAIR_QUESTIONS = 3000
"""Five to a clip."""


PAIR_OPTIONS = replace(
    BY_LETTER,
    kinds=(
        CueQuestion.BASIC,
        CueQuestion.STRESS,
        CueQuestion.NEUTRAL,
        CueQuestion.AGREEMENT,
    ),
    counterfactual=True,
)
"""The protocol knows no questions about what is anywhere in the clip; the family's pairs got them
afterwards."""

_HOME = "confirm"
_COST = "cost.json"
_RATE = "rate.json"


def with_protocol(recipe: Recipe) -> Recipe:
    """Return the family's recipe with the pairs, their number and the test clips of the protocol.

    The learning rate is that of :func:`choose_rate`.
    """
    return replace(
        recipe,
        pairs=_PAIR_QUESTIONS,
        reported=_TEST_CLIPS,
        preference_steps=_STEPS,
        preference_batch=_PAIRS_IN_A_STEP,
    )


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
    """Return all trainings: first those of the contrasts, each method equally often."""
    compared = [method for method in METHODS if method != TWICE]
    controls = [Trial(method, base, 0, balanced=True) for base in bases for method in _CONTROLS]
    return [
        *(Trial(one, base, seed) for seed in ADAPTER_SEEDS for base in bases for one in compared),
        *(Trial(TWICE, base, seed) for seed in ADAPTER_SEEDS for base in bases),
        *controls,
    ]


def choose_rate(recipe: Recipe, work: Path) -> float:
    """Choose the learning rate for naive DPO on the development clips, or read what was chosen.

    It also draws the pairs of the test, so that shards find them.

    Args:
        recipe: Of :func:`with_protocol`.
        work: Folder of the family.

    Returns:
        Of :data:`RATES` the one with the highest mean log-odds on traps, of those that
        keep perception and replies. ``confirm/rate.json`` has what was found of each.

    Raises:
        RunError: If none does.
    """
    base, home = WEIGHTS, work / _HOME
    path = home / _RATE
    pairs, _ = (_write_pairs(recipe, home, balanced=one) for one in (False, True))
    if path.exists():
        return float(json.loads(path.read_text(encoding="utf-8"))["chosen"])
    before = measure_directly(base, None, recipe.development, work)
    found = {}
    for rate in RATES:
        one = replace(recipe, preference_rate=rate)
        out = home / "rates" / str(rate)
        adapter = train_adapter(METHODS[NAIVE], pairs, base, _RATE_SEED, out, recipe=one, work=home)
        found[rate] = measure_directly(base, adapter, recipe.development, work)
        show(f"rate {rate}: log-odds on traps {_trap_log_odds(found[rate]):.2f}")
    kept = [rate for rate in RATES if _is_kept(found[rate], before)]
    if not kept:
        raise RunError("Every rate costs perception or replies.", where=str(path.parent))
    chosen = max(kept, key=lambda rate: _trap_log_odds(found[rate]))
    record = {"chosen": chosen, "base": before, "rates": found}
    write_atomically(path, [json.dumps(record, indent=1).encode()])
    return chosen


def _trap_log_odds(found: Mapping[str, float]) -> float:
    return fmean(found[f"trap_log_odds_{modality}"] for modality in CLIP_MODALITIES)


def _is_kept(found: Mapping[str, float], before: Mapping[str, float]) -> bool:
    return found["readable"] >= _READABLE and all(
        found[name] >= before[name] - _MOST_LOST
        for name in (f"perception_{modality}" for modality in CLIP_MODALITIES)
    )


def _write_pairs(recipe: Recipe, work: Path, *, balanced: bool) -> Path:
    path = work / "data" / ("balanced" if balanced else "biased") / PAIRS
    settings = pair_benchmark(recipe, BALANCED if balanced else BIASED)
    return write_benchmark_pairs(settings, path, PAIR_OPTIONS)


def pair_benchmark(recipe: Recipe, correlation: float) -> SynthSettings:
    """Return the benchmark that pairs are made of.

    Args:
        recipe: Of :func:`with_protocol`.
        correlation: A cue goes with its emotion in (1 + correlation) / 2 of the clips.
    """
    return SynthSettings(
        items=recipe.pairs,
        seed=32 if correlation == BALANCED else 31,
        split=Split.TRAIN,
        correlation=correlation,
        agreement_wording=AgreementWording.NAMED,
        faint=FAINT,
    )


def train_trial(trial: Trial, base: Path, recipe: Recipe, work: Path) -> Path:
    """Train, go on with a training that was stopped, or find what is finished.

    Args:
        trial: Which one.
        base: File of the base's weights.
        recipe: Of the family: rate, steps and pairs in a step.
        work: Folder of the test.

    Returns:
        The adapter's folder. Beside it stands what the training took of the processor, of
        its last sitting, in seconds, over how many tokens it passed, estimated from a sample
        of its pairs, and the text gap after its last step.
    """
    out = work / "adapters" / trial.name
    if (out / _COST).exists():
        return out / ADAPTER_FOLDER
    pairs = _write_pairs(recipe, work, balanced=trial.balanced)
    if trial.method == TWICE:
        recipe = replace(recipe, preference_steps=2 * recipe.preference_steps)
    started = time.process_time()
    method = METHODS[trial.method]
    adapter = train_adapter(method, pairs, base, trial.seed, out, recipe=recipe, work=work)
    cost = {
        "processor_seconds": round(time.process_time() - started, 1),
        "tokens": _tokens(out),
        "text_gap": last_text_gap(out),
    }
    write_atomically(out / _COST, [json.dumps(cost).encode()])
    return adapter


def last_text_gap(out: Path) -> float:
    """Return the text gap of the sample of a training after its last step, in nats."""
    return [one[TEXT_GAP] for one in read_metrics(out / METRICS_FILE) if TEXT_GAP in one][-1]


def read_statistics(out: Path) -> TrainingStatistics:
    """Return what was known of a training before its first step."""
    text = (out / STATISTICS_FILE).read_text(encoding="utf-8")
    return TrainingStatistics.model_validate_json(text)


def _tokens(out: Path) -> int:
    known = read_statistics(out)
    of_pair = sum(one.mean for one in known.tokens.values())
    return round(of_pair * known.examples_per_step * known.steps)


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
    path = _measured(name, work)
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


def _measured(name: str, work: Path) -> Path:
    return work / "measured" / f"{name}.json"


class UnfinishedError(RunError):
    """The test goes no further until other shards are as far."""


def confirm(recipe: Recipe, work: Path, shard: str) -> None:
    """Train a shard of the trials, or measure it once all are trained; write the record at last.

    Args:
        recipe: Of :func:`with_protocol`.
        work: Folder of the family; the test has one of its own in it.
        shard: ``1/2`` for every second training from the first on.

    Raises:
        UsageError: If that is no shard.
        UnfinishedError: If trainings or measurements of other shards are not done.
    """
    chosen = parse_shard(shard)
    recipe = replace(recipe, preference_rate=choose_rate(recipe, work))
    home, every = work / _HOME, trials(BASES)
    bases = {seed: _find_base(seed, recipe, work) for seed in BASES}
    mine = every[chosen.number - 1 :: chosen.of]
    for trial in mine:
        train_trial(trial, bases[trial.base], recipe, home)
        show(f"{trial.name}: trained")
    refuse_missing("trainings", [home / "adapters" / one.name / _COST for one in every])
    if chosen.number == 1:
        # The first to be measured of each towers draws and encodes the clips, for all shards.
        for seed in BASES:
            _measure(seed, bases, recipe, home)
    refuse_missing("measurements", [_measured(f"base-{seed}", home) for seed in BASES])
    for trial in mine:
        _measure(trial, bases, recipe, home)
        show(f"{trial.name}: measured")
    refuse_missing("measurements", [_measured(one.name, home) for one in every])
    records = [{"base": seed, **_measure(seed, bases, recipe, home)} for seed in BASES]
    for trial in every:
        cost = json.loads((home / "adapters" / trial.name / _COST).read_text(encoding="utf-8"))
        records.append({**asdict(trial), **cost, **_measure(trial, bases, recipe, home)})
    write_atomically(trials_file(work), [json.dumps(records).encode()])


def trials_file(work: Path) -> Path:
    """Return where :func:`confirm` writes what it measured, in the folder of the family."""
    return work / _HOME / "trials.json"


def _find_base(seed: int, recipe: Recipe, work: Path) -> Path:
    """Return the base that ships, or one that is made here."""
    if seed == SHIPPED_SEED:
        return WEIGHTS
    made = recipe.with_base_seed(seed)
    found = find_base(made, work)
    if found is None:
        prepare_clips(made, work)
        found = make_base(made, work)
    return found


def _measure(
    one: Trial | int, bases: Mapping[int, Path], recipe: Recipe, home: Path
) -> Mapping[str, object]:
    """Measure a trial, or a base alone, given by its seed."""
    if isinstance(one, int):
        return measure_trial(f"base-{one}", bases[one], None, recipe.reported, home)
    # What is kept of a training is its shipped form.
    adapter = shipped_form(train_trial(one, bases[one.base], recipe, home))
    return measure_trial(one.name, bases[one.base], adapter, recipe.reported, home)


def refuse_missing(what: str, files: Sequence[Path]) -> None:
    """Raise UnfinishedError if what other shards are to write is not there."""
    missing = [path for path in files if not path.exists()]
    if missing:
        raise UnfinishedError(
            f"{len(missing)} {what} of other shards are not done, {missing[0]} for one.",
            remedy="Give this command again once they are.",
        )
