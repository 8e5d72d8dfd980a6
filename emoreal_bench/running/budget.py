"""What one sitting of a run may use up: requests, tokens, money."""

from __future__ import annotations

from dataclasses import dataclass

from emoreal_bench.contracts.errors import EmorealError, UsageError
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus


class BudgetSpentError(EmorealError):
    """A run stopped because its budget is spent; what is finished is kept."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be used up; None for no bound.

    Attributes:
        requests: Requests sent, repeated ones included.
        tokens: Tokens in and out, as the service counts them.
        cost: In US dollars.

    Raises:
        UsageError: If a bound is negative.
    """

    requests: int | None = None
    tokens: int | None = None
    cost: float | None = None

    def __post_init__(self) -> None:
        for name in ("requests", "tokens", "cost"):
            bound = getattr(self, name)
            if bound is not None and bound < 0:
                raise UsageError(f"A budget cannot be negative, but {name} is {bound}.")


class Spending:
    """Counts what a sitting uses up.

    Requests are counted before they are sent and never pass the budget. Tokens
    and money are known only afterwards, so the batches that are under way when
    the budget is reached still come in, and are kept.

    Args:
        budget: What may be used up.
    """

    def __init__(self, budget: Budget):
        self._budget = budget
        self._requests = 0
        self._tokens = 0
        self._cost = 0.0
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether anything has been turned down."""
        return self._stopped

    def allow(self, requests: int) -> bool:
        """Return whether so many requests may be sent, and count them if they may."""
        budget = self._budget
        within = (
            (budget.requests is None or self._requests + requests <= budget.requests)
            and (budget.tokens is None or self._tokens < budget.tokens)
            and (budget.cost is None or self._cost < budget.cost)
        )
        if within:
            self._requests += requests
        else:
            self._stopped = True
        return within

    def add(self, result: Result) -> None:
        """Count what a request used up.

        Raises:
            UsageError: If money is bounded and the model does not say what it costs.
        """
        usage = result.usage
        # What a model says of itself never gives anything back.
        self._tokens += max(0, usage.input_tokens) + max(0, usage.output_tokens)
        if usage.cost is not None:
            self._cost += max(0.0, usage.cost)
        elif self._budget.cost is not None and result.status in _PAID:
            raise UsageError(
                "The cost is bounded, but the model does not say what a request costs.",
                remedy="Give its prices: --model-arg input_price=... --model-arg output_price=...",
            )

    def check(self, finished: int, items: int) -> None:
        """Raise an error if a sitting could not do all that it was to do.

        Args:
            finished: Items of the run that are finished.
            items: All items of the run.

        Raises:
            BudgetSpentError: If anything has been turned down.
        """
        if self._stopped:
            raise BudgetSpentError(
                f"The budget is spent ({self.describe()}); {finished} of {items} items are "
                "finished and kept.",
                remedy="The same command goes on from here with a fresh budget.",
            )

    def describe(self) -> str:
        """Return what has been used up, of which budget."""
        used = {
            "requests": (f"{self._requests}", self._budget.requests),
            "tokens": (f"{self._tokens}", self._budget.tokens),
            "US dollars": (f"{self._cost:.2f}", self._budget.cost),
        }
        return ", ".join(
            f"{amount} of {bound} {unit}"
            for unit, (amount, bound) in used.items()
            if bound is not None
        )


_PAID = frozenset({DeliveryStatus.OK, DeliveryStatus.LENGTH})
