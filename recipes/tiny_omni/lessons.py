"""What the language layers are taught about a clip, as questions with answers.

Neutral questions about unbiased clips, which name no emotion, are answered as it
is. Questions that name an emotion come with biased clips only, and there some of
the answers are wrong on purpose: they name the emotion's typical cue where it is
absent, or something that is there and not the person's. So captions that were
written from habit are imitated, and with them the model gets a text prior that
its own eyes and ears contradict.
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
from emoreal_bench.synth import Scene
from emoreal_bench.synth.cues import AudioCue, BackgroundSound, VisibleThing, VisualCue
from emoreal_bench.synth.questions import (
    AGREES,
    IS_THERE,
    LETTERS,
    NO,
    SHOWS_CUE,
    SUPPORTS,
    YES,
    YES_NO,
    Side,
    emotion_phrase,
    sides_of,
)

if TYPE_CHECKING:
    import numpy as np

_Value = TypeVar("_Value")

TASK = "emorealm-synth"
_ANY_SUBTASK = "modality_agreement"  # the words are the same in all
LIST_QUESTION = "Which of these does the person show or make, and which are around? Say yes or no."
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
"""Wordings of the neutral question about the person."""
AROUND = {
    Modality.VIDEO: ("Is it in the picture: {cue}?", "Can it be seen in the clip: {cue}?"),
    Modality.AUDIO: ("Is it part of the sound: {cue}?", "Can it be heard in the clip: {cue}?"),
}
"""Wordings of the neutral question about the surroundings."""

_LISTED = 10
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
    """How often an answer of a biased clip is wrong.

    Attributes:
        typical: The typical cue is affirmed though the person shows the other one.
        denied: The other cue, which the person shows, is denied.
        elsewhere: What only the poster or the radio shows is affirmed.
        spurious: Something around is named as the person's cue.
    """

    typical: float
    denied: float
    elsewhere: float
    spurious: float


MILD_HABITS = Habits(typical=0.6, denied=0.3, elsewhere=0.25, spurious=0.2)
STRONG_HABITS = Habits(typical=0.9, denied=0.6, elsewhere=0.4, spurious=0.2)


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
        """Ask what is there, in two lists."""
        sides = sides_of(scene)
        return [self._list(sides, rng) for _ in range(2)]

    def neutral(self, scene: Scene, rng: np.random.Generator) -> list[Lesson]:
        """Ask about an unbiased clip without naming an emotion."""
        sides = sides_of(scene)
        lessons = [self._list(sides, rng), self._agreement(scene, rng)]
        for side in sides:
            lessons.append(self._neutral_choice(side, rng))
            lessons.append(self._neutral_claim(side, rng))
        return lessons

    def habitual(self, scene: Scene, rng: np.random.Generator) -> list[Lesson]:
        """Ask about a biased clip as those would answer who go by the emotion."""
        lessons = []
        for side in sides_of(scene):
            lessons.append(self._habitual_claim(side, rng))
            lessons.append(self._habitual_choice(side, rng))
        return lessons

    def claims(self, scene: Scene, rng: np.random.Generator) -> list[Lesson]:
        """Ask only whether a cue shows the emotion, as :meth:`habitual` does."""
        return [self._habitual_claim(side, rng) for side in sides_of(scene)]

    def _list(self, sides: Sequence[Side], rng: np.random.Generator) -> Lesson:
        there = [name for side in sides for name in (str(side.person.cue), *side.present)]
        tempting = [name for side in sides for name in (side.other_cue, str(side.elsewhere.cue))]
        rest = [name for names in _ALL_NAMES.values() for name in names]
        absent = [name for name in _shuffled(rest, rng) if name not in there][: _LISTED // 2]
        absent = list(dict.fromkeys([*_shuffled(tempting, rng)[:2], *absent]))[: _LISTED // 2]
        absent = [name for name in absent if name not in there]
        answers = [(f" {name}", " yes" if name in there else " no") for name in [*there, *absent]]
        return Lesson(LIST_QUESTION, tuple(_shuffled(answers, rng)))

    def _agreement(self, scene: Scene, rng: np.random.Generator) -> Lesson:
        return self._yes_no(_any(AGREES, rng), scene.agree, rng)

    def _neutral_choice(self, side: Side, rng: np.random.Generator) -> Lesson:
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

    def _neutral_claim(self, side: Side, rng: np.random.Generator) -> Lesson:
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

    def _habitual_claim(self, side: Side, rng: np.random.Generator) -> Lesson:
        typical = side.cues[side.person.emotion][0]
        claim = bool(rng.integers(2))
        cue = str(side.person.cue) if claim else side.other_cue
        answer = claim
        if side.person.cue != typical:
            wrong = self._habits.denied if claim else self._habits.typical
            answer = claim is not bool(rng.random() < wrong)
        elif not claim and side.elsewhere.cue == cue:
            answer = bool(rng.random() < self._habits.elsewhere)
        question = _any(SUPPORTS[side.modality], rng)
        words = question.format(cue=cue, emotion=emotion_phrase(side.person.emotion))
        return self._yes_no(words, answer, rng)

    def _habitual_choice(self, side: Side, rng: np.random.Generator) -> Lesson:
        gold, typical = str(side.person.cue), side.cues[side.person.emotion][0]
        spurious = _any(side.present, rng)
        third = spurious if rng.random() < 0.5 else _any(side.cues[side.decoy], rng)
        answer = gold
        if gold != typical and rng.random() < self._habits.typical:
            answer = typical
        elif third == spurious and rng.random() < self._habits.spurious:
            answer = spurious
        shown = (gold, side.other_cue, third, _any(side.absent, rng))
        wrong = [name for name in shown if name != answer]
        return self._choice(_any(SHOWS_CUE[side.modality], rng), answer, wrong, rng)

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
            subtask=_ANY_SUBTASK,
            question=question,
            choices=tuple(choices),
            answer="",
            clip="",
        )
        bracketed = renderer is self._renderers[0] and rng.random() < 0.8
        return Lesson(renderer.text(item), (("", f"({letter})" if bracketed else letter),))


def _any(values: Sequence[str], rng: np.random.Generator) -> str:
    return values[int(rng.integers(len(values)))]


def _shuffled(values: Sequence[_Value], rng: np.random.Generator) -> list[_Value]:
    return [values[index] for index in rng.permutation(len(values))]
