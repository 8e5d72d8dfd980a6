"""Looks over an installation: what is there, what is missing, how to get it."""

from __future__ import annotations

import asyncio
import platform
import re
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, metadata, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emoreal_bench.catalog import broken_task_packages
from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.errors import EmorealError, install_command
from emoreal_bench.model_adapters import create_adapter, list_providers
from emoreal_bench.model_adapters.providers import broken_providers
from emoreal_bench.model_adapters.remote.endpoint import RemoteAdapter
from emoreal_bench.model_adapters.trial import try_modalities
from emoreal_bench.readers import broken_readers
from emoreal_bench.resources import docs_folder
from emoreal_bench.scoring.metrics import broken_metrics

_CORE = ("av", "jinja2", "numpy", "pydantic", "typer")
_DISTRIBUTION = "emoreal-bench"
_OF_AN_EXTRA = re.compile(
    r"""(?P<package>[A-Za-z0-9._-]+)(?P<extras>\[[^]]*\])?.*\bextra == ["'](?P<extra>[^"']+)["']"""
)
"""A line of an installation's metadata, as the tools that build wheels write it."""
_NOT_FOR_USE = frozenset({"all", "audit", "dev", "docs", "fuzz"})
"""Extras for those who work on this project, and the one that is all others."""
_FREE_BYTES_WANTED = 2 * 10**9
_CONNECT_SECONDS = 5.0


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
        """Return the finding as a JSON object."""
        return asdict(self)


def examine(
    model: str | None = None,
    arguments: Mapping[str, str] | None = None,
    lora: Path | None = None,
    *,
    ask: bool = False,
) -> list[Finding]:
    """Look over the installation, and what one model needs.

    Args:
        model: ``provider/model``; None for a general look.
        arguments: Of the model, as texts.
        lora: Folder of a LoRA adapter to put on the model.
        ask: Ask the model a tiny question per modality, to see what it takes.
    """
    findings = [
        Finding("Python", sys.version_info >= (3, 11), platform.python_version()),
        *(_package(name) for name in _CORE),
        _video_decoder(),
        _disk(),
        _documentation(),
        *_extras(),
        *_providers(),
        *_broken_packages(),
    ]
    if model is not None:
        findings += _model(model, arguments or {}, lora, asked=ask)
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


def _documentation() -> Finding:
    folder = docs_folder()
    if folder is not None:
        return Finding("documentation", True, str(folder / "install.md"))
    return Finding("documentation", False, "The pages did not come along.", optional=True)


def _extras() -> list[Finding]:
    """Return, for each extra that is for use, whether everything of it is installed."""
    try:
        about = metadata(_DISTRIBUTION)
    except PackageNotFoundError:
        return []
    needed: dict[str, list[str]] = {name: [] for name in about.get_all("Provides-Extra") or ()}
    for line in about.get_all("Requires-Dist") or ():
        if found := _OF_AN_EXTRA.match(line):
            needed[found["extra"]].append(found["package"] + (found["extras"] or ""))
    return [
        _extra(name, list(dict.fromkeys(_packages(name, needed))))
        for name in needed
        if name not in _NOT_FOR_USE
    ]


def _packages(extra: str, needed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Return the packages of an extra, those of the extras that it is made of too."""
    for package in needed.get(extra, ()):
        name, _, extras = package.partition("[")
        if name == _DISTRIBUTION:
            for inner in extras.rstrip("]").split(","):
                yield from _packages(inner, needed)
        else:
            yield name


def _extra(name: str, packages: Sequence[str]) -> Finding:
    lacking = [package for package in packages if not _is_there(package)]
    if not lacking:
        return Finding(f"extra {name}", True, ", ".join(packages) or "nothing more is needed")
    told = f"{', '.join(lacking)} not installed. Install it with: {install_command(name)}"
    return Finding(f"extra {name}", False, told, optional=True)


def _is_there(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _providers() -> list[Finding]:
    findings = []
    for provider in list_providers():
        there = provider.is_installed()
        findings.append(
            Finding(
                f"provider {provider.name}",
                there,
                provider.summary if there else f"Install it with: {provider.install_command()}",
                optional=True,
            )
        )
    return findings


def _broken_packages() -> list[Finding]:
    """Return what other packages add that cannot be used."""
    broken = {
        "provider": broken_providers(),
        "metric": broken_metrics(),
        "reader": broken_readers(),
        "tasks": broken_task_packages(),
    }
    return [
        Finding(f"{kind} {name}", False, str(error), optional=True)
        for kind, errors in broken.items()
        for name, error in errors.items()
    ]


def _model(
    name: str, arguments: Mapping[str, str], lora: Path | None, *, asked: bool
) -> list[Finding]:
    what = f"model {name}"
    try:
        adapter = create_adapter(name, arguments, lora)
        description = adapter.describe()
    except EmorealError as error:
        return [Finding(what, False, str(error))]
    can = description.capabilities
    takes = ", ".join(modality.value for modality in can.modalities)
    is_service = isinstance(adapter, RemoteAdapter)
    unknown = "" if asked else "; what it takes is not known here, --ask finds out"
    is_taken = f"is sent {takes}{unknown}" if is_service else f"takes {takes}"
    findings = [Finding(what, True, is_taken)]
    if description.label is not None:
        findings.append(Finding("what it is", True, description.label))
    if can.needs_gpu:
        findings.append(_gpu())
    if can.needs_network:
        findings += _service(adapter)
    if asked:
        findings += _trials(name, arguments, lora)
    return findings


def _trials(name: str, arguments: Mapping[str, str], lora: Path | None) -> Iterator[Finding]:
    """Return what the model takes; what it is not sent it need not take."""
    for trial in try_modalities(name, arguments, lora):
        yield Finding(trial.what, trial.taken, trial.detail, optional=not trial.is_sent)


def _gpu() -> Finding:
    if find_spec("torch") is None:  # a worker may have it in its own environment
        there = shutil.which("nvidia-smi") is not None
        return Finding("GPU", there, f"nvidia-smi is {'' if there else 'not '}here", optional=True)
    import torch

    if not torch.cuda.is_available():
        return Finding("GPU", False, "This model wants one, and torch sees none.", optional=True)
    return Finding("GPU", True, torch.cuda.get_device_name())


def _service(adapter: ModelAdapter) -> Iterator[Finding]:
    """Return whether there is a key, and whether the service can be reached; ask it nothing."""
    try:
        asyncio.run(_open_and_close(adapter))
    except EmorealError as error:
        yield Finding("key", False, str(error))
    else:
        source = adapter.key_source if isinstance(adapter, RemoteAdapter) else None
        yield Finding("key", True, f"found in {source}" if source else "none is needed")
    if isinstance(adapter, RemoteAdapter) and adapter.address is not None:
        yield _connection(adapter.address)


async def _open_and_close(adapter: ModelAdapter) -> None:
    async with adapter:
        pass


def _connection(address: str) -> Finding:
    parts = urlsplit(address)
    place = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection(place, timeout=_CONNECT_SECONDS):
            return Finding("service", True, f"{address} can be reached")
    except OSError as error:
        why = error.strerror or str(error)
        return Finding("service", False, f"{address} cannot be reached: {why}")
