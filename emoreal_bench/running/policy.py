"""How a run is carried out: how often to ask again, when to give up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from emoreal_bench.contracts.errors import ServiceError, UsageError
from emoreal_bench.contracts.item import MAX_CLIP_SECONDS
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.media_cache.store import MediaCacheSettings
from emoreal_bench.running.budget import Budget

ERROR_STATUSES = frozenset(
    {DeliveryStatus.FAILED, DeliveryStatus.MISSING, DeliveryStatus.UNSUPPORTED}
)
"""What counts as an error: the statuses that keep a run from full coverage."""

FailOnError = bool | int | float
"""False: errors never stop a run. True: the first does. A whole number: more
errors than this do. A fraction below 1: a larger share of all items does."""


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """How a run is carried out. Nothing here changes what is asked.

    Attributes:
        attempts: How often a failing item is asked in one sitting, 1 or more.
        backoff_seconds: Wait before the second attempt; doubled for each further one.
        backoff_limit: Longest wait of our own, in seconds; a service may ask for more.
        max_wait: Longest wait that a service may ask for, in seconds; one that asks
            for more ends the sitting.
        give_up_after: After so many items without any answer in the run it is given
            up; 0 never gives up.
        seed: Of the waits' jitter.
        retry_statuses: What is asked again on resume besides ``failed``.
        fail_on_error: See :data:`FailOnError`.
        decode_ahead: How many clips are decoded before the model needs them; more where its
            next batches are about more.
        decode_workers: How many processes decode.
        max_clip_seconds: Longest clip that is decoded; items about a longer one fail.
        media_cache: Where decoded clips are kept for further runs; None for nowhere.
        budget: What one sitting may use up.
        deferred: Ask by jobs, which the service answers within a day at a lower price.
        look_seconds: Longest wait between two looks at the jobs.
        command: How the user started the run; recorded, and shown as the way
            to continue it.

    Raises:
        UsageError: If a number is out of its range.
    """

    attempts: int = 3
    backoff_seconds: float = 1.0
    backoff_limit: float = 60.0
    max_wait: float = 600.0
    give_up_after: int = 20
    seed: int = 0
    retry_statuses: frozenset[DeliveryStatus] = frozenset()
    fail_on_error: FailOnError = False
    decode_ahead: int = 4
    decode_workers: int = 2
    max_clip_seconds: float = MAX_CLIP_SECONDS
    media_cache: MediaCacheSettings | None = None
    budget: Budget = field(default_factory=Budget)
    deferred: bool = False
    look_seconds: float = 60.0
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("attempts", "decode_ahead", "decode_workers"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more, not {getattr(self, name)}.")
        if not 0 < self.max_clip_seconds < math.inf:
            raise UsageError(f"max_clip_seconds must be above 0, but is {self.max_clip_seconds}.")
        for name in (
            "backoff_seconds",
            "backoff_limit",
            "max_wait",
            "give_up_after",
            "look_seconds",
        ):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} must not be negative, but is {getattr(self, name)}.")

    def is_finished(self, status: DeliveryStatus) -> bool:
        """Return whether a resumed run leaves an item of this status alone."""
        return status is not DeliveryStatus.FAILED and status not in self.retry_statuses

    def check_wait(self, retry_after: float, detail: str | None) -> None:
        """Check that a wait which a service asks for is one to wait for.

        Args:
            retry_after: Seconds.
            detail: What it said.

        Raises:
            ServiceError: If it is too long; it says when to come back.
        """
        if retry_after > self.max_wait:
            raise ServiceError(
                f"The service asks to wait {_in_words(retry_after)}"
                f"{_until(retry_after)}, longer than --max-wait ({_in_words(self.max_wait)})"
                f"{f': {detail}' if detail else '.'}",
                remedy="What is finished is kept. Give the same command again then, or wait now "
                "with a larger --max-wait.",
            )

    def wait(
        self, attempt: int, retry_after: float | None, generator: np.random.Generator
    ) -> float:
        """Return the seconds to wait after a failed attempt.

        Args:
            attempt: The attempt that failed, from 1.
            retry_after: Seconds that the service asked for, if it did.
            generator: Spreads the waits over the upper half of their length, so
                that batches that failed together do not come back together.
        """
        longest = min(self.backoff_limit, self.backoff_seconds * 2.0 ** (attempt - 1))
        return max(float(generator.uniform(0.5, 1.0)) * longest, retry_after or 0.0)


def parse_fail_on_error(text: str) -> FailOnError:
    """Read the value of ``--fail-on-error``.

    Args:
        text: ``true``, ``false``, a count (``5``) or a share (``0.05``).

    Raises:
        UsageError: If it is none of these.
    """
    word = text.strip().lower()
    if word in ("true", "false"):
        return word == "true"
    try:
        number = float(word)
    except ValueError:
        number = -1.0
    if word.isdecimal():
        return int(word)
    if 0.0 <= number < 1.0:
        return number
    raise UsageError(
        f"--fail-on-error does not take '{text}'.",
        remedy="Give true, false, a count such as 5, or a share of all items such as 0.05.",
    )


def too_many_errors(fail_on_error: FailOnError, errors: int, items: int) -> bool:
    """Return whether a run has to stop.

    Args:
        fail_on_error: What the user allows.
        errors: Items of the run that ended in one of :data:`ERROR_STATUSES`.
        items: All items of the run.
    """
    if isinstance(fail_on_error, bool):
        return fail_on_error and errors > 0
    if isinstance(fail_on_error, int):
        return errors > fail_on_error
    return errors > fail_on_error * items


def _in_words(seconds: float) -> str:
    for name, unit in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def _until(seconds: float) -> str:
    try:
        then = datetime.now().astimezone() + timedelta(seconds=seconds)
    except OverflowError:
        return ""
    return f", until {then:%Y-%m-%d %H:%M %Z}"
