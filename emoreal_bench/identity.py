"""Every hash of the project, in one place.

An identity is a SHA-256 over a canonical text, so that equal things have equal
hashes on every machine. Names, paths and dates never enter one.
"""

from __future__ import annotations

import errno
import hashlib
import json
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.run_record import RequestIdentity
from emoreal_bench.file_names import in_other_case

SHORT_LENGTH = 12


def canonical_json(value: Any) -> str:
    """Write a JSON value in its one canonical form: sorted keys, no spaces, UTF-8 kept.

    Raises:
        ValueError: For NaN or infinite numbers, which JSON does not have.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def hash_text(text: str) -> str:
    """SHA-256 of a text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def hash_json(value: Any) -> str:
    """SHA-256 of a JSON value in its canonical form."""
    return hash_text(canonical_json(value))


def checksum(content: Mapping[str, Any]) -> str:
    """SHA-256 of a record as its file holds it, its own key ``checksum`` apart."""
    return hash_json({name: value for name, value in content.items() if name != "checksum"})


_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class NotAPlainFileError(OSError):
    """A path leads to a folder, a pipe, a device or a socket, directly or by a link."""


def check_plain_file(path: Path) -> None:
    """Refuse what is no plain file: a pipe or a device may never end, nor let go of its reader.

    Raises:
        NotAPlainFileError: If it is none.
        OSError: If there is nothing, or it may not be looked at.
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
    raise NotAPlainFileError(errno.EINVAL, f"is {kind}, not a plain file", str(path))


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        NotAPlainFileError: If it is a pipe, a device or the like.
        OSError: If the file cannot be read.
    """
    check_plain_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(paths: Iterable[Path], root: Path) -> str:
    """Hash a set of files by their names relative to ``root`` and their bytes."""
    return hash_json({path.relative_to(root).as_posix(): hash_file(path) for path in paths})


def clip_hash(clip: Clip) -> str | None:
    """Hash the bytes of a clip's files; None if one of them cannot be read.

    A clip without a picture file or without its separate sound file is not the
    clip that the data set speaks of, so either makes it missing.
    """
    try:
        video = hash_file(clip.video)
        return video if clip.audio is None else hash_json([video, hash_file(clip.audio)])
    except OSError:
        return None


def why_no_file(path: Path) -> str | None:
    """Return what stands in the place of a plain file; None if one is there, or just nothing."""
    try:
        check_plain_file(path)
    except NotAPlainFileError as error:
        return str(error.strerror)
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            return f"is a link to {path.readlink()}, which is not there"
        other = in_other_case(path)
        return None if other is None else f"is not there, but {other} is: only the case differs"
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "is a link that leads back to itself"
        return f"cannot be looked at ({error.strerror})"
    return None


def why_no_clip(clip: Clip) -> str:
    """Return why :func:`clip_hash` gives nothing, with the file."""
    for path in (clip.video, clip.audio):
        reason = None if path is None else why_no_file(path)
        if reason is not None:
            return f"{path} {reason}."
    return f"{clip.video}: the clip's files are not all there."


def item_record(item: Item) -> dict[str, Any]:
    """Return an item as the JSON object that ``plan.jsonl`` holds and that is hashed."""
    record: dict[str, Any] = {
        "id": item.id,
        "subtask": item.subtask,
        "question": item.question,
        "choices": list(item.choices),
        "answer": item.answer,
        "clip": item.clip,
    }
    if item.metadata:
        record["metadata"] = dict(item.metadata)
    return record


def data_hash(items: Iterable[Item], clip_hashes: Mapping[str, str | None]) -> str:
    """Hash the items in their order and the bytes of their clips.

    Args:
        items: All items of the run.
        clip_hashes: Clip key to the hash of its files; None where it is missing.
    """
    digest = hashlib.sha256()
    for item in items:
        digest.update(canonical_json(item_record(item)).encode())
        digest.update(b"\n")
    digest.update(canonical_json(clip_hashes).encode())
    return digest.hexdigest()


def model_hash(description: ModelDescription) -> str:
    """Hash what decides a model's answers: weights, revision, settings, library versions.

    Where there are no weights to hash (a remote service, a rule), the name has
    to stand for them; else only its provider counts, so that equal weights at
    another path are the same model.
    """
    provider = description.name.partition("/")[0]
    return hash_json(
        {
            "name": provider if description.weights_hash else description.name,
            "revision": description.revision,
            "weights_hash": description.weights_hash,
            "settings": description.settings,
            "versions": description.versions,
        }
    )


def request_hash(request: RequestIdentity) -> str:
    """Hash what a task asked; the hash that the request carries does not enter it."""
    return hash_json(request.model_dump(mode="json", exclude={"hash"}))


def media_key(clip_hash: str, wanted: MediaWanted, partner_hash: str | None = None) -> str:
    """Hash of decoded media: the clip's bytes, what was wanted of it, and the swap partner."""
    return hash_json(
        {"clip": clip_hash, "wanted": wanted.model_dump(mode="json"), "partner": partner_hash}
    )


def shard_number(clip: str, shards: int) -> int:
    """Return which of so many shards a clip falls to, from 1: by its key, and nothing else."""
    return int(hash_text(clip), 16) % shards + 1


def short(identity: str) -> str:
    """First digits of a hash, for names and tables."""
    return identity[:SHORT_LENGTH]
