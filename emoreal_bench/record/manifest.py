"""Who was asked what: the manifest of a run, and whether two are the same run."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.run_record import MANIFEST_FILE, SCHEMA_VERSION, Manifest
from emoreal_bench.contracts.task import Task
from emoreal_bench.identity import checksum, hash_json, model_hash, request_hash
from emoreal_bench.record.departures import check_definition
from emoreal_bench.record.files import write_atomically
from emoreal_bench.record.sealed import read_record, unsealed

_BRING_BACK = "Bring the file back, or run again in a new folder."


def load_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run folder, its request under the hash that it would have today.

    Raises:
        RunError: If the folder holds no run, one that this version cannot read, or
            a manifest that was changed.
    """
    return with_present_hash(load_written_manifest(folder))


def load_written_manifest(folder: Path) -> Manifest:
    """Read the manifest of a run folder as it was written.

    Raises:
        RunError: As :func:`load_manifest`.
    """
    path = folder / MANIFEST_FILE
    try:
        record = read_record(path, _BRING_BACK)
    except (FileNotFoundError, NotADirectoryError) as error:
        refuse_absent(folder)
        raise RunError(
            f"This is not a run folder: it holds no {MANIFEST_FILE}.",
            where=str(folder),
            remedy="Name the folder that `emoreal-bench run` wrote; `emoreal-bench runs list` "
            "shows them.",
        ) from error
    schema = record.get("schema")
    if not isinstance(schema, int):
        raise RunError("This is not a manifest of EmoReal Bench.", where=str(path))
    if schema != SCHEMA_VERSION:
        raise RunError(
            f"The run is written in schema {schema}; this version reads {SCHEMA_VERSION}.",
            where=str(path),
            remedy="Install the version of emoreal-bench that wrote it, or a newer one.",
        )
    try:
        manifest = Manifest.model_validate(unsealed(record, path, _BRING_BACK))
        check_definition(manifest.task_definition)
    except ValidationError as error:
        raise not_by_schema(path, error) from error
    return manifest


def refuse_absent(folder: Path) -> None:
    """Refuse a folder of runs that is not there, or is a file.

    Raises:
        RunError: If it is so.
    """
    if not folder.is_dir():
        is_file = folder.exists()
        raise RunError(
            "This is a file, not a folder." if is_file else "There is no such folder.",
            where=str(folder),
            remedy="Name the folder of a run; `emoreal-bench runs list FOLDER` shows those below "
            "a folder.",
        )


def read_task(manifest: Manifest, folder: Path) -> Task:
    """Return the task of a run, as it was when the run was made.

    Args:
        manifest: Of the run.
        folder: Of the run, for the error.

    Raises:
        RunError: If it is no task of this version.
    """
    try:
        return Task.model_validate(manifest.task_definition)
    except ValidationError as error:
        raise not_by_schema(folder / MANIFEST_FILE, error) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a run folder, with its checksum.

    Raises:
        RunError: If the folder cannot be written.
    """
    content = manifest.model_dump(mode="json", by_alias=True)
    sealed = manifest.model_copy(update={"checksum": checksum(content)})
    text = sealed.model_dump_json(by_alias=True, indent=2)
    write_atomically(folder / MANIFEST_FILE, [text.encode(), b"\n"])


def not_by_schema(
    path: Path,
    error: ValidationError,
    remedy: str = "It is damaged or was written by another version of emoreal-bench.",
) -> RunError:
    """Make the error for a file that is JSON but not the record that it should be."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    return RunError(
        f"The file does not follow its schema: {place}: {first['msg']}.",
        where=str(path),
        remedy=remedy,
    )


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
    """Return in what two runs differ, so that one cannot go on as the other.

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
    sources = [run.imported and run.imported.source_hash for run in (old, new)]
    if sources[0] != sources[1]:
        found.append("where the replies come from (an import of other files, or no import)")
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
