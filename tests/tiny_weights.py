"""Random weights that are large enough for tests to tell answers apart."""

from __future__ import annotations

import torch


def enlarge(network: torch.nn.Module) -> None:
    """Make matrices four times as large, so that answers depend on the clip."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
