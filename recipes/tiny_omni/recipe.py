"""Everything that decides the family: sets, stages, seeds, methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from emoreal_bench.synth import AgreementWording, SpeechEngine, Split, SynthSettings
from emoreal_bench.training.config import (
    AvemDpoSettings,
    Method,
    MethodSettings,
    NaiveDpoSettings,
    VistaDpoSettings,
)
from recipes.tiny_omni.bars import Bars
from recipes.tiny_omni.clips import ClipSet
from recipes.tiny_omni.language import LanguageStages
from recipes.tiny_omni.optimisation import Stage


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to train an adapter.

    Attributes:
        method: With its settings.
        balanced: Whether its pairs bind no cue to an emotion.
    """

    method: MethodSettings
    balanced: bool = False

    @property
    def counterfactual(self) -> bool:
        """Whether it needs partners that show the same emotion by its other cue."""
        return isinstance(self.method, AvemDpoSettings) and self.method.counterfactual


ANCHOR = 0.2
"""Weight of the chosen answer's likelihood in every method. Without it the likelihood of the
chosen letter falls with that of the rejected one, and the replies lose their form (RPO, Iterative
Reasoning Preference Optimization, arXiv 2404.19733; DPO-Positive, arXiv 2402.13228). The methods'
own default is none, so that they stay the paper's."""
_AVEM = AvemDpoSettings(name=Method.AVEM_DPO, anchor=ANCHOR)
_NAIVE = NaiveDpoSettings(name=Method.NAIVE_DPO, anchor=ANCHOR)

VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "naive-dpo": Variant(_NAIVE),
        "vista-dpo": Variant(VistaDpoSettings(name=Method.VISTA_DPO, anchor=ANCHOR)),
        "avem-dpo": Variant(_AVEM),
        "avem-dpo-no-pmp": Variant(_AVEM.model_copy(update={"lambda_av": 0.0})),
        "avem-dpo-no-erp": Variant(
            _AVEM.model_copy(update={"beta_spurious": 0.0, "beta_hallucination": 1.0})
        ),
        "avem-dpo-no-tpd": Variant(_AVEM.model_copy(update={"gamma": 0.0})),
        "avem-dpo-counterfactual": Variant(
            _AVEM.model_copy(update={"gamma": 0.0, "counterfactual": True})
        ),
        "naive-dpo-balanced": Variant(_NAIVE, balanced=True),
        "avem-dpo-balanced": Variant(_AVEM, balanced=True),
    }
)
"""The adapters, by the name under which they are shipped."""

SHIPPED_SEED = 0
"""Of the base and the adapters that ship; fixed before anything was measured."""
_PAIRS_CORRELATION = 0.8
FAINT = 0.25
"""Share of clips with faint cues, so that perception is not at its ceiling everywhere."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the family is made.

    Attributes:
        clips: To learn from; a share of their cues is faint.
        development: Clips to measure on while settings may still change.
        bars: What the base must be like on the development clips; None asks nothing.
        vision: Of the vision tower.
        audio: Of the audio tower.
        language: Of the language layers; their seed is that of the base.
        pairs: Questions in each benchmark that pairs are made of; five to a clip.
        tested: Questions in the benchmark that is tested on.
        reported: Clips to measure on directly when nothing changes any more.
        preference_rate: Learning rate of the adapters.
        preference_steps: Steps of each adapter.
        preference_batch: Pairs in a step.
    """

    clips: tuple[ClipSet, ...]
    development: ClipSet
    bars: Bars | None
    vision: Stage
    audio: Stage
    language: LanguageStages
    pairs: int
    tested: int
    reported: ClipSet
    preference_rate: float
    preference_steps: int
    preference_batch: int

    def with_base_seed(self, seed: int) -> Recipe:
        """Return the recipe of another base: the same towers, other language layers."""
        return replace(self, language=self.language.with_seed(seed))

    def pair_settings(self, *, balanced: bool) -> SynthSettings:
        """Return the benchmark that pairs are made of."""
        return SynthSettings(
            items=self.pairs,
            seed=32 if balanced else 31,
            split=Split.TRAIN,
            correlation=0.0 if balanced else _PAIRS_CORRELATION,
            agreement_wording=AgreementWording.NAMED,
        )

    @property
    def test_settings(self) -> SynthSettings:
        """Return the benchmark that is reported; the demonstration shows its beginning."""
        return SynthSettings(
            items=self.tested,
            seed=1,
            split=Split.TEST,
            agreement_wording=AgreementWording.NAMED,
        )


def full_recipe() -> Recipe:
    """Return the recipe of what is shipped."""
    spoken, wordless = SpeechEngine.ESPEAK, SpeechEngine.WORDLESS
    speech = (spoken, spoken, spoken, wordless)
    return Recipe(
        clips=tuple(
            ClipSet(f"unbound-{number}", 900, 110 + number, 0.0, engine, FAINT)
            for number, engine in enumerate(speech)
        ),
        development=ClipSet("development", 300, 503, 0.0, spoken),
        bars=Bars(),
        vision=Stage("vision", 700, 32, 1.5e-3, 0.02, 1),
        audio=Stage("audio", 1000, 24, 2e-3, 0.02, 1),
        language=LanguageStages(
            Stage("lists", 250, 16, 1e-3, 0.01, 0),
            Stage("questions", 600, 16, 1e-3, 0.01, 0),
            Stage("habits", 400, 8, 1e-3, 0.01, 0),
        ),
        pairs=1500,
        tested=400,
        reported=ClipSet("reported-3", 800, 3, 0.0, spoken, split=Split.TEST),
        preference_rate=1e-3,
        # Once over the pairs.
        preference_steps=240,
        preference_batch=16,
    )


def small_recipe() -> Recipe:
    """Return a recipe that runs every stage in a minute and teaches nothing."""
    engine = SpeechEngine.WORDLESS
    return Recipe(
        clips=(ClipSet("unbound", 8, 110, 0.0, engine, FAINT),),
        development=ClipSet("development", 4, 503, 0.0, engine),
        bars=None,
        vision=Stage("vision", 2, 4, 1e-3, 0.02, 1),
        audio=Stage("audio", 2, 4, 2e-3, 0.02, 1),
        language=LanguageStages(
            Stage("lists", 2, 4, 1e-3, 0.01, 0),
            Stage("questions", 2, 4, 1e-3, 0.01, 0),
            Stage("habits", 2, 4, 1e-3, 0.01, 0),
        ),
        pairs=10,
        tested=10,
        reported=ClipSet("reported", 4, 2, 0.0, engine, split=Split.TEST),
        preference_rate=1e-3,
        preference_steps=1,
        preference_batch=8,
    )
