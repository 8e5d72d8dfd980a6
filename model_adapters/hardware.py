"""Where a local model computes, and in which number format."""

from __future__ import annotations

from enum import StrEnum

import torch
from pydantic import Field

from emoreal_bench.model_adapters.arguments import AdapterArguments


class NumberFormat(StrEnum):
    """Format of the weights and of the arithmetic."""

    AUTO = "auto"
    """bfloat16 on a GPU, float32 elsewhere."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class LocalArguments(AdapterArguments):
    """Arguments that every local model of a real size takes."""

    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    dtype: NumberFormat = NumberFormat.AUTO
    batch_size: int = Field(default=8, ge=1)

    def resolve_device(self) -> str:
        """Give the device, the first GPU for ``auto`` if there is one."""
        if self.device != "auto":
            return self.device
        return "cuda" if torch.cuda.is_available() else "cpu"

    def resolve_format(self) -> NumberFormat:
        """Give the number format that ``auto`` comes to on the device."""
        if self.dtype is not NumberFormat.AUTO:
            return self.dtype
        on_gpu = self.resolve_device().startswith("cuda")
        return NumberFormat.BFLOAT16 if on_gpu else NumberFormat.FLOAT32

    def resolve_dtype(self) -> torch.dtype:
        """Give the number format as torch names it."""
        dtype: torch.dtype = getattr(torch, self.resolve_format().value)
        return dtype

    def as_settings(self) -> dict[str, str | int | float | bool | None]:
        """Give the arguments as a description states them, with ``auto`` resolved."""
        return {
            **self.model_dump(mode="json"),
            "device": self.resolve_device().partition(":")[0],
            "dtype": self.resolve_format().value,
        }
