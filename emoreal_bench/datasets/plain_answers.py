"""What answers to questions without options are: yes and no, classes, or texts for a judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.readers.question_rows import fold, means_yes_or_no
from emoreal_bench.scoring.reading.emotions import are_emotions, names_emotion

_MOST_LABELS = 100
_LABEL_WORDS = 4
_TAKEN_FOR = {
    AnswerKind.YES_NO: "yes and no",
    AnswerKind.LABEL: "classes, of which a reply names one",
    AnswerKind.OPEN: "reference texts, which a judge compares",
}
_FULL_STOPS = ("\N{IDEOGRAPHIC FULL STOP}", "\N{FULLWIDTH EXCLAMATION MARK}")
"""Of scripts without blanks, where words cannot be counted."""
_BASIC_EMOTIONS = ("happiness", "sadness", "anger", "fear", "surprise", "disgust", "neutral")
"""Ekman's six and none, the classes of the benchmarks of emotion words in ``tasks/``."""
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class ToldKinds:
    """What the user says of answers to questions without options.

    Attributes:
        of_all: Of all of them.
        by_subtask: Of those of one subtask.
    """

    of_all: AnswerKind | None
    by_subtask: Mapping[str, AnswerKind]

    def refuse_others(self, without: Collection[str], name: str) -> None:
        """Refuse the name of a subtask without such questions.

        Raises:
            UsageError: If there is one.
        """
        known = [group or name for group in without]
        for named in self.by_subtask:
            if named not in known:
                have = f"These have: {', '.join(known)}." if known else "No subtask has."
                raise UsageError(
                    f"--kind names the subtask '{named}', which has no questions without options.",
                    remedy=f"{have} Questions with options are choices, or yes and no.",
                )


class PlainAnswers:
    """The answers to the questions of one subtask that have no options.

    Args:
        subtask: Its name, or that of the task where the table names none.
        answers: In the order of the rows; some may be empty.
        has_subtask: Whether the table names it.
    """

    def __init__(self, subtask: str, answers: Sequence[str], *, has_subtask: bool):
        self.subtask, self.has_subtask, self.total = subtask, has_subtask, len(answers)
        self.spellings: dict[str, str] = {}
        for answer in filter(None, answers):
            self.spellings.setdefault(fold(answer), answer)
        self.counts = Counter(map(fold, filter(None, answers)))
        self.polar = [answer for answer in self.spellings if means_yes_or_no(answer)]
        self.long = [one for one in self.spellings if _is_sentence(one)]

    def _say(self, kind: AnswerKind) -> str:
        """Return the option that makes the answers something else."""
        return f"--kind '{self.subtask}={kind}'" if self.has_subtask else f"--kind {kind}"

    def subtasks(
        self, told: ToldKinds, notes: list[str], *, several: bool
    ) -> dict[AnswerKind, dict[str, Any]]:
        """Return the subtasks that they make: of yes and no, of classes, or of texts.

        Args:
            told: What the user says of them.
            notes: Takes what was decided without being sure.
            several: Whether other subtasks have such answers too.
        """
        kind, is_noted = told.by_subtask.get(self.subtask, told.of_all), False
        if kind and several and self.subtask not in told.by_subtask and not self._may_be(kind):
            notes.append(
                f"{self.subtask}: --kind {kind} does not fit its answers, such as "
                f"'{self._example()}'; they are taken for {_TAKEN_FOR[self._kind()]}; if it does, "
                f"say {self._say(kind)}"
            )
            kind, is_noted = None, True
        is_guess = kind is None
        kind = kind or self._kind()
        made: dict[AnswerKind, dict[str, Any]] = {}
        if is_guess and kind is AnswerKind.OPEN and self.polar and not self.has_subtask:
            made[AnswerKind.YES_NO] = {"answer": AnswerKind.YES_NO.value}
        made[kind] = {"answer": kind.value}
        if kind is AnswerKind.LABEL:
            made[kind]["labels"] = self._labels(notes)
        if is_guess and not is_noted and kind is not AnswerKind.YES_NO:
            notes.append(self._taken_for(kind))
        return made

    def _may_be(self, kind: AnswerKind) -> bool:
        if kind is AnswerKind.YES_NO:
            return len(self.polar) == len(self.spellings)
        return kind is not AnswerKind.LABEL or not self.long

    def _example(self) -> str:
        return next((self.spellings[one] for one in self.long or self.spellings), "")[:80]

    def _kind(self) -> AnswerKind:
        """Return what they look like: yes and no, short texts that repeat or name emotions."""
        if len(self.polar) == len(self.spellings):
            return AnswerKind.YES_NO
        repeated = 1 < len(self.spellings) <= min(_MOST_LABELS, self.total // 2)
        if not self.long and (repeated or all(map(names_emotion, self.spellings))):
            return AnswerKind.LABEL
        return AnswerKind.OPEN

    def _labels(self, notes: list[str]) -> list[str]:
        """Return the classes, and note what is odd about them."""
        about = f"{self.subtask}: "
        labels = sorted(self.spellings.values())
        once = [self.spellings[one] for one, count in self.counts.items() if count == 1]
        change = "change 'labels' of it in the task file"
        if self.long:
            sentence = self.spellings[self.long[0]][:80]
            notes.append(
                f"{about}the class '{sentence}' is a sentence, which no reply repeats word by "
                f"word; for texts that a judge compares say {self._say(AnswerKind.OPEN)}"
            )
        if all(label.isdecimal() for label in labels):
            notes.append(f"{about}the classes are numbers, of which no model knows what they mean")
        if len(labels) == 1 and names_emotion(labels[0]):
            more = [one for one in _BASIC_EMOTIONS if are_emotions((labels[0], one))]
            notes.append(
                f"{about}the table has one class, {labels[0]}; the others that a reply may name "
                f"are put beside it ({', '.join(more)}); {change} if they are others"
            )
            return [*labels, *more]
        if len(labels) == 1:
            notes.append(
                f"{about}there is one class, {labels[0]}, so guessing is always right; add the "
                f"others: {change}"
            )
        elif once:
            listed = ", ".join(f"'{one[:80]}'" for one in once[:_SHOWN])
            notes.append(
                f"{about}of its {len(labels)} classes {len(once)} occur once ({listed}); if they "
                f"are no classes, say {self._say(AnswerKind.OPEN)}; if others may be named too, "
                f"{change}"
            )
        return labels

    def _taken_for(self, kind: AnswerKind) -> str:
        other = AnswerKind.LABEL if kind is AnswerKind.OPEN else AnswerKind.OPEN
        about = f"{self.subtask}: its answers, such as '{self._example()}', are taken for"
        return f"{about} {_TAKEN_FOR[kind]}; if that is wrong, say {self._say(other)}"


def _is_sentence(answer: str) -> bool:
    """Return whether an answer is longer than a name of a class, in any script."""
    return len(answer.split()) > _LABEL_WORDS or answer.endswith(_FULL_STOPS)
