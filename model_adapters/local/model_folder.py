"""Folders of models in the layout of the Hugging Face hub, here or fetched from there."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.identity import hash_files

# Everything of a model folder that can change an answer.
MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt")
# Parts of a full checkpoint that speak; they are not loaded.
UNUSED_PARTS = ("talker.", "token2wav.", "code2wav.")


def split_revision(model: str) -> tuple[str, str | None]:
    """Split ``OWNER/NAME@REVISION``; a path has no revision.

    Raises:
        UsageError: If a folder is given a revision.
    """
    if Path(model).is_dir():
        return model, None
    place, _, revision = model.partition("@")
    if revision and Path(place).is_dir():
        raise UsageError("a folder has no revisions.", where=model)
    return place, revision or None


def find_folder(place: str, revision: str | None) -> Path:
    """Return the folder of a model, fetched from the hub if it is not a folder here.

    Raises:
        UsageError: If it is neither here nor on the hub.
    """
    if Path(place).is_dir():
        return Path(place)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    try:
        return Path(snapshot_download(place, revision=revision, allow_patterns=list(MODEL_FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise UsageError(
            "there is no such folder, and the model could not be fetched from the hub: "
            f"{str(error).splitlines()[0]}",
            where=place,
            remedy="Check the path or the name OWNER/NAME, and the network.",
        ) from error


def read_configuration(folder: Path) -> dict[str, Any]:
    """Return the configuration as it is written in the folder.

    Raises:
        UsageError: If there is none.
    """
    try:
        whole: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            "there is no readable config.json, so this is no model folder.", where=str(folder)
        ) from error
    return whole


def hash_model(folder: Path, adapters: Sequence[str] = ()) -> str:
    """Hash every file of the folder that can change an answer.

    Args:
        folder: Of the model.
        adapters: Folders in it that hold LoRA adapters of the model's own.
    """
    folders = [folder, *(folder / adapter for adapter in adapters)]
    files = {path for place in folders for pattern in MODEL_FILES for path in place.glob(pattern)}
    return hash_files(sorted(files), folder)


def weight_shapes(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Return name and shape of each weight that is loaded, from the files' headers alone."""
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header: dict[str, dict[str, list[int]]] = json.loads(stream.read(length))
        for name, entry in header.items():
            if name != "__metadata__" and not name.startswith(UNUSED_PARTS):
                yield name, tuple(entry["shape"])


def count_parameters(folder: Path, adapters: Sequence[str] = ()) -> int:
    """Count the parameters that are loaded; see :func:`hash_model`."""
    folders = [folder, *(folder / adapter for adapter in adapters)]
    return sum(math.prod(shape) for place in folders for _, shape in weight_shapes(place))
