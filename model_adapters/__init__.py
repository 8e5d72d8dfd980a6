"""Back ends: one room per way of reaching a model, behind one contract.

``create_adapter("provider/model", {...})`` gives the adapter of a model.
Importing this package costs nothing; a provider's own libraries are imported
when one of its models is created or opened.
"""

from __future__ import annotations

from emoreal_bench.model_adapters.providers import (
    PROVIDERS,
    ModelSpec,
    Provider,
    create_adapter,
    list_providers,
)

__all__ = ["PROVIDERS", "ModelSpec", "Provider", "create_adapter", "list_providers"]
