"""Who was asked what: the manifest of a run, and whether two are the same run."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.run_record import MANIFEST_FILE, SCHEMA_VERSION, Manifest
from emoreal_bench.identity import hash_json, model_hash, request_hash


def load_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run folder.

    Raises:
        RunError: If the folder holds no run, or one that this version cannot read.
    """
    path = folder / MANIFEST_FILE
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RunError(
            f"This is not a run folder: it holds no {MANIFEST_FILE}.",
            where=str(folder),
            remedy="List the runs with: emoreal-bench runs list.",
        ) from error
    except (OSError, ValueError) as error:
        raise RunError(f"The manifest cannot be read: {error}", where=str(path)) from error
    schema = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(schema, int):
        raise RunError("This is not a manifest of EmoReal Bench.", where=str(path))
    if schema != SCHEMA_VERSION:
        raise RunError(
            f"The run is written in schema {schema}; this version reads {SCHEMA_VERSION}.",
            where=str(path),
            remedy="Update with: pip install --upgrade emoreal-bench",
        )
    try:
        return with_present_hash(Manifest.model_validate(record))
    except ValidationError as error:
        raise RunError(f"The manifest is not valid: {error}", where=str(path)) from error


def with_present_hash(manifest: Manifest) -> Manifest:
    """Return a request that lacks newer fields the hash that it would have today.

    A field that is added to :class:`RequestIdentity` with a default changes the
    hash of a request that is the same. Nothing changes where the hash was not
    made of what the manifest holds.

    Args:
        manifest: As read from its file.
    """
    request = manifest.request
    written = request.model_dump(mode="json", exclude={"hash"}, exclude_unset=True)
    if hash_json(written) != request.hash:
        return manifest
    present = request.model_copy(update={"hash": request_hash(request)})
    return manifest.model_copy(update={"request": present})


def differences(old: Manifest, new: Manifest) -> list[str]:
    """Say in what two runs differ, so that one cannot go on as the other.

    Returns:
        One short phrase per difference; empty if they are the same run.
    """
    found = []
    if (old.task, old.task_version) != (new.task, new.task_version):
        found.append(
            f"the task ({old.task} version {old.task_version}, now {new.task} {new.task_version})"
        )
    if old.data.hash != new.data.hash:
        limits = f", limit {old.limit}, now {new.limit}" if old.limit != new.limit else ""
        found.append(
            f"the items or the bytes of their clips ({old.data.items} items, "
            f"now {new.data.items}{limits})"
        )
    if old.request.hash != new.request.hash:
        found.append(f"what is asked ({', '.join(_changed_fields(old, new))})")
    if model_hash(old.model) != model_hash(new.model):
        found.append(f"the model ({_model_change(old.model, new.model)})")
    return found


def _changed_fields(old: Manifest, new: Manifest) -> list[str]:
    before, after = old.request.model_dump(), new.request.model_dump()
    return [name for name in before if name != "hash" and before[name] != after[name]]


def _model_change(old: ModelDescription, new: ModelDescription) -> str:
    if old.name != new.name:
        return f"{old.name}, now {new.name}"
    before, after = old.model_dump(), new.model_dump()
    names = ("revision", "weights_hash", "settings", "versions")
    return ", ".join(name.replace("_", " ") for name in names if before[name] != after[name])
