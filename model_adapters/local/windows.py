"""Attention of a tower within its many short windows, all of them at once.

Eight frames of 336 x 448 pixels fall into 48 windows. Where flash-attn is not
installed, the library takes these one by one in each layer, in Qwen2.5-Omni-7B
some 1,400 calls a clip: a GPU spends its time waiting for the next of them, and
a batch of clips is no faster than one after the other. Here windows of alike
length are one call, the shorter ones padded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.weak import WeakTensorKeyDictionary
from transformers import AttentionInterface

# The library hands over all windows at once only to what has "flash" in its name.
WINDOWS = "emoreal_windows_as_for_flash"
_REPLACED = "sdpa"


def attend_by_windows(towers: Iterable[torch.nn.Module]) -> None:
    """Let towers attend within all windows at once, where they would one by one."""
    AttentionInterface.register(WINDOWS, _attend)
    for tower in towers:
        # The library's classes share no base that types its configuration.
        config: Any = tower.config
        if config._attn_implementation == _REPLACED:
            config._attn_implementation = WINDOWS


@dataclass(frozen=True, slots=True)
class _Alike:
    """Windows of alike length.

    Attributes:
        places: ``(windows, longest)`` place of each of their tokens; 0 where a window is padded.
        mask: ``(windows, 1, 1, longest)``, false where a window is padded; None if none is.
        filled: Which of the flattened places are no padding; None if all are.
    """

    places: torch.Tensor
    mask: torch.Tensor | None
    filled: torch.Tensor | None


# Every layer is given the same bounds, and to read them is to wait for the GPU.
# The library leaves the ways in and out of it untyped.
_plans: Any = WeakTensorKeyDictionary()


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    cu_seq_lens_q: torch.Tensor,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within windows, as the library asks an implementation to.

    Args:
        module: Not looked at.
        query: ``(1, heads, tokens, width)``.
        key: Likewise.
        value: Likewise.
        attention_mask: None.
        scaling: Of the products.
        cu_seq_lens_q: Where windows begin, and the end of the last.

    Returns:
        ``(1, tokens, heads, width)``.
    """
    del module, attention_mask
    plan: list[_Alike] | None = _plans.get(cu_seq_lens_q)
    if plan is None:
        plan = _plans[cu_seq_lens_q] = _make_plan(cu_seq_lens_q)
    rows = [one[0].transpose(0, 1) for one in (query, key, value)]
    output = torch.empty_like(rows[0], memory_format=torch.contiguous_format)
    for alike in plan:
        asked, keys, values = (one[alike.places].transpose(1, 2) for one in rows)
        found = scaled_dot_product_attention(
            asked, keys, values, attn_mask=alike.mask, scale=scaling
        )
        found, places = found.transpose(1, 2).flatten(0, 1), alike.places.flatten()
        if alike.filled is not None:
            found, places = found[alike.filled], places[alike.filled]
        output[places] = found
    return output[None], None


def _make_plan(bounds: torch.Tensor) -> list[_Alike]:
    """Put windows together whose lengths lie between the same powers of two."""
    starts = bounds.tolist()
    alike: dict[int, list[tuple[int, int]]] = {}
    for start, end in pairwise(starts):
        if end > start:
            alike.setdefault((end - start - 1).bit_length(), []).append((start, end - start))
    return [_stack(windows, bounds.device) for windows in alike.values()]


def _stack(windows: list[tuple[int, int]], device: torch.device) -> _Alike:
    starts, lengths = (torch.tensor(values)[:, None] for values in zip(*windows, strict=True))
    steps = torch.arange(int(lengths.max()))[None]
    inside = steps < lengths
    places = torch.where(inside, starts + steps, 0).to(device)
    if bool(inside.all()):
        return _Alike(places, None, None)
    filled = inside.flatten().nonzero()[:, 0].to(device)
    return _Alike(places, inside[:, None, None].to(device), filled)
