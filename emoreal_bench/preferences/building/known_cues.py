"""Pairs from the synthetic benchmark, where every cue of every clip is known.

The chosen answer names what the person shows. The hallucinated one names the
other cue of the same emotion, if it is nowhere in the clip; the spurious one names
what is in the clip and is not the person's: a thing on the shelf, a background
sound, or that other cue where the poster or the radio shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.preference import AlteredInput, PreferencePair
from emoreal_bench.contracts.task import DEFAULT_VARIANT
from emoreal_bench.contracts.vocabulary import Alteration, AnswerForm, CueQuestion, Modality
from emoreal_bench.parsing import parse_json
from emoreal_bench.preferences.altering import PartnerFinder, altered_input
from emoreal_bench.preferences.building.cue_answers import (
    QuestionWriter,
    asked_cue,
    facts_of,
)
from emoreal_bench.synth.build import GENERATOR_VERSION, RECORD
from emoreal_bench.synth.questions import Side, sides_of
from emoreal_bench.synth.scenes import Scene, make_scenes
from emoreal_bench.synth.settings import Split, SynthSettings

_STREAM = 2  # of random numbers; scenes and questions have 0 and 1


@dataclass(frozen=True, slots=True)
class CuePairOptions:
    """Which pairs are wanted of each clip.

    Attributes:
        forms: Of the answers; each question is asked in each form.
        kinds: Of the questions.
        alteration: Of the other input: swap, noise, or blank (mute) for a grey
            picture or silence.
        variant: The variant of the task emorealm-synth that asks for letters.
    """

    forms: tuple[AnswerForm, ...] = tuple(AnswerForm)
    kinds: tuple[CueQuestion, ...] = tuple(CueQuestion)
    alteration: Alteration = Alteration.SWAP
    variant: str = DEFAULT_VARIANT


def make_cue_pairs(
    settings: SynthSettings, options: CuePairOptions | None = None
) -> tuple[PreferencePair, ...]:
    """Make the pairs of a synthetic benchmark. No clip is opened: the scenes say all.

    Args:
        settings: Of the benchmark whose clips the pairs are about.
        options: Which pairs are wanted.

    Raises:
        UsageError: If the task has no such variant.
        MissingExtraError: If the settings demand eSpeak NG and it is not installed.
    """
    options = options or CuePairOptions()
    scenes = make_scenes(settings)
    rng = np.random.default_rng([settings.seed, settings.split is Split.TRAIN, _STREAM])
    writer = QuestionWriter(options.variant, rng)
    partners = _Partners(scenes)
    return tuple(
        pair for scene in scenes for pair in _scene_pairs(scene, writer, partners, options)
    )


def read_synth_settings(folder: Path) -> SynthSettings:
    """Read with which settings a folder of the synthetic benchmark was written.

    Raises:
        DataError: If it is none, not finished, or of another version.
    """
    path = folder / RECORD
    try:
        record = parse_json(path.read_bytes())
        settings = SynthSettings.model_validate(record["settings"])
        version = record["generator_version"]
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise DataError(
            "This is not a finished synthetic benchmark.",
            where=str(path),
            remedy="Make one with: emoreal-bench data synth --split train --out FOLDER",
        ) from error
    if version != GENERATOR_VERSION:
        raise DataError(
            f"The benchmark was written by generator {version}; this one is {GENERATOR_VERSION}.",
            where=str(path),
            remedy="Make it again with: emoreal-bench data synth",
        )
    return settings


def _scene_pairs(
    scene: Scene, writer: QuestionWriter, partners: _Partners, options: CuePairOptions
) -> Iterator[PreferencePair]:
    for side, kind, form in product(sides_of(scene), options.kinds, options.forms):
        answered = writer.ask(side, kind, form)
        is_denied = kind is CueQuestion.STRESS and not side.claim
        yield PreferencePair(
            id=f"{scene.index + 1}-{side.modality}-{kind}-{form}",
            clip=scene.clip,
            question=answered.question,
            chosen=answered.chosen,
            hallucination=answered.hallucination,
            spurious=answered.spurious,
            modality=side.modality,
            altered=partners.altered(scene, side, options.alteration, is_denied=is_denied),
            metadata=facts_of(side, kind, form),
        )


class _Partners:
    """Chooses the clip that takes the place in the altered input of a pair."""

    def __init__(self, scenes: Sequence[Scene]):
        self._finder = PartnerFinder({scene.clip: scene.duration for scene in scenes})
        self._sides: dict[tuple[str, Modality], Side] = {
            (scene.clip, side.modality): side for scene in scenes for side in sides_of(scene)
        }

    def altered(
        self, scene: Scene, side: Side, alteration: Alteration, *, is_denied: bool
    ) -> AlteredInput:
        """Return the altered input: the chosen answer must be wrong there.

        A partner shows another emotion; or the cue in question, where the chosen
        answer denies that cue, since it would stay right with any other partner.
        """

        def fits(clip: str) -> bool:
            person = self._sides[clip, side.modality].person
            if is_denied:
                return person.cue == asked_cue(side)
            return person.emotion is not side.person.emotion

        partner = None
        if alteration is Alteration.SWAP:
            partner = self._finder.nearest(scene.clip, fits)
        return altered_input(alteration, side.modality, partner, scene.index)
