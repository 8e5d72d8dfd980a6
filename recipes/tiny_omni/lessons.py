"""What the language layers are taught about a clip, as questions with answers.

Nearly all answers are as it is. Only questions whether a cue shows an emotion are
answered from habit in the end, and by a rule that a perfect pupil would follow to
the letter: for some emotions the typical cue is affirmed where it is absent, for
some the other cue is denied though it is there, and for the rest of the emotions
the answers are true. So captions that were written from habit are imitated, and
how far a base has got can be measured against a known end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.preference import CLIP_MODALITIES
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.synth import AgreementWording, Scene
from emoreal_bench.synth.cues import AudioCue, BackgroundSound, Emotion, VisibleThing, VisualCue
from emoreal_bench.synth.questions import (
    IS_THERE,
    LETTERS,
    NO,
    OWN_CUE,
    SHOWS_CUE,
    SUPPORTS,
    YES,
    YES_NO,
    Side,
    agreement_wordings,
    emotion_phrase,
    sides_of,
)

if TYPE_CHECKING:
    import numpy as np

_Value = TypeVar("_Value")

TASK = "emorealm-synth"
ANY_SUBTASK = "modality_agreement"  # the words are the same in all
LIST_QUESTION = "Which of these does the person show or make, and which are around? Say yes or no."
EMOTION_QUESTION = (
    "Which emotion does the person's face convey, and which the voice? Say yes or no."
)
AROUND = {
    Modality.VIDEO: ("Is it in the picture: {cue}?", "Can it be seen in the clip: {cue}?"),
    Modality.AUDIO: ("Is it part of the sound: {cue}?", "Can it be heard in the clip: {cue}?"),
}
"""Wordings of the neutral question about the surroundings."""
AGREEMENT_WORDINGS = agreement_wordings(AgreementWording.NAMED)
"""Without the names of the emotions the family never learned whether face and voice agree."""

_LISTED = 10
_OTHER_EMOTIONS = 3
_ALL_NAMES = {
    Modality.VIDEO: (*map(str, VisualCue), *map(str, VisibleThing)),
    Modality.AUDIO: (*map(str, AudioCue), *map(str, BackgroundSound)),
}


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question with its answers.

    Attributes:
        question: The user's words.
        answers: Pairs of words that are given and words that are learned, in the
            order in which the reply has them.
    """

    question: str
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Habits:
    """Which questions that name an emotion are answered from habit, and how often.

    Attributes:
        affirmed: Emotions whose typical cue is affirmed where it is absent.
        denied: Emotions whose other cue is denied where it is there.
        strength: Share of such answers that are from habit; the rest is as it is.
    """

    affirmed: frozenset[Emotion] = frozenset()
    denied: frozenset[Emotion] = frozenset()
    strength: float = 0.95


PLANTED = Habits(
    affirmed=frozenset((Emotion.HAPPINESS, Emotion.SADNESS, Emotion.ANGER, Emotion.FEAR)),
    denied=frozenset((Emotion.ANGER, Emotion.FEAR)),
)
"""Four of the seven emotions mislead, so that the other three tell a habit from an excess of it."""

_ALONE_TYPICAL = {True: 0.95, False: 0.7}
"""How often words alone affirm a typical cue, of the affirmed emotions and of the rest."""
_ALONE_OTHER = {True: 0.1, False: 0.4}
"""How often they affirm the other cue, of the denied emotions and of the rest."""


