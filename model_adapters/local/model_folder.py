"""Folders of models in the layout of the Hugging Face hub, here or fetched from there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.merged_record import MERGED_FILE, MergedRecord
from emoreal_bench.identity import check_plain_file, hash_files
from emoreal_bench.model_adapters.local import file_faults
from emoreal_bench.model_adapters.local.file_faults import (
    read_json,
    read_json_object,
    read_parts,
    refuse_emptied,
    refuse_fault,
    unreadable,
)

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
        UsageError: If there is none, or it cannot be read.
    """
    if not (folder / "config.json").is_file():
        raise UsageError("there is no config.json, so this is no model folder.", where=str(folder))
    return read_json_object(folder / "config.json")


def read_merged(folder: Path) -> MergedRecord:
    """Read what a merged checkpoint says of itself; an empty record for any other folder.

    Raises:
        UsageError: If the file is damaged.
    """
    path = folder / MERGED_FILE
    if not path.exists():
        return MergedRecord()
    try:
        check_plain_file(path)
        return MergedRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error
    except ValidationError as error:
        # Not passed over: it may say that scores are not zero-shot.
        raise UsageError(
            f"{MERGED_FILE} is not as a merge leaves it: {error}",
            where=str(folder),
            remedy="Bring the file back, or merge again.",
        ) from error


def write_merged(
    folder: Path, description: ModelDescription, pixels: tuple[int, int] | None = None
) -> None:
    """Write what a merged checkpoint says of itself.

    Args:
        folder: Of the checkpoint.
        description: Of the model with the adapter.
        pixels: Least and most of a frame; None for a family without limits.
    """
    least, most = pixels or (None, None)
    record = MergedRecord(
        label=f"{description.label}, merged" if description.label else "merged",
        fine_tuned_on=description.fine_tuned_on,
        min_pixels=least,
        max_pixels=most,
    )
    text = record.model_dump_json(by_alias=True, indent=2) + "\n"
    (folder / MERGED_FILE).write_text(text, encoding="utf-8")


def hash_model(folder: Path, adapters: Sequence[str] = ()) -> str:
    """Hash every file of the folder that can change an answer.

    Args:
        folder: Of the model.
        adapters: Folders in it that hold LoRA adapters of the model's own.

    Raises:
        UsageError: If one cannot be read, or is not what its name says.
    """
    folders = [folder, *(folder / adapter for adapter in adapters)]
    files = {path for place in folders for pattern in MODEL_FILES for path in place.glob(pattern)}
    for path in sorted(files):
        if path.name.endswith(".safetensors.index.json"):
            read_parts(path)
        elif path.suffix == ".json":
            # The libraries that read it later say less of what is wrong.
            read_json(path)
        elif path.suffix == ".safetensors":
            refuse_fault(path)
    return hash_readable(sorted(files), folder)


def hash_readable(files: Sequence[Path], folder: Path) -> str:
    """Hash files by their names relative to a folder and their bytes.

    Raises:
        UsageError: If one cannot be read.
    """
    try:
        return hash_files(files, folder)
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error) from error


def weight_shapes(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Return name and shape of each weight that is loaded, from the files' headers alone.

    Raises:
        UsageError: If a file is no whole file of weights.
    """
    for file in sorted(folder.glob("*.safetensors")):
        shapes = file_faults.weight_shapes(file)
        refuse_emptied(file, shapes)
        yield from (
            (name, shape) for name, shape in shapes.items() if not name.startswith(UNUSED_PARTS)
        )


def count_parameters(folder: Path, adapters: Sequence[str] = ()) -> int:
    """Count the parameters that are loaded; see :func:`hash_model`."""
    folders = [folder, *(folder / adapter for adapter in adapters)]
    return sum(math.prod(shape) for place in folders for _, shape in weight_shapes(place))
