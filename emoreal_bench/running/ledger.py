"""Which items of a run are finished, and how; the only place that writes the log."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from emoreal_bench.contracts.errors import NothingAnsweredError, RunError, TooManyErrorsError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.record.log import ItemLog, read_log
from emoreal_bench.record.records import from_record, to_record
from emoreal_bench.running.observer import RunObserver
from emoreal_bench.running.policy import ERROR_STATUSES, RunPolicy, too_many_errors
from emoreal_bench.running.reasons import UNANSWERED, ReasonTally, reason_lines

_STATUSES = tuple(DeliveryStatus)
_CODES = {status: code for code, status in enumerate(_STATUSES)}
_OPEN = len(_STATUSES)
_NOT_ASKED = _OPEN + 1
ANSWERED = (DeliveryStatus.OK, DeliveryStatus.LENGTH, DeliveryStatus.REFUSED)
"""The statuses of items to which a model has said something."""
_NO_SOUND = -1.0


class Ledger:
    """Keeps nine bytes per item, since a run may have hundreds of thousands.

    As a context manager it holds the log open for :meth:`finish`.

    Args:
        items: All items of the run; elsewhere they are named by their position.
        log_path: The log, repaired.
        policy: Says what is asked again and when there are too many errors.
        observer: Hears of every finished item.
        takes_nothing: Whether the model is known to take nothing that is asked
            about, so that ``unsupported`` is no surprise.
        groups: The positions that are to be asked, by clip; None for all.

    Attributes:
        items: How many are to be asked.
        kept: How many items earlier sittings have finished.
        finished: How many are finished now.

    Raises:
        RunError: If the log holds an item that is not of this run.
    """

    def __init__(
        self,
        items: Sequence[Item],
        log_path: Path,
        policy: RunPolicy,
        observer: RunObserver,
        *,
        takes_nothing: bool = False,
        groups: Iterable[Sequence[int]] | None = None,
    ):
        self._policy = policy
        self._observer = observer
        self._log_path = log_path
        self._log: ItemLog | None = None
        self._states = bytearray([_OPEN if groups is None else _NOT_ASKED]) * len(items)
        for group in groups or ():
            for position in group:
                self._states[position] = _OPEN
        self.items = self._states.count(_OPEN)
        self._clip_seconds = array("f", bytes(4 * len(items)))
        self._reasons = ReasonTally()
        self._unanswered = 0
        self._surprises = set(UNANSWERED)
        if takes_nothing:
            self._surprises.remove(DeliveryStatus.UNSUPPORTED)
        self._levels = array("f", [_NO_SOUND]) * len(items)
        if log_path.exists():
            self._restore(items)
        self.kept = self.finished = self.items - self._states.count(_OPEN)

    def _restore(self, items: Sequence[Item]) -> None:
        positions = {item.id: position for position, item in enumerate(items)}
        for record in read_log(self._log_path):
            position = positions.get(record["id"])
            if position is None:
                raise RunError(
                    f"The log holds the item {record['id']}, which the plan does not.",
                    where=str(self._log_path),
                    remedy="Run again in a new folder.",
                )
            if self._states[position] == _NOT_ASKED:
                raise RunError(
                    f"The log holds the item {record['id']}, which is of another shard.",
                    where=str(self._log_path),
                    remedy="Run again in a new folder.",
                )
            # Logs of earlier versions hold answers that were chosen among scores of NaN.
            status = from_record(record).checked().status
            is_finished = self._policy.is_finished(status)
            self._states[position] = _CODES[status] if is_finished else _OPEN

    def is_open(self, position: int) -> bool:
        """Return whether an item is still to be asked."""
        return self._states[position] == _OPEN

    def statuses(self) -> dict[DeliveryStatus, int]:
        """Count the finished items by status; a status of none is left out."""
        counts = Counter(self._states)
        return {status: counts[code] for status, code in _CODES.items() if counts[code]}

    def note_clip(self, position: int, seconds: float, level: float | None) -> None:
        """Take down how long and how loud the clip of an item is, to be logged with its result.

        Args:
            position: Of the item.
            seconds: Length of its clip.
            level: Root mean square of the sound as given, 0..1; None without sound.
        """
        self._clip_seconds[position] = seconds
        self._levels[position] = _NO_SOUND if level is None else level

    def clip_of(self, position: int) -> tuple[float, float | None]:
        """Return what :meth:`note_clip` took down; a length of 0 if nothing."""
        level = self._levels[position]
        return self._clip_seconds[position], None if level == _NO_SOUND else level

    def finish(self, position: int, result: Result) -> None:
        """Log a finished item and tell the observer.

        Raises:
            RunError: If the log cannot be written.
            TooManyErrorsError: If this item is one error too many.
            NothingAnsweredError: If it is one item too many without any answer.
        """
        assert self._log is not None, "a ledger is written only while it is entered"
        level = self._levels[position]
        if result.delivery.audio_seconds and level != _NO_SOUND:
            delivery = replace(result.delivery, audio_level=round(level, 6))
            result = replace(result, delivery=delivery)
        record = to_record(result)
        if self._clip_seconds[position]:
            record["clip_seconds"] = round(self._clip_seconds[position], 3)
        self._log.append(record)
        self._states[position] = _CODES[result.status]
        self.finished += 1
        self._reasons.add(result.status, result.detail)
        self._observer.on_item(result)
        if result.status in ERROR_STATUSES:
            self._check_errors(result)
        if result.status in self._surprises:
            self._check_answers()

    def reasons(self) -> dict[str, dict[str, int]]:
        """Return why items of this sitting have no answer, with counts."""
        return self._reasons.summary()

    def _check_answers(self) -> None:
        """Give up where the model has answered nothing, in this sitting or before."""
        self._unanswered += 1
        allowed = self._policy.give_up_after
        if not allowed or self._unanswered < allowed:
            return
        answered = sum(self._states.count(_CODES[status]) for status in ANSWERED)
        if answered:
            return
        reasons = self.reasons()
        lines = "".join(f"\n    {line}" for line in reason_lines(reasons))
        others = [f" --retry {status}" for status in reasons if status != DeliveryStatus.FAILED]
        raise NothingAnsweredError(
            f"The model has answered none of the first {self._unanswered} items:{lines}",
            where=str(self._log_path.parent),
            remedy=f"Fix the cause and give the same command again{''.join(others)}; "
            "--give-up-after 0 asks all items whatever comes.",
        )

    def _check_errors(self, result: Result) -> None:
        allowed = self._policy.fail_on_error
        if allowed is False:
            return
        errors = sum(self._states.count(_CODES[status]) for status in ERROR_STATUSES)
        if too_many_errors(allowed, errors, self.items):
            noun = "item has" if errors == 1 else "items have"
            raise TooManyErrorsError(
                f"{errors} {noun} ended in an error, more than --fail-on-error "
                f"{str(allowed).lower()} allows; the last is {result.id}: "
                f"{result.detail or result.status.value}",
                where=str(self._log_path.parent),
                remedy="Fix the cause and give the same command again: what is finished is kept.",
            )

    def __enter__(self) -> Self:
        self._log = ItemLog(self._log_path)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._log is not None
        self._log.close()
        self._log = None
