"""``avere/PATH``: AVERE-7B, natively."""

from __future__ import annotations

from emoreal_bench.model_adapters.avere_weights import load_avere

__all__ = ["load_avere"]
