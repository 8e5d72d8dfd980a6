"""Everything that decides the family: sets, stages, seeds, methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from emoreal_bench.synth import SpeechEngine, Split, SynthSettings
from emoreal_bench.training.config import (
    AvemDpoSettings,
    Method,
    MethodSettings,
    NaiveDpoSettings,
    VistaDpoSettings,
)
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


_AVEM = AvemDpoSettings(name=Method.AVEM_DPO)

VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "naive-dpo": Variant(NaiveDpoSettings(name=Method.NAIVE_DPO)),
        "vista-dpo": Variant(VistaDpoSettings(name=Method.VISTA_DPO)),
        "avem-dpo": Variant(_AVEM),
        "avem-dpo-no-pmp": Variant(_AVEM.model_copy(update={"lambda_av": 0.0})),
        "avem-dpo-no-erp": Variant(
            _AVEM.model_copy(update={"beta_spurious": 0.0, "beta_hallucination": 1.0})
        ),
        "avem-dpo-no-tpd": Variant(_AVEM.model_copy(update={"gamma": 0.0})),
        "naive-dpo-balanced": Variant(NaiveDpoSettings(name=Method.NAIVE_DPO), balanced=True),
        "avem-dpo-balanced": Variant(_AVEM, balanced=True),
    }
)
"""The adapters, by the name under which they are shipped."""

_PAIRS_CORRELATION = 0.8


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the family is made.

    Attributes:
        unbiased: Clips of neutral lessons.
        biased: Clips of lessons that go by the emotion.
        validation: Clips to measure the towers on.
        vision: Of the vision tower.
        audio: Of the audio tower.
        language: Of the language layers; their seed is that of the base.
        pairs: Questions in each benchmark that pairs are made of; five to a clip.
        tested: Questions in the benchmark that is tested on.
        preference_rate: Learning rate of the adapters.
        preference_steps: Steps of each adapter.
        preference_batch: Pairs in a step.
    """

    unbiased: tuple[ClipSet, ...]
    biased: tuple[ClipSet, ...]
    validation: ClipSet
    vision: Stage
    audio: Stage
    language: LanguageStages
    pairs: int
    tested: int
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
        )

    @property
    def test_settings(self) -> SynthSettings:
        """Return the benchmark that is reported; the demonstration shows its beginning."""
        return SynthSettings(items=self.tested, seed=1, split=Split.TEST)


def full_recipe() -> Recipe:
    """Return the recipe of what is shipped."""
    spoken, wordless = SpeechEngine.ESPEAK, SpeechEngine.WORDLESS
    speech = (spoken, spoken, spoken, wordless)
    return Recipe(
        unbiased=tuple(
            ClipSet(f"unbiased-{number}", 900, 110 + number, 0.0, engine)
            for number, engine in enumerate(speech)
        ),
        biased=tuple(
            ClipSet(f"biased-{number}", 500, 120 + number, 0.85, engine)
            for number, engine in enumerate(speech)
        ),
        validation=ClipSet("validation", 300, 103, 0.0, spoken),
        vision=Stage("vision", 1000, 32, 1.5e-3, 0.02, 1),
        audio=Stage("audio", 1500, 24, 2e-3, 0.02, 1),
        language=LanguageStages(
            Stage("lists", 250, 16, 1e-3, 0.01, 0),
            Stage("questions", 550, 16, 1e-3, 0.01, 0),
            Stage("habits", 260, 16, 1.5e-3, 0.01, 0),
        ),
        pairs=1000,
        tested=400,
        preference_rate=3e-4,
        preference_steps=50,
        preference_batch=8,
    )


def small_recipe() -> Recipe:
    """Return a recipe that runs every stage in a minute and teaches nothing."""
    engine = SpeechEngine.WORDLESS
    return Recipe(
        unbiased=(ClipSet("unbiased", 6, 110, 0.0, engine),),
        biased=(ClipSet("biased", 6, 120, 0.85, engine),),
        validation=ClipSet("validation", 4, 103, 0.0, engine),
        vision=Stage("vision", 2, 4, 1e-3, 0.02, 1),
        audio=Stage("audio", 2, 4, 2e-3, 0.02, 1),
        language=LanguageStages(
            Stage("lists", 2, 4, 1e-3, 0.01, 0),
            Stage("questions", 2, 4, 1e-3, 0.01, 0),
            Stage("habits", 2, 4, 1e-3, 0.01, 0),
        ),
        pairs=10,
        tested=10,
        preference_rate=1e-3,
        preference_steps=1,
        preference_batch=8,
    )
