"""The questions about each scene, with answers that follow from how it was made.

No text gives its answer away. The options of a basic question are two pairs, and
either cue of either pair may be the right one; a stress question says the same
about a cue whether the person shows it, the poster or the radio does, or nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.synth.cues import (
    AUDIO_CUES,
    VISUAL_CUES,
    AudioCue,
    BackgroundSound,
    Emotion,
    VisibleThing,
    VisualCue,
)
from emoreal_bench.synth.dealing import Dealer
from emoreal_bench.synth.scenes import Expression, Scene, make_scenes
from emoreal_bench.synth.settings import AgreementWording, Split, SynthSettings

LETTERS = ("A", "B", "C", "D")
YES, NO = LETTERS[:2]
YES_NO = ("(A) Yes", "(B) No")

SHOWS_CUE = {
    Modality.VIDEO: (
        "Which cue does the person in the room show?",
        "By which of these does the person in the room let us see what they feel?",
    ),
    Modality.AUDIO: (
        "Which sound does the person in the room make?",
        "By which of these does the person in the room let us hear what they feel?",
    ),
}
"""Wordings of the basic question about the person."""

IS_THERE = {
    Modality.VIDEO: ("Which of these can be seen in the clip?", "What does the picture show?"),
    Modality.AUDIO: ("Which of these can be heard in the clip?", "What is part of the sound?"),
}
"""Wordings of the basic question about the clip as a whole."""

AGREES = (
    "Do the person's face and voice convey the same emotion?",
    "Does what the person lets us see agree with the emotion in their voice?",
    "Is the emotion that can be seen on the person also the one that can be heard?",
)
"""Wordings of the agreement question; see :func:`agreement_wordings`."""

OWN_CUE = {
    Modality.VIDEO: (
        "Does the person in the room show: {cue}?",
        "Can you see it on the person: {cue}?",
    ),
    Modality.AUDIO: (
        "Does the person in the room make: {cue}?",
        "Can you hear it of the person: {cue}?",
    ),
}
"""Wordings of a question about the person's cue that names no emotion. The benchmark does not ask
it; it tells whether a model perceives what it denies or affirms once an emotion is named."""

_MAY_BE = f" It may be {', '.join(Emotion)}."


def agreement_wordings(wording: AgreementWording) -> tuple[str, ...]:
    """Return the wordings of the agreement question, with or without the seven emotions."""
    named = wording is AgreementWording.NAMED
    return tuple(question + _MAY_BE for question in AGREES) if named else AGREES


SUPPORTS = {
    Modality.VIDEO: (
        "Can you see the person's own {cue} as a sign of {emotion}?",
        "Does the clip show {emotion} by the person's own {cue}?",
        "Is {emotion} supported by the person's own {cue} in the picture?",
    ),
    Modality.AUDIO: (
        "Can you hear the person's own {cue} as a sign of {emotion}?",
        "Does the clip let us hear {emotion} by the person's own {cue}?",
        "Is {emotion} supported by the person's own {cue} in the sound?",
    ),
}
"""Wordings of the stress question."""

_MOST_WORDINGS = 3


@dataclass(frozen=True, slots=True)
class Side:
    """One modality of a scene, in the terms that both modalities share.

    Attributes:
        modality: Which one.
        person: What the person shows.
        elsewhere: What the poster or the radio shows.
        cues: Both cues of each emotion.
        decoy: The emotion beside the person's in the options of a basic question.
        claim: Whether the stress question names the cue that the person shows.
        present: Things on the shelf, or the background sound.
        absent: The things or sounds that are not there.
    """

    modality: Modality
    person: Expression[VisualCue] | Expression[AudioCue]
    elsewhere: Expression[VisualCue] | Expression[AudioCue]
    cues: Mapping[Emotion, Sequence[str]]
    decoy: Emotion
    claim: bool
    present: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def other_cue(self) -> str:
        """The cue of the person's emotion that the person does not show."""
        first, second = self.cues[self.person.emotion]
        return second if self.person.cue == first else first

    @property
    def has_both_cues(self) -> bool:
        """Whether the poster or the radio shows the other cue of the person's emotion."""
        return self.elsewhere.cue == self.other_cue

    @property
    def shown(self) -> frozenset[str]:
        """All that can be seen or heard: both cues, and the things or the background sound."""
        return frozenset((str(self.person.cue), str(self.elsewhere.cue), *self.present))

    @property
    def category(self) -> str:
        """EmoReAlM's category of the stress question."""
        if self.claim:
            return "no_hallucination"
        return "spurious" if self.has_both_cues else "hallucination"


def sides_of(scene: Scene) -> tuple[Side, Side]:
    """Return the picture and the sound of a scene, in this order."""
    video = Side(
        modality=Modality.VIDEO,
        person=scene.face,
        elsewhere=scene.poster,
        cues=VISUAL_CUES,
        decoy=scene.video_decoy,
        claim=scene.video_claim,
        present=scene.things,
        absent=tuple(thing for thing in VisibleThing if thing not in scene.things),
    )
    audio = Side(
        modality=Modality.AUDIO,
        person=scene.voice,
        elsewhere=scene.radio,
        cues=AUDIO_CUES,
        decoy=scene.audio_decoy,
        claim=scene.audio_claim,
        present=(scene.background,),
        absent=tuple(sound for sound in BackgroundSound if sound is not scene.background),
    )
    return video, audio


