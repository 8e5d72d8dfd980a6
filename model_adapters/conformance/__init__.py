"""What every adapter promises, as checks that anyone can run on an adapter of their own.

``python -m emoreal_bench.model_adapters.conformance PROVIDER/MODEL`` runs them, and so does
pytest for a subclass of :class:`AdapterConformance` whose name begins with ``Test``::

    class TestMine(AdapterConformance):
        model = "mine/x"
"""

from __future__ import annotations

from emoreal_bench.model_adapters.conformance.checks import AdapterConformance

__all__ = ["AdapterConformance"]
