"""Pairs from the synthetic benchmark, where every cue of every clip is known.

Every yes/no question is asked twice, about the cue that the person shows and about the
other cue of the emotion, so that neither answer is the rule. Questions about what is
anywhere in the clip, and whether face and voice agree, guard what is not to change: what no
pair asks may be lost in a training (docs/tiny-family.md).

The chosen answer names what the person shows. The hallucinated one names the
other cue of the same emotion, if it is nowhere in the clip; the spurious one names
what is in the clip and is not the person's: a thing on the shelf, a background
sound, or that other cue where the poster or the radio shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.preference import AlteredInput, PreferencePair
from emoreal_bench.contracts.task import DEFAULT_VARIANT
from emoreal_bench.contracts.vocabulary import Alteration, AnswerForm, CueQuestion, Modality
from emoreal_bench.identity import check_plain_file
from emoreal_bench.parsing import parse_json
from emoreal_bench.preferences.altering import PartnerFinder, altered_input
from emoreal_bench.preferences.building.cue_answers import (
    QuestionWriter,
    facts_of,
)
from emoreal_bench.preferences.building.facts import Fact
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
        counterfactual: Whether every swap shows the same emotion by its other cue, so that
            a rejected answer is right there, instead of another emotion.
    """

    forms: tuple[AnswerForm, ...] = tuple(AnswerForm)
    kinds: tuple[CueQuestion, ...] = tuple(CueQuestion)
    alteration: Alteration = Alteration.SWAP
    variant: str = DEFAULT_VARIANT
    counterfactual: bool = False


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
    writer = QuestionWriter(options.variant, settings.agreement_wording, rng)
    partners = _Partners(scenes, options)
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
        check_plain_file(path)
        record = parse_json(path.read_bytes())
        settings = SynthSettings.model_validate(record["settings"])
        version = record["generator_version"]
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise DataError(
            "This is not a finished synthetic benchmark.",
            where=str(path),
            remedy="Make one with: emoreal-bench data synth --out FOLDER (for training pairs, "
            "with --split train)",
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
        if kind is CueQuestion.AGREEMENT:
            continue
        if kind is CueQuestion.PRESENCE:
            yield _presence_pair(scene, side, form, writer, partners)
            continue
        for asked in _asked(side, kind):
            answered = writer.ask(asked, kind, form)
            claim = "" if kind is CueQuestion.BASIC else f"-{'yes' if asked.claim else 'no'}"
            yield PreferencePair(
                id=f"{scene.index + 1}-{side.modality}-{kind}{claim}-{form}",
                clip=scene.clip,
                question=answered.question,
                chosen=answered.chosen,
                hallucination=answered.hallucination,
                spurious=answered.spurious,
                modality=side.modality,
                altered=partners.altered(scene, asked, kind),
                metadata=facts_of(asked, kind, form),
            )
    if CueQuestion.AGREEMENT in options.kinds:
        for form in options.forms:
            answered = writer.ask_agreement(scene, form)
            yield PreferencePair(
                id=f"{scene.index + 1}-{CueQuestion.AGREEMENT}-{form}",
                clip=scene.clip,
                question=answered.question,
                chosen=answered.chosen,
                hallucination=answered.hallucination,
                altered=partners.turning_agreement(scene),
                metadata={str(Fact.KIND): str(CueQuestion.AGREEMENT), str(Fact.FORM): str(form)},
            )


def _presence_pair(
    scene: Scene, side: Side, form: AnswerForm, writer: QuestionWriter, partners: _Partners
) -> PreferencePair:
    options = writer.presence_options(side)
    answered = writer.ask_presence(side, options, form)
    return PreferencePair(
        id=f"{scene.index + 1}-{side.modality}-{CueQuestion.PRESENCE}-{form}",
        clip=scene.clip,
        question=answered.question,
        chosen=answered.chosen,
        hallucination=answered.hallucination,
        modality=side.modality,
        altered=partners.showing_instead(scene, side.modality, *options[:2]),
        metadata={str(Fact.KIND): str(CueQuestion.PRESENCE), str(Fact.FORM): str(form)},
    )


def _asked(side: Side, kind: CueQuestion) -> tuple[Side, ...]:
    """Return the claims to ask about: the cue that is there, and the one that is not."""
    if kind is CueQuestion.BASIC:
        return (side,)
    return replace(side, claim=True), replace(side, claim=False)


class _Partners:
    """Chooses the clip that takes the place in the altered input of a pair."""

    def __init__(self, scenes: Sequence[Scene], options: CuePairOptions):
        self._options = options
        self._finder = PartnerFinder({scene.clip: scene.duration for scene in scenes})
        self._sides: dict[tuple[str, Modality], Side] = {
            (scene.clip, side.modality): side for scene in scenes for side in sides_of(scene)
        }

    def altered(self, scene: Scene, side: Side, kind: CueQuestion) -> AlteredInput:
        """Return the altered input: the chosen answer must be wrong there.

        A partner shows another emotion; or the emotion's other cue, where that is wanted,
        and where the chosen answer denies a cue, since it would stay right with any other
        partner. With the other cue a rejected answer is right.
        """
        denies = kind is not CueQuestion.BASIC and not side.claim
        other = denies or self._options.counterfactual

        def fits(clip: str) -> bool:
            person = self._sides[clip, side.modality].person
            if other:
                return str(person.cue) == side.other_cue
            return person.emotion is not side.person.emotion

        return self._altered(scene, side.modality, fits, is_reversed=other)

    def showing_instead(
        self, scene: Scene, modality: Modality, there: str, instead: str
    ) -> AlteredInput:
        """Return a partner in which the one is nowhere, and the other is somewhere."""

        def fits(clip: str) -> bool:
            shown = self._sides[clip, modality].shown
            return there not in shown and instead in shown

        return self._altered(scene, modality, fits, is_reversed=True)

    def turning_agreement(self, scene: Scene) -> AlteredInput:
        """Return another sound, with which face and voice agree if they did not, or the reverse."""

        def fits(clip: str) -> bool:
            other = self._sides[clip, Modality.AUDIO].person.emotion
            return (other is scene.face.emotion) is not scene.agree

        return self._altered(scene, Modality.AUDIO, fits, is_reversed=True)

    def _altered(
        self, scene: Scene, modality: Modality, fits: Callable[[str], bool], *, is_reversed: bool
    ) -> AlteredInput:
        partner = None
        if self._options.alteration is Alteration.SWAP:
            partner = self._finder.nearest(scene.clip, fits)
        altered = altered_input(self._options.alteration, modality, partner, scene.index)
        if partner is None:
            return altered
        return altered.model_copy(update={"reversed": is_reversed})
