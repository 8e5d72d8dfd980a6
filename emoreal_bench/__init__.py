"""EmoReal Bench: does a multimodal model read emotion from what it sees and hears?

Everything public is a name of this package: ``emoreal_bench.evaluate(model="tiny/omni")``.
:mod:`emoreal_bench.api` lists the names by subject. They are loaded on first use, so
``import emoreal_bench`` stays cheap, while type checkers know each of them.
"""

from __future__ import annotations

from emoreal_bench.version import __version__ as __version__

TYPE_CHECKING = False
"""As that of ``typing``, which takes long enough to load for a Ctrl-C to fall into it."""

if TYPE_CHECKING:
    from emoreal_bench.api import *  # noqa: F403 - exactly what its `__all__` names
else:
    # Type checkers do not see these, or they would let every name pass.
    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "__all__" or not name.startswith("_"):
            api = import_module("emoreal_bench.api")
            if name == "__all__" or name in api.__all__:
                return getattr(api, name)
        raise AttributeError(f"module 'emoreal_bench' has no attribute '{name}'")

    def __dir__() -> list[str]:
        return sorted([*__getattr__("__all__"), "__version__"])
