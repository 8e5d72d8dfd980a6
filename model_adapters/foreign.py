"""Adapters of other packages: what they raise is told as their defect, not as one of this program.

What goes wrong while questions are answered is the runner's concern, which records it with the
items; here are the methods that concern every item.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.entry_points import foreign_code


def guard_methods(adapter: ModelAdapter, what: str, owner: str) -> None:
    """Let an adapter name its package in whatever its methods raise.

    Its class stays what it is, since what an adapter can do shows in its class.

    Args:
        adapter: Of another package.
        what: It, in a message.
        owner: The package, with its version.
    """
    plain = (adapter.render, adapter.check_clips)
    guarded: dict[str, Callable[..., Any]] = {
        "describe": _describing(adapter.describe, what, owner),
        **{method.__name__: _guard(method, what, owner) for method in plain},
        "open": _guard_waiting(adapter.open, what, owner),
        "close": _guard_waiting(adapter.close, what, owner),
    }
    # A class with slots takes no attribute; its errors are then told without the package.
    with contextlib.suppress(AttributeError, TypeError):
        for name, method in guarded.items():
            setattr(adapter, name, method)


def _describing(
    method: Callable[[], object], what: str, owner: str
) -> Callable[[], ModelDescription]:
    @wraps(method)
    def describe() -> ModelDescription:
        with foreign_code(what, owner):
            description = method()
        if not isinstance(description, ModelDescription):
            raise UsageError(
                f"{what} of the package {owner} describes itself by "
                f"{type(description).__name__}, not by a ModelDescription.",
                remedy=f"Fix {owner}, or ask its author to.",
            )
        return description

    return describe


def _guard(method: Callable[..., Any], what: str, owner: str) -> Callable[..., Any]:
    @wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        with foreign_code(what, owner):
            return method(*arguments, **named)

    return call


def _guard_waiting(
    method: Callable[[], Coroutine[Any, Any, None]], what: str, owner: str
) -> Callable[[], Coroutine[Any, Any, None]]:
    @wraps(method)
    async def call() -> None:
        with foreign_code(what, owner):
            await method()

    return call
