"""The command line of lm-evaluation-harness with one model more; runs in its environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.__main__ import cli_evaluate
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model


@register_model("first-choice")
class FirstChoice(LM):  # type: ignore[misc]
    """Takes the first option, at no cost, whatever batch size or device it is given."""

    def __init__(self, **_: object):
        super().__init__()

    def generate_until(self, requests: Sequence[Any], **_: object) -> list[str]:
        """Return the letter of the first option for each."""
        return ["(A)"] * len(requests)

    def loglikelihood(self, requests: Sequence[Any], **_: object) -> list[tuple[float, bool]]:
        """Return a likelihood that is highest for the letter of the first option."""
        return [(-float(request.args[1].strip() != "A"), False) for request in requests]

    def loglikelihood_rolling(self, requests: Sequence[Any], **_: object) -> list[float]:
        """Return nothing; no task here asks for it."""
        raise NotImplementedError


if __name__ == "__main__":
    cli_evaluate()
