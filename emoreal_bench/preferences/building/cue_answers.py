"""Questions about one modality of a synthetic scene, with the answers to prefer and to reject."""

from __future__ import annotations

from collections.abc import Container, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TypeVar

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
    AGREES,
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
    perceived,
)
from emoreal_bench.synth.scenes import Scene
from emoreal_bench.synth.settings import AgreementWording

_Value = TypeVar("_Value")

_TASK = "emorealm-synth"
_WORDINGS: Mapping[CueQuestion, Mapping[Modality, Sequence[str]]] = {
    CueQuestion.BASIC: SHOWS_CUE,
    CueQuestion.STRESS: SUPPORTS,
    CueQuestion.NEUTRAL: OWN_CUE,
    CueQuestion.PRESENCE: IS_THERE,
}
_MOST_WORDINGS = max(
    len(AGREES), *(len(those) for both in _WORDINGS.values() for those in both.values())
)

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
        agreement: The wording of questions about agreement.
        rng: Decides where a balance leaves a choice.

    Raises:
        UsageError: If the task has no such variant.
    """

    def __init__(self, variant: str, agreement: AgreementWording, rng: np.random.Generator):
        self._agreement = agreement
        task = find_task(_TASK)
        self._prompts = PromptRenderer(task, variant, CLIP_MODALITIES)
        self._subtask = next(iter(task.task.subtasks))
        self._rng = rng
        self._circles = Dealer(tuple(permutations(LETTERS[1:])), rng)
        self._turns: dict[Hashable, list[tuple[str, ...]]] = {}
        self._wordings = Dealer(range(_MOST_WORDINGS), rng)
        self._things: Dealer[str] = Dealer((*VisibleThing, *BackgroundSound), rng)

    def ask(self, side: Side, kind: CueQuestion, form: AnswerForm) -> Answered:
        """Ask one question about a side; a yes/no question asks about the side's claim."""
        match kind, form:
            case CueQuestion.BASIC, AnswerForm.LETTER:
                return self._basic_by_letter(side)
            case CueQuestion.BASIC, AnswerForm.WORDS:
                return self._basic_in_words(side)
            case _, AnswerForm.LETTER:
                return self._claim_by_letter(side, kind)
            case _:
                return self._claim_in_words(side, kind)

    def ask_agreement(self, scene: Scene, form: AnswerForm) -> Answered:
        """Ask whether face and voice convey the same emotion."""
        wordings = agreement_wordings(self._agreement)
        key = CueQuestion.AGREEMENT, scene.agree
        wording = wordings[self._wordings.deal(key, range(len(wordings)).__contains__)]
        if form is AnswerForm.LETTER:
            right, wrong = (f"({letter})" for letter in _in_order(scene.agree, YES, NO))
            return Answered(self._with_options(wording, YES_NO), right, wrong, None)
        seen, heard = scene.face.emotion, scene.voice.emotion
        if scene.agree:
            wrong = f"No, the face and the voice do not both convey {seen}."
            return Answered(wording, f"Yes, both convey {seen}.", wrong, None)
        right = f"No, the face conveys {seen} and the voice {heard}."
        return Answered(wording, right, f"Yes, both convey {seen}.", None)

    def presence_options(self, side: Side) -> tuple[str, ...]:
        """Return what is anywhere in the clip, then three that are nowhere."""

        def deal(role: str, names: Container[str]) -> str:
            # What is there comes equally often over all kinds of questions.
            key = side.modality if role == "gold" else role
            return self._things.deal(key, names.__contains__)

        return perceived(side, deal)

    def ask_presence(self, side: Side, options: tuple[str, ...], form: AnswerForm) -> Answered:
        """Ask which of the :meth:`presence_options` is in the clip; the second is rejected."""
        right, wrong, *_ = options
        if form is AnswerForm.WORDS:
            # The last wording is whole without options.
            return Answered(IS_THERE[side.modality][-1], right, wrong, None)
        order = self._order((CueQuestion.PRESENCE, side.modality, right in side.present))
        letters = dict(zip(options, order, strict=True))
        return Answered(
            question=self._with_four_options(self._wording(side, CueQuestion.PRESENCE), letters),
            chosen=f"({letters[right]})",
            hallucination=f"({letters[wrong]})",
            spurious=None,
        )

    def _basic_by_letter(self, side: Side) -> Answered:
        thing = self._thing(side)
        decoy = next(cue for cue in side.cues[side.decoy] if cue != side.elsewhere.cue)
        texts = (str(side.person.cue), str(side.other_cue), thing, str(decoy))
        order = self._order((side.modality, side.has_both_cues))
        letters = dict(zip(texts, order, strict=True))
        wrong = rejected_cues(side, thing)
        return Answered(
            question=self._with_four_options(self._wording(side, CueQuestion.BASIC), letters),
            chosen=f"({letters[str(side.person.cue)]})",
            hallucination=wrong.hallucination and f"({letters[wrong.hallucination]})",
            spurious=f"({letters[wrong.spurious]})",
        )

    def _order(self, key: Hashable) -> tuple[str, ...]:
        """Return the letters in an order, such that four orders place each letter everywhere."""
        turns = self._turns.setdefault(key, [])
        if not turns:
            circle = (LETTERS[0], *self._circles.deal(key))
            starts = self._rng.permutation(len(circle))
            turns += [(*circle[start:], *circle[:start]) for start in starts]
        return turns.pop()

    def _basic_in_words(self, side: Side) -> Answered:
        wrong = rejected_cues(side, self._thing(side))
        wording = self._wording(side, CueQuestion.BASIC)
        return Answered(wording, str(side.person.cue), wrong.hallucination, wrong.spurious)

    def _claim_by_letter(self, side: Side, kind: CueQuestion) -> Answered:
        right, wrong = (f"({letter})" for letter in _in_order(side.claim, YES, NO))
        # A wrong No names no cue at all; it is the main wrong answer there.
        is_spurious = side.category == "spurious"
        return Answered(
            question=self._with_options(self._claim_wording(side, kind), YES_NO),
            chosen=right,
            hallucination=None if is_spurious else wrong,
            spurious=wrong if is_spurious else None,
        )

    def _claim_in_words(self, side: Side, kind: CueQuestion) -> Answered:
        right, wrong = _in_order(side.claim, _YES_CUE, _NO_CUE)
        named = rejected_cues(side, self._thing(side))
        template = wrong[side.modality]
        return Answered(
            question=self._claim_wording(side, kind),
            chosen=right[side.modality].format(cue=side.person.cue),
            hallucination=named.hallucination and template.format(cue=named.hallucination),
            spurious=template.format(cue=named.spurious),
        )

    def _thing(self, side: Side) -> str:
        """Return a thing or sound that is there, each equally often."""
        return self._things.deal(side.modality, side.present.__contains__)

    def _wording(self, side: Side, kind: CueQuestion) -> str:
        wordings = _WORDINGS[kind][side.modality]
        claim = kind in (CueQuestion.BASIC, CueQuestion.PRESENCE) or side.claim
        key = (kind, side.modality, side.person.cue, claim)
        return wordings[self._wordings.deal(key, range(len(wordings)).__contains__)]

    def _claim_wording(self, side: Side, kind: CueQuestion) -> str:
        return self._wording(side, kind).format(
            cue=asked_cue(side), emotion=emotion_phrase(side.person.emotion)
        )

    def _with_four_options(self, question: str, letters: Mapping[str, str]) -> str:
        options = {letter: option for option, letter in letters.items()}
        return self._with_options(question, tuple(f"({one}) {options[one]}" for one in LETTERS))

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
    if side.has_both_cues:
        return RejectedCues(None, str(side.other_cue))
    return RejectedCues(str(side.other_cue), thing)


def asked_cue(side: Side) -> str:
    """Return the cue that a yes/no question about the side's claim names."""
    return str(side.person.cue if side.claim else side.other_cue)


def facts_of(side: Side, kind: CueQuestion, form: AnswerForm) -> Mapping[str, str]:
    """Return the metadata of a pair about one side."""
    facts: dict[str, str] = {Fact.EMOTION: side.person.emotion, Fact.KIND: kind, Fact.FORM: form}
    facts[Fact.TYPICAL_CUE] = side.cues[side.person.emotion][0]
    if kind is not CueQuestion.BASIC:
        facts[Fact.ASKED_CUE] = asked_cue(side)
    names_both = kind is CueQuestion.BASIC or form is AnswerForm.WORDS
    if names_both or side.claim:
        facts[Fact.CUE] = side.person.cue
    if names_both or not side.claim:
        facts[Fact.DENIED_CUE] = side.other_cue
    return {str(name): str(value) for name, value in facts.items()}


def _in_order(is_yes: bool, yes: _Value, no: _Value) -> tuple[_Value, _Value]:
    """Return the right and the wrong one of Yes and No."""
    return (yes, no) if is_yes else (no, yes)
