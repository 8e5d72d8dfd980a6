"""What a model is called outside this machine: no path of it, and no provider of ours."""

from __future__ import annotations

import re

from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.printable import plain_text

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FROM_THE_HUB = frozenset({"hf", "vllm"})
"""Providers whose models are named as on the hub, or by a folder."""
_BY_PATH = frozenset({"avere", "scripted"})
_WITHOUT_PROVIDER = frozenset({"imported", *_FROM_THE_HUB, *_BY_PATH})
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def public_name(name: str) -> str:
    """Return a model's name as others know it: its id on the hub, or the name of its folder.

    Args:
        name: ``provider/model``, as in a manifest.
    """
    provider, _, model = name.partition("/")
    if provider not in _WITHOUT_PROVIDER:
        return plain_text(name)
    model = model.partition("@")[0] if provider in _FROM_THE_HUB else model
    is_path = provider in _BY_PATH or (
        provider in _FROM_THE_HUB and _HUB_ID.fullmatch(model) is None
    )
    if is_path or model.startswith(("/", ".", "~")):
        model = re.split(r"[/\\]", model.rstrip("/\\"))[-1]
    return plain_text(model)


def adapted_name(manifest: Manifest) -> str:
    """Return the public name of a run's model; that of its LoRA adapter where it carries one."""
    lora = manifest.model.lora
    return public_name(manifest.model.name) if lora is None else plain_text(lora.name)


def path_part(text: str) -> str:
    """Return a text as a name of a folder on every system; never empty."""
    return _UNSAFE.sub("-", text).strip("-.") or "unnamed"
