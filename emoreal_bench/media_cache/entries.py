"""A decoded clip as a file: frames and sound in safetensors, all else in its head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import MissingExtraError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.parsing import UnreadableError, parse_json

_HEAD = "clip"
_FRAMES, _SOUND = "frames", "waveform"
_KINDS = {_FRAMES: "U8", _SOUND: "F32"}
_LENGTH_BYTES = 8
"""Of the number in front of the header; see the format of safetensors,
https://huggingface.co/docs/safetensors/index#format."""


class DamagedEntryError(Exception):
    """The bytes are not an entry as it was written."""


class EntryHead(Record):
    """What is kept of a clip besides its arrays; the fields are those of ``ClipMedia``."""

    key: str
    sends_file: bool
    """Whether the file may be sent whole in place of its frames and sound."""
    timestamps: tuple[float, ...]
    sample_rate: int = Field(ge=1)
    duration: float = Field(ge=0.0)
    notes: tuple[str, ...]
    picture_start: float
    clip_seconds: float = Field(gt=0.0)
    """The limit under which it was decoded: under a lower one it might not have been."""


def check_installed() -> None:
    """Look whether entries can be written and read.

    Raises:
        MissingExtraError: If safetensors is not installed.
    """
    try:
        import safetensors.numpy  # noqa: F401 - whether it is there
    except ImportError as error:
        raise MissingExtraError("The media cache", "cache") from error


def pack_entry(media: ClipMedia, clip_seconds: float) -> bytes:
    """Return the bytes of an entry.

    Args:
        media: A decoded clip.
        clip_seconds: The longest clip that would have been decoded.
    """
    from safetensors.numpy import save

    head = EntryHead(
        key=media.key,
        sends_file=media.path is not None,
        timestamps=media.timestamps,
        sample_rate=media.sample_rate,
        duration=media.duration,
        notes=media.notes,
        picture_start=media.picture_start,
        clip_seconds=clip_seconds,
    )
    arrays = {
        name: np.ascontiguousarray(array)
        for name, array in ((_FRAMES, media.frames), (_SOUND, media.waveform))
        if array is not None
    }
    # JSON of the standard library keeps notes that are no Unicode.
    text = json.dumps(head.model_dump(mode="json"))
    return save(arrays, metadata={_HEAD: text, "checksum": _checksum(text, arrays)})


def unpack_entry(content: bytes, clip: Clip) -> tuple[ClipMedia, float]:
    """Return the clip of an entry, and the limit under which it was decoded.

    Args:
        content: The bytes of the file.
        clip: Whose decoding it is; its file may lie elsewhere than when it was decoded.

    Raises:
        DamagedEntryError: If they are not as they were written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        length = int.from_bytes(content[:_LENGTH_BYTES], "little")
        header = parse_json(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
        metadata = header.pop("__metadata__")
        text, checksum = metadata[_HEAD], metadata["checksum"]
        if any(_KINDS.get(name) != array["dtype"] for name, array in header.items()):
            raise DamagedEntryError("its arrays are not those of a clip")
        arrays = load(content)
        if checksum != _checksum(text, arrays):
            raise DamagedEntryError("the checksum is of other bytes")
        head = EntryHead.model_validate(parse_json(text.encode()))
    except (SafetensorError, UnreadableError, ValidationError) as error:
        raise DamagedEntryError(str(error)) from error
    # What stands in a header may be of any kind.
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedEntryError(f"{type(error).__name__}: {error}") from error
    return _as_media(head, arrays, clip), head.clip_seconds


def _as_media(head: EntryHead, arrays: Mapping[str, NDArray[Any]], clip: Clip) -> ClipMedia:
    frames, sound = arrays.get(_FRAMES), arrays.get(_SOUND)
    if frames is not None and frames.shape != (len(head.timestamps), *frames.shape[1:3], 3):
        raise DamagedEntryError("its frames are no frames")
    if sound is not None and sound.ndim != 1:
        raise DamagedEntryError("its sound is no sound")
    return ClipMedia(
        key=head.key,
        path=clip.video if head.sends_file else None,
        frames=frames,
        timestamps=head.timestamps,
        waveform=sound,
        sample_rate=head.sample_rate,
        duration=head.duration,
        notes=head.notes,
        picture_start=head.picture_start,
    )


def _checksum(head: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = sha256(head.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
