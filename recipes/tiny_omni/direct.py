"""What is measured of a network on drawn clips, without files and without the harness.

Every clip is asked both claims of both sides, with the emotion and without, and
what the benchmark asks about it besides. Answers are letters behind an opening
bracket, and a margin is how much likelier the right one is than the best of the
others. So 800 clips take a minute, and questions that cannot show a hallucination
stand apart from those that can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from math import exp
from statistics import fmean

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.preference import CLIP_MODALITIES
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.synth import Scene, make_items
from emoreal_bench.synth.cues import Emotion
from emoreal_bench.synth.questions import (
    LETTERS,
    NO,
    OWN_CUE,
    SUPPORTS,
    YES,
    YES_NO,
    Side,
    emotion_phrase,
    sides_of,
)
from emoreal_bench.synth.scenes import QUESTIONS_PER_CLIP
from recipes.tiny_omni.clips import ClipSet
from recipes.tiny_omni.encoded import EncodedClip
from recipes.tiny_omni.lessons import ANY_SUBTASK, PLANTED, TASK, Lesson
from recipes.tiny_omni.packing import LessonNetwork, LessonRow

_BATCH = 20
_HALF = 0.5


class Kind(StrEnum):
    """What a question is about."""

    STRESS = "stress"
    """Whether a cue shows the emotion, which is named."""
    NEUTRAL = "neutral"
    """Whether the person shows a cue."""
    AGREEMENT = "agreement"
    BASIC = "basic"


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a clip, and what is known of it.

    Attributes:
        kind: What it is about.
        text: The user's words.
        right: The letter of the right answer.
        letters: Of all options.
        modality: Of the cue; None where it is about both.
        emotion: That the person conveys there.
        typical: Whether it names the emotion's typical cue.
        elsewhere: Whether it names what only the poster or the radio shows.
    """

    kind: Kind
    text: str
    right: str
    letters: tuple[str, ...] = LETTERS[:2]
    modality: Modality | None = None
    emotion: Emotion | None = None
    typical: bool = False
    elsewhere: bool = False

    @property
    def is_chance(self) -> bool:
        """Whether a Yes to it is a hallucination: the cue is nowhere in the clip."""
        return self.kind is Kind.STRESS and self.right == NO and not self.elsewhere

    @property
    def is_trap(self) -> bool:
        """Whether habit says Yes and the person does not show it."""
        return self.kind is Kind.STRESS and self.right == NO and self.typical


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said to a question.

    Attributes:
        question: The question.
        margin: Of its right answer, in nats.
        readable: Whether the letters of its options are likelier than everything else together.
    """

    question: Question
    margin: float
    readable: bool = True

    @property
    def is_right(self) -> bool:
        """Whether the right answer is the likeliest."""
        return self.margin > 0

    @property
    def says_yes(self) -> bool:
        """Whether a question with two options is affirmed."""
        return self.is_right is (self.question.right == YES)


def ask(clip_set: ClipSet) -> list[list[Question]]:
    """Return what is asked about each clip of a set."""
    renderer = PromptRenderer(find_task(TASK), "answer-format", CLIP_MODALITIES)

    def words(question: str, choices: Sequence[str] = YES_NO) -> str:
        return renderer.text(Item("", ANY_SUBTASK, question, tuple(choices), "", ""))

    items = iter(make_items(clip_set.settings))
    asked = []
    for scene in clip_set.scenes():
        basic = [
            Question(
                Kind.AGREEMENT if len(item.choices) == len(YES_NO) else Kind.BASIC,
                words(item.question, item.choices),
                item.answer,
                LETTERS[: len(item.choices)],
                None if item.subtask == ANY_SUBTASK else Modality(item.subtask.rpartition("_")[2]),
            )
            for item in islice(items, QUESTIONS_PER_CLIP)
            if "stress" not in item.subtask
        ]
        asked.append([*basic, *_claims(scene, words)])
    return asked


def _claims(scene: Scene, words: Callable[[str], str]) -> list[Question]:
    found = []
    for side in sides_of(scene):
        for kind, wordings in ((Kind.STRESS, SUPPORTS), (Kind.NEUTRAL, OWN_CUE)):
            wording = wordings[side.modality][scene.index % len(wordings[side.modality])]
            found += [_claim(side, claim, kind, words, wording) for claim in (True, False)]
    return found


def _claim(
    side: Side, claim: bool, kind: Kind, words: Callable[[str], str], wording: str
) -> Question:
    cue = str(side.person.cue) if claim else side.other_cue
    emotion = side.person.emotion
    return Question(
        kind=kind,
        text=words(wording.format(cue=cue, emotion=emotion_phrase(emotion))),
        right=YES if claim else NO,
        modality=side.modality,
        emotion=emotion,
        typical=cue == side.cues[emotion][0],
        elsewhere=not claim and side.elsewhere.cue == cue,
    )


def judge(
    network: LessonNetwork, clips: Sequence[EncodedClip], asked: Sequence[Sequence[Question]]
) -> list[Judged]:
    """Ask a network about clips.

    Args:
        network: To be asked.
        clips: Encoded by its towers.
        asked: Of :func:`ask`, in the order of the clips.
    """
    found = []
    rows = [
        LessonRow(clip, [Lesson(question.text, (("(", question.right),)) for question in questions])
        for clip, questions in zip(clips, asked, strict=True)
    ]
    for start in range(0, len(rows), _BATCH):
        scores = network.scores(rows[start : start + _BATCH], LETTERS)
        for said, questions in zip(scores, asked[start : start + _BATCH], strict=True):
            for values, question in zip(said.tolist(), questions, strict=True):
                right = LETTERS.index(question.right)
                options = values[: len(question.letters)]
                others = [value for n, value in enumerate(options) if n != right]
                readable = sum(map(exp, options)) > _HALF
                found.append(Judged(question, values[right] - max(others), readable))
    return found


def figures(judged: Iterable[Judged]) -> dict[str, float]:
    """Return what was found, by name: shares of 0..1, and log-odds in nats.

    Names end with ``_video`` or ``_audio`` but for agreement and ``readable``.
    ``hallucinated`` is the share of chances that were taken, ``hallucinated_typical``
    that of those that ask the typical cue; ``trap_habit`` and ``trap_free`` are shares
    of traps that were affirmed, of emotions that habits were planted for and of the
    others.
    """
    every = list(judged)
    found = {}
    for modality in CLIP_MODALITIES:
        those = [one for one in every if one.question.modality is modality]
        found.update({f"{name}_{modality}": value for name, value in _of_side(those).items()})
    agreement = [one for one in every if one.question.kind is Kind.AGREEMENT]
    found["agreement"] = _balanced(agreement)
    found["agreement_yes"] = _share(agreement, lambda one: one.says_yes)
    found["readable"] = _share(every, lambda one: one.readable)
    return found


def _of_side(judged: Sequence[Judged]) -> Mapping[str, float]:
    stress = [one for one in judged if one.question.kind is Kind.STRESS]
    chances = [one for one in stress if one.question.is_chance]
    traps = [one for one in stress if one.question.is_trap]
    there = [one for one in stress if one.question.right == YES]
    groups = {
        "hallucinated": chances,
        "hallucinated_typical": [one for one in chances if one.question.typical],
        "hallucinated_other": [one for one in chances if not one.question.typical],
        "trap_habit": [one for one in traps if one.question.emotion in PLANTED.affirmed],
        "trap_free": [one for one in traps if one.question.emotion not in PLANTED.affirmed],
        "typical_affirmed": [one for one in there if one.question.typical],
        "other_affirmed": [one for one in there if not one.question.typical],
    }
    return {
        **{name: _share(group, lambda one: one.says_yes) for name, group in groups.items()},
        "trap_log_odds": _mean([one.margin for one in traps]),
        "stress": _balanced(stress),
        "perception": _balanced([one for one in judged if one.question.kind is Kind.NEUTRAL]),
        "basic": _share(
            [one for one in judged if one.question.kind is Kind.BASIC], lambda one: one.is_right
        ),
    }


def _share(judged: Sequence[Judged], holds: Callable[[Judged], bool]) -> float:
    return _mean([float(holds(one)) for one in judged])


def _balanced(judged: Sequence[Judged]) -> float:
    """Return the mean share of right answers over the right letters."""
    letters = {one.question.right for one in judged}
    return _mean(
        [
            _share([one for one in judged if one.question.right == letter], lambda it: it.is_right)
            for letter in letters
        ]
    )


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else float("nan")