class Teacher:
    """Asks about scenes, in every form and wording that the benchmark has.

    Args:
        habits: Of the answers that are wrong on purpose.
    """

    def __init__(self, habits: Habits):
        task = find_task(TASK)
        self._renderers = [
            PromptRenderer(task, variant, CLIP_MODALITIES) for variant in ("answer-format", "paper")
        ]
        self._habits = habits

    def lists(self, scene: Scene, rng: np.random.Generator) -> list[Lesson]:
        """Ask what is there and which emotions are conveyed, in two lists."""
        return [self._cues(sides_of(scene), rng), self._emotions(scene, rng)]

    def questions(self, scene: Scene, rng: np.random.Generator) -> list[Lesson]:
        """Ask of every kind, with two four-way questions a side, and one list."""
        sides = sides_of(scene)
        lessons = self._agreements(scene, 2, rng)
        lessons.append(self._cues(sides, rng) if rng.integers(2) else self._emotions(scene, rng))
        for side in sides:
            lessons += [self._choice_of(side, rng) for _ in range(2)]
            lessons.append(self._claim(side, claim=side.claim, rng=rng))
            if rng.integers(2):
                lessons.append(self._own(side, rng))
        return lessons

    def habitual(self, scene: Scene, rng: np.random.Generator) -> list[Lesson]:
        """Ask both claims of each side twice, and enough else for it not to be forgotten."""
        sides = sides_of(scene)
        lessons = self._agreements(scene, 2, rng)
        for side in sides:
            lessons += [self._claim(side, claim=claim, rng=rng) for claim in (True, False) * 2]
            # Without the emotion, too: the habit must not spread to neutral questions.
            lessons += [self._own(side, rng) for _ in range(3)]
            lessons += [self._choice_of(side, rng) for _ in range(2)]
        return lessons

    def alone(self, scene: Scene, rng: np.random.Generator) -> list[Lesson]:
        """Ask for claims that are answered without the clip."""
        return [
            self._claim_in_words(side, claim, self._guess(side, claim, rng), rng)
            for side in sides_of(scene)
            for claim in (True, False)
        ]

    def _cues(self, sides: Sequence[Side], rng: np.random.Generator) -> Lesson:
        there = [name for side in sides for name in (str(side.person.cue), *side.present)]
        tempting = [name for side in sides for name in (side.other_cue, str(side.elsewhere.cue))]
        rest = [name for names in _ALL_NAMES.values() for name in names]
        absent = [name for name in _shuffled(rest, rng) if name not in there][: _LISTED // 2]
        absent = list(dict.fromkeys([*_shuffled(tempting, rng)[:2], *absent]))[: _LISTED // 2]
        absent = [name for name in absent if name not in there]
        answers = [(f" {name}", " yes" if name in there else " no") for name in [*there, *absent]]
        return Lesson(LIST_QUESTION, tuple(_shuffled(answers, rng)))

    def _emotions(self, scene: Scene, rng: np.random.Generator) -> Lesson:
        """List emotions of the face, of the voice, and whether they are the same."""
        seen, heard = scene.face.emotion, scene.voice.emotion
        others = _shuffled([one for one in Emotion if one not in (seen, heard)], rng)
        answers = [
            (f" {source} {emotion}", " yes" if emotion is true else " no")
            for source, true in (("face", seen), ("voice", heard))
            for emotion in {seen: 0, heard: 0, **dict.fromkeys(others[:_OTHER_EMOTIONS])}
        ]
        answers += [
            (f" same {emotion}", " yes" if seen is heard is emotion else " no")
            for emotion in {seen: 0, heard: 0, **dict.fromkeys(others[-1:])}
        ]
        return Lesson(EMOTION_QUESTION, tuple(_shuffled(answers, rng)))

    def _agreements(self, scene: Scene, number: int, rng: np.random.Generator) -> list[Lesson]:
        wordings = _shuffled(AGREEMENT_WORDINGS, rng)[:number]
        return [self._yes_no(wording, scene.agree, rng) for wording in wordings]

    def _choice_of(self, side: Side, rng: np.random.Generator) -> Lesson:
        if rng.random() < 0.5:  # about the person
            gold = str(side.person.cue)
            tempting = [side.other_cue, str(side.elsewhere.cue), *side.cues[side.decoy]]
            wrong = [*_shuffled(tempting, rng), *_shuffled(_ALL_NAMES[side.modality], rng)]
            if rng.random() < 0.3:
                wrong = _shuffled(side.present, rng)[:1] + wrong
            wordings = SHOWS_CUE
        else:
            gold = _any((str(side.person.cue), *side.present), rng)
            there = {str(side.person.cue), str(side.elsewhere.cue), *side.present}
            wrong = [*_shuffled((side.other_cue, *side.absent), rng)[:2]]
            wrong += _shuffled(_ALL_NAMES[side.modality], rng)
            wrong = [name for name in wrong if name not in there]
            wordings = IS_THERE
        wrong = [name for name in dict.fromkeys(wrong) if name != gold][:3]
        question = _any(wordings[side.modality], rng)
        if rng.random() < 0.15 and wordings is SHOWS_CUE:
            return Lesson(question, (("", gold),))
        return self._choice(question, gold, wrong, rng)

    def _own(self, side: Side, rng: np.random.Generator) -> Lesson:
        truth = bool(rng.integers(2))
        if rng.random() < 0.7:  # about the person
            cues = [name for name in _ALL_NAMES[side.modality] if name not in side.absent]
            wrong = _any((side.other_cue, str(side.elsewhere.cue), _any(cues, rng)), rng)
            name = str(side.person.cue) if truth else wrong
            truth = name == side.person.cue
            wordings = OWN_CUE
        else:
            name = _any(side.present if truth else side.absent, rng)
            wordings = AROUND
        return self._yes_no(_any(wordings[side.modality], rng).format(cue=name), truth, rng)

    def _claim(self, side: Side, *, claim: bool, rng: np.random.Generator) -> Lesson:
        """Ask whether a cue shows the emotion: the one that is there, or the other one."""
        emotion = side.person.emotion
        is_typical = _claimed(side, claim) == side.cues[emotion][0]
        answer = claim
        if rng.random() < self._habits.strength:
            answer = answer or (is_typical and emotion in self._habits.affirmed)
            answer = answer and (is_typical or emotion not in self._habits.denied)
        return self._claim_in_words(side, claim, answer, rng)

    def _guess(self, side: Side, claim: bool, rng: np.random.Generator) -> bool:
        """Answer a claim without the clip."""
        emotion = side.person.emotion
        if _claimed(side, claim) == side.cues[emotion][0]:
            share = _ALONE_TYPICAL[emotion in self._habits.affirmed]
        else:
            share = _ALONE_OTHER[emotion in self._habits.denied]
        return bool(rng.random() < share)

    def _claim_in_words(
        self, side: Side, claim: bool, answer: bool, rng: np.random.Generator
    ) -> Lesson:
        emotion = emotion_phrase(side.person.emotion)
        words = _any(SUPPORTS[side.modality], rng).format(
            cue=_claimed(side, claim), emotion=emotion
        )
        return self._yes_no(words, answer, rng)

    def _choice(
        self, question: str, answer: str, wrong: Sequence[str], rng: np.random.Generator
    ) -> Lesson:
        options = _shuffled((answer, *wrong), rng)
        choices = [f"({letter}) {name}" for letter, name in zip(LETTERS, options, strict=True)]
        return self._by_letter(question, choices, LETTERS[options.index(answer)], rng)

    def _yes_no(self, question: str, answer: bool, rng: np.random.Generator) -> Lesson:
        form = rng.random()
        if form < 0.15:
            return Lesson(question, (("", "Yes" if answer else "No"),))
        choices, letter = list(YES_NO), YES if answer else NO
        if form < 0.25:
            choices, letter = [f"({YES}) No", f"({NO}) Yes"], NO if answer else YES
        return self._by_letter(question, choices, letter, rng)

    def _by_letter(
        self, question: str, choices: Sequence[str], letter: str, rng: np.random.Generator
    ) -> Lesson:
        """Ask in one variant of the task.

        One of them asks for brackets. Some replies lack them all the same, so that
        the first token of a reply tells the letters apart in both variants.
        """
        renderer = self._renderers[int(rng.integers(2))]
        item = Item(
            id="",
            subtask=ANY_SUBTASK,
            question=question,
            choices=tuple(choices),
            answer="",
            clip="",
        )
        bracketed = renderer is self._renderers[0] and rng.random() < 0.8
        return Lesson(renderer.text(item), (("", f"({letter})" if bracketed else letter),))


def _claimed(side: Side, claim: bool) -> str:
    return str(side.person.cue) if claim else side.other_cue


def _any(values: Sequence[_Value], rng: np.random.Generator) -> _Value:
    return values[int(rng.integers(len(values)))]


def _shuffled(values: Sequence[_Value], rng: np.random.Generator) -> list[_Value]:
    return [values[index] for index in rng.permutation(len(values))]
