"""Where a local model computes, in which number format, and what if memory runs out."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

import torch
from pydantic import Field, ValidationInfo, field_validator

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.model_adapters.arguments import AdapterArguments

# How the allocator of the processor says it; it has no exception of its own.
_PROCESSOR_MEMORY_ERROR = "DefaultCPUAllocator"


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
    # GPU numbers, one copy of the model each; "cpu,cpu" for copies on the processor.
    devices: str | None = Field(default=None, pattern=r"^(\d+(,\d+)*|cpu(,cpu)*)$")
    dtype: NumberFormat = NumberFormat.AUTO
    # What is tried first: it is halved when memory runs out.
    batch_size: int = Field(default=8, ge=1)

    @field_validator("devices")
    @classmethod
    def _not_beside_device(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("device", "auto") != "auto":
            raise ValueError("give either device or devices")
        return value

    def per_device(self) -> list[Self]:
        """Return the arguments of each copy of the model."""
        if self.devices is None:
            return [self]
        names = (f"cuda:{name}" if name.isdigit() else name for name in self.devices.split(","))
        return [self.model_copy(update={"device": name, "devices": None}) for name in names]

    def resolve_device(self) -> str:
        """Return the device, the first GPU for ``auto`` if there is one."""
        if self.device != "auto":
            return self.device
        return "cuda" if torch.cuda.is_available() else "cpu"

    def require_device(self) -> str:
        """Return the device, which has to be there.

        Raises:
            UsageError: If this machine has no such GPU.
        """
        device = self.resolve_device()
        kind, _, number = device.partition(":")
        if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
            raise UsageError(
                f"there is no GPU {number or 0}: torch finds {torch.cuda.device_count()} here.",
                where=f"device {device}",
                remedy="Name a device that is there, or leave the argument out.",
            )
        return device

    def resolve_format(self) -> NumberFormat:
        """Return the number format that ``auto`` comes to on the device."""
        if self.dtype is not NumberFormat.AUTO:
            return self.dtype
        on_gpu = self.resolve_device().startswith("cuda")
        return NumberFormat.BFLOAT16 if on_gpu else NumberFormat.FLOAT32

    def resolve_dtype(self) -> torch.dtype:
        """Return the number format as torch names it."""
        dtype: torch.dtype = getattr(torch, self.resolve_format().value)
        return dtype

    def as_settings(self) -> dict[str, str | int | float | bool | None]:
        """Return the arguments as a description states them, with ``auto`` resolved."""
        return {
            **self.model_dump(mode="json", exclude={"devices"}),
            "device": self.resolve_device().partition(":")[0],
            "dtype": self.resolve_format().value,
        }


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether the arithmetic failed for want of memory."""
    return isinstance(error, torch.OutOfMemoryError) or _PROCESSOR_MEMORY_ERROR in str(error)


def free_memory() -> None:
    """Return back what torch keeps of a GPU's memory for later use."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
