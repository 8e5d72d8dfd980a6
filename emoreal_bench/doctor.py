"""Looks over an installation: what is there, what is missing, how to get it."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import EmorealError
from emoreal_bench.model_adapters import create_adapter, list_providers

_CORE = ("av", "jinja2", "numpy", "pydantic", "scikit-learn", "typer")
_FREE_BYTES_WANTED = 2 * 10**9


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: What was looked at.
        fine: Whether it is as it should be.
        detail: What was found, or how to get it.
        optional: True if the program works without it.
    """

    what: str
    fine: bool
    detail: str
    optional: bool = False

    def as_record(self) -> dict[str, Any]:
        """Give the finding as a JSON object."""
        return asdict(self)


def examine(model: str | None = None) -> list[Finding]:
    """Look over the installation, and what one model needs.

    Args:
        model: ``provider/model``; None for a general look.
    """
    findings = [
        Finding("Python", sys.version_info >= (3, 11), platform.python_version()),
        *(_package(name) for name in _CORE),
        _video_decoder(),
        _disk(),
        *_providers(),
    ]
    if model is not None:
        findings += _model(model)
    return findings


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(name, False, f"Install it with: pip install {name}")


def _video_decoder() -> Finding:
    import av

    lacking = [name for name in ("h264", "aac", "vp9", "opus") if name not in av.codecs_available]
    if lacking:
        return Finding("video decoder", False, f"PyAV lacks: {', '.join(lacking)}")
    return Finding("video decoder", True, "PyAV decodes h264, aac, vp9 and opus")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    return Finding("free disk space here", free > _FREE_BYTES_WANTED, f"{free / 1e9:.0f} GB")


def _providers() -> list[Finding]:
    findings = []
    for provider in list_providers():
        there = provider.is_installed()
        how = f"Install it with: pip install 'emoreal-bench[{provider.extra}]'"
        findings.append(
            Finding(
                f"provider {provider.name}",
                there,
                provider.summary if there else how,
                optional=True,
            )
        )
    return findings


def _model(name: str) -> list[Finding]:
    try:
        description = create_adapter(name).describe()
    except EmorealError as error:
        return [Finding(f"model {name}", False, str(error))]
    can = description.capabilities
    takes = ", ".join(modality.value for modality in can.modalities)
    findings = [Finding(f"model {name}", True, f"takes {takes}")]
    if can.needs_gpu:
        findings.append(_gpu())
    return findings


def _gpu() -> Finding:
    import torch

    if not torch.cuda.is_available():
        return Finding("GPU", False, "This model wants one, and torch sees none.", optional=True)
    return Finding("GPU", True, torch.cuda.get_device_name())
