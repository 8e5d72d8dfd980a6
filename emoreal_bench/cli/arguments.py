"""What several commands read from their arguments."""

from __future__ import annotations

from collections.abc import Sequence

from emoreal_bench.contracts.errors import UsageError


def pairs(option: str, values: Sequence[str] | None, example: str = "seed=7") -> dict[str, str]:
    """Read ``key=value`` arguments.

    Args:
        option: The option's name, for the message.
        values: As given on the command line.
        example: Of a value, for the message.

    Raises:
        UsageError: If one has no ``=`` or a key is given twice.
    """
    read: dict[str, str] = {}
    for value in values or ():
        key, equals, rest = value.partition("=")
        if not equals or not key:
            raise UsageError(
                f"{option} takes key=value, not '{value}'.",
                remedy=f"For example {option} {example}",
            )
        if key in read:
            raise UsageError(f"{option} sets '{key}' twice.")
        read[key] = rest
    return read
