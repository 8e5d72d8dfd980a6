"""Tells a file that ends early from a whole one, by the sizes its own header states.

Demuxers read what is there and then report an ordinary end of file, so that a
broken download would quietly give fewer frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_EBML_MAGIC = b"\x1a\x45\xdf\xa3"
_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"
_MP4_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"})
_MP4_NEEDED_BOXES = frozenset({b"moov", b"moof", b"mdat"})
_RIFF_UNSTATED = 0x7FFF_0000
"""A RIFF size from here on is none: no clip is as large."""
_TS_SYNC = b"\x47"
_TS_PACKET = 188


def missing_bytes(path: Path) -> int:
    """Count the bytes that a file's header promises and the file lacks.

    Knows MP4 and QuickTime, Matroska and WebM, AVI and WAV, and MPEG transport
    streams. Other kinds, and headers of live recordings, promise nothing.

    Args:
        path: A file that is there and not empty.

    Returns:
        Number of bytes lacking; 0 for a file that is whole or promises nothing.

    Raises:
        OSError: If the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] == _EBML_MAGIC:
            promised = _matroska_size(file)
        elif start[4:8] in _MP4_FIRST_BOXES:
            promised = _mp4_size(file, size)
        elif start[:4] == b"RIFF":
            promised = _riff_size(start)
        elif start[:1] == _TS_SYNC and _is_transport_stream(file, size):
            promised = -(-size // _TS_PACKET) * _TS_PACKET
        else:
            promised = 0
    return max(promised - size, 0)


def _mp4_size(file: BinaryIO, size: int) -> int:
    """End of the last top-level box that playing needs (ISO/IEC 14496-12, 4.2)."""
    position = promised = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # 0 means "to the end of the file"; anything else is junk
            break
        position += length
        if kind in _MP4_NEEDED_BOXES:
            promised = position
    return promised


def _matroska_size(file: BinaryIO) -> int:
    """End of the segment that follows the EBML header (RFC 9559, 4.5); 0 if not stated."""
    file.seek(len(_EBML_MAGIC))
    header_length = _read_variable_size(file)
    if header_length is None:
        return 0
    file.seek(header_length, 1)
    if file.read(4) != _MATROSKA_SEGMENT:
        return 0
    length = _read_variable_size(file)
    return 0 if length is None else file.tell() + length


def _read_variable_size(file: BinaryIO) -> int | None:
    """Read an EBML size (RFC 8794, 4); None where it is unknown or cannot be read."""
    first = file.read(1)
    if not first or first == b"\x00":
        return None
    extra = 8 - first[0].bit_length()
    content = bytes([first[0] & (0x7F >> extra)]) + file.read(extra)
    value = int.from_bytes(content, "big")
    unknown = (1 << 7 * (extra + 1)) - 1
    return None if value == unknown else value


def _riff_size(start: bytes) -> int:
    """End of the RIFF chunk. Writers that cannot seek back leave 0 or a huge size.

    FFmpeg leaves all ones, SoX and ALSA's arecord about 2 GiB. The size leaves out the
    eight bytes in front of what it counts, but some writers include them, so they are
    not relied on.
    """
    length = int.from_bytes(start[4:8], "little")
    return 0 if length >= _RIFF_UNSTATED else length


def _is_transport_stream(file: BinaryIO, size: int) -> bool:
    """Return whether a sync byte begins the second packet too."""
    if size <= _TS_PACKET:
        return False
    file.seek(_TS_PACKET)
    return file.read(1) == _TS_SYNC
