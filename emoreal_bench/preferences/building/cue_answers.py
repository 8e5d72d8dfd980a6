"""Questions about one modality of a synthetic scene, with the answers to prefer and to reject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.preference import CLIP_MODALITIES
from emoreal_bench.contracts.vocabulary import AnswerForm, CueQuestion, Modality
from emoreal_bench.preferences.building.facts import Fact
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.synth.cues import BackgroundSound, VisibleThing
from emoreal_bench.synth.dealing import Dealer
from emoreal_bench.synth.questions import (
    LETTERS,
    NO,
    SHOWS_CUE,
    SUPPORTS,
    YES,
    YES_NO,
    Side,
    emotion_phrase,
)

_TASK = "emorealm-synth"
_MOST_WORDINGS = max(len(wordings) for wordings in (*SHOWS_CUE.values(), *SUPPORTS.values()))

_YES_CUE = {
    Modality.VIDEO: "Yes, I see the person's {cue}.",
    Modality.AUDIO: "Yes, I hear the person's {cue}.",
}
_NO_CUE = {
    Modality.VIDEO: "No, what I see of the person is: {cue}.",
    Modality.AUDIO: "No, what I hear from the person is: {cue}.",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, the answer to prefer and those to reject."""

    question: str
    chosen: str
    hallucination: str | None
    spurious: str | None


class QuestionWriter:
    """Asks about sides of scenes; wordings, letters and things come equally often.

    Args:
        variant: Of the task emorealm-synth, whose prompt asks for letters.
        rng: Decides where a balance leaves a choice.

    Raises:
        UsageError: If the task has no such variant.
    """

    def __init__(self, variant: str, rng: np.random.Generator):
        task = find_task(_TASK)
        self._prompts = PromptRenderer(task, variant, CLIP_MODALITIES)
        self._subtask = next(iter(task.task.subtasks))
        self._letters = Dealer(tuple(permutations(LETTERS)), rng)
        self._wordings = Dealer(range(_MOST_WORDINGS), rng)
        self._things: Dealer[str] = Dealer((*VisibleThing, *BackgroundSound), rng)

    def ask(self, side: Side, kind: CueQuestion, form: AnswerForm) -> Answered:
        """Ask one question about a side."""
        match kind, form:
            case CueQuestion.BASIC, AnswerForm.LETTER:
                return self._basic_by_letter(side)
            case CueQuestion.BASIC, AnswerForm.WORDS:
                return self._basic_in_words(side)
            case _, AnswerForm.LETTER:
                return self._stress_by_letter(side)
            case _:
                return self._stress_in_words(side)

    def _basic_by_letter(self, side: Side) -> Answered:
        thing = self._thing(side)
        decoy = next(cue for cue in side.cues[side.decoy] if cue != side.elsewhere.cue)
        texts = (str(side.person.cue), str(side.other_cue), thing, str(decoy))
        # All orders are dealt, so that each letter is right, and wrong in each way, equally often.
        is_elsewhere = side.elsewhere.cue == side.other_cue
        letters = dict(zip(texts, self._letters.deal((side.modality, is_elsewhere)), strict=True))
        options = {letter: option for option, letter in letters.items()}
        wrong = rejected_cues(side, thing)
        return Answered(
            question=self._with_options(
                self._wording(side, CueQuestion.BASIC),
                tuple(f"({letter}) {options[letter]}" for letter in LETTERS),
            ),
            chosen=f"({letters[str(side.person.cue)]})",
            hallucination=wrong.hallucination and f"({letters[wrong.hallucination]})",
            spurious=f"({letters[wrong.spurious]})",
        )

    def _basic_in_words(self, side: Side) -> Answered:
        wrong = rejected_cues(side, self._thing(side))
        wording = self._wording(side, CueQuestion.BASIC)
        return Answered(wording, str(side.person.cue), wrong.hallucination, wrong.spurious)

    def _stress_by_letter(self, side: Side) -> Answered:
        right, wrong = (f"({letter})" for letter in ((YES, NO) if side.claim else (NO, YES)))
        # A wrong No names no cue at all; it is the main wrong answer there.
        is_spurious = side.category == "spurious"
        return Answered(
            question=self._with_options(self._stress_wording(side), YES_NO),
            chosen=right,
            hallucination=None if is_spurious else wrong,
            spurious=wrong if is_spurious else None,
        )

    def _stress_in_words(self, side: Side) -> Answered:
        right, wrong = (_YES_CUE, _NO_CUE) if side.claim else (_NO_CUE, _YES_CUE)
        named = rejected_cues(side, self._thing(side))
        template = wrong[side.modality]
        return Answered(
            question=self._stress_wording(side),
            chosen=right[side.modality].format(cue=side.person.cue),
            hallucination=named.hallucination and template.format(cue=named.hallucination),
            spurious=template.format(cue=named.spurious),
        )

    def _thing(self, side: Side) -> str:
        """Return a thing or sound that is there, each equally often."""
        return self._things.deal(side.modality, side.present.__contains__)

    def _wording(self, side: Side, kind: CueQuestion) -> str:
        wordings = (SHOWS_CUE if kind is CueQuestion.BASIC else SUPPORTS)[side.modality]
        key = (kind, side.modality, side.person.cue, kind is CueQuestion.BASIC or side.claim)
        return wordings[self._wordings.deal(key, range(len(wordings)).__contains__)]

    def _stress_wording(self, side: Side) -> str:
        return self._wording(side, CueQuestion.STRESS).format(
            cue=asked_cue(side), emotion=emotion_phrase(side.person.emotion)
        )

    def _with_options(self, question: str, choices: tuple[str, ...]) -> str:
        # The template sees no more of an item than its question and options.
        return self._prompts.text(Item("", self._subtask, question, choices, "", ""))


@dataclass(frozen=True, slots=True)
class RejectedCues:
    """What the rejected answers about a side name."""

    hallucination: str | None
    spurious: str


def rejected_cues(side: Side, thing: str) -> RejectedCues:
    """Return what the rejected answers name.

    The other cue of the person's emotion is a hallucination, unless the poster or
    the radio shows it: then it is there, and the most misleading spurious cue.

    Args:
        side: What is asked about.
        thing: A thing or sound that is there.
    """
    if side.elsewhere.cue == side.other_cue:
        return RejectedCues(None, str(side.other_cue))
    return RejectedCues(str(side.other_cue), thing)


def asked_cue(side: Side) -> str:
    """Return the cue that the stress question names."""
    return str(side.person.cue if side.claim else side.other_cue)


def facts_of(side: Side, kind: CueQuestion, form: AnswerForm) -> Mapping[str, str]:
    """Return the metadata of a pair."""
    facts: dict[str, str] = {Fact.EMOTION: side.person.emotion, Fact.KIND: kind, Fact.FORM: form}
    names_both = kind is CueQuestion.BASIC or form is AnswerForm.WORDS
    if names_both or side.claim:
        facts[Fact.CUE] = side.person.cue
    if names_both or not side.claim:
        facts[Fact.DENIED_CUE] = side.other_cue
    return {str(name): str(value) for name, value in facts.items()}