def make_items(settings: SynthSettings) -> tuple[Item, ...]:
    """Ask five questions about each scene, one per subtask of EmoReAlM.

    Returns:
        The items in the order of the clips, as a reader would give them.

    Raises:
        MissingExtraError: If the settings demand eSpeak NG and it is not installed.
    """
    # A stream of its own: other wordings must not change the scenes.
    rng = np.random.default_rng([settings.seed, settings.split is Split.TRAIN, 1])
    author = _Author(rng, settings.agreement_wording)
    items = [item for scene in make_scenes(settings) for item in author.ask(scene)]
    return tuple(items[: settings.items])


class _Author:
    """Words the questions; wordings, letters and things come equally often with each answer."""

    def __init__(self, rng: np.random.Generator, agreement: AgreementWording):
        self._rng = rng
        self._agrees = agreement_wordings(agreement)
        self._letters = Dealer(LETTERS, rng)
        self._unused: dict[Modality, set[str]] = {}
        self._wordings = Dealer(range(_MOST_WORDINGS), rng)
        self._surroundings: Dealer[str] = Dealer((*VisibleThing, *BackgroundSound), rng)

    def ask(self, scene: Scene) -> tuple[Item, ...]:
        """Ask one question of each subtask about a scene."""
        video, audio = sides_of(scene)
        return (
            self._basic(scene, audio),
            self._basic(scene, video),
            self._agreement(scene),
            self._stress(scene, audio),
            self._stress(scene, video),
        )

    def _basic(self, scene: Scene, side: Side) -> Item:
        wordings = (IS_THERE if scene.perception else SHOWS_CUE)[side.modality]
        gold, *wrong = perceived(side, self._surrounding) if scene.perception else _shown(side)
        options = self._placed(side.modality, gold, wrong)
        return _item(
            scene,
            f"reasoning_basic_{side.modality}",
            question=self._one_of(wordings, gold),
            choices=tuple(f"({letter}) {options[letter]}" for letter in LETTERS),
            answer=next(letter for letter in LETTERS if options[letter] == gold),
            metadata={"cue": gold, "emotion": side.person.emotion},
        )

    def _placed(self, modality: Modality, gold: str, wrong: Sequence[str]) -> dict[str, str]:
        """Return the options by letter.

        Every four questions use each letter once for the right option. Besides, each
        option comes equally often at each letter, both when right and when wrong.
        """
        unused = self._unused.setdefault(modality, set())
        if not unused:
            unused.update(LETTERS)
        letter = self._letters.deal(("right", gold), unused.__contains__)
        unused.remove(letter)
        options = {letter: gold}
        for index in self._rng.permutation(len(wrong)):
            free = set(LETTERS) - set(options)
            options[self._letters.deal(("wrong", wrong[index]), free.__contains__)] = wrong[index]
        return options

    def _agreement(self, scene: Scene) -> Item:
        return _item(
            scene,
            "modality_agreement",
            question=self._one_of(self._agrees, scene.agree),
            choices=YES_NO,
            answer=YES if scene.agree else NO,
            metadata={},
        )

    def _stress(self, scene: Scene, side: Side) -> Item:
        cue = side.person.cue if side.claim else side.other_cue
        emotion = side.person.emotion
        return _item(
            scene,
            f"reasoning_stress_{side.modality}",
            question=self._one_of(SUPPORTS[side.modality], cue, side.claim).format(
                cue=cue, emotion=emotion_phrase(emotion)
            ),
            choices=YES_NO,
            answer=YES if side.claim else NO,
            metadata={"category": side.category, "cue": cue, "emotion": emotion},
        )

    def _surrounding(self, role: str, names: Container[str]) -> str:
        return self._surroundings.deal(role, lambda name: name in names)

    def _one_of(self, wordings: Sequence[str], *answer: Hashable) -> str:
        """Return one of the wordings, each equally often with this answer."""
        number = self._wordings.deal((wordings, answer), range(len(wordings)).__contains__)
        return wordings[number]


def perceived(side: Side, deal: Callable[[str, Container[str]], str]) -> tuple[str, ...]:
    """Return what is there, then three things that are not: two cues and two others in all.

    The poster or radio may show the emotion's other cue, which is then there
    as well; in that case the question is about a thing or background sound.

    Args:
        side: What is asked about.
        deal: Gives one of some things or sounds, each equally often as ``"gold"`` and ``"wrong"``.
    """
    first = deal("wrong", side.absent)
    if side.has_both_cues:
        return deal("gold", side.present), first, *map(str, side.cues[side.decoy])
    second = deal("wrong", set(side.absent) - {first})
    return str(side.person.cue), side.other_cue, first, second


def emotion_phrase(emotion: Emotion) -> str:
    """Return the words for an emotion within a question."""
    return "a neutral mood" if emotion is Emotion.NEUTRAL else emotion.value


def _shown(side: Side) -> tuple[str, ...]:
    """Return the person's cue, then three that the person does not show."""
    return str(side.person.cue), side.other_cue, *map(str, side.cues[side.decoy])


def _item(
    scene: Scene,
    subtask: str,
    *,
    question: str,
    choices: tuple[str, ...],
    answer: str,
    metadata: Mapping[str, str],
) -> Item:
    return Item(
        id=f"{scene.index + 1}_{subtask}",
        subtask=subtask,
        question=question,
        choices=choices,
        answer=answer,
        clip=scene.clip,
        metadata={key: str(value) for key, value in metadata.items()} or None,
    )
