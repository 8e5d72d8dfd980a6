"""Text files that others wrote: in any Unicode encoding, and others named with the way out."""

from __future__ import annotations

import codecs
import errno
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from emoreal_bench.contracts.errors import DataError

_LOOKED_AT = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # Before UTF-16, whose mark is the beginning of this one.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_KANA = re.compile("[\u3041-\u30ff]")
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_JAPANESE = (("cp932", "Shift-JIS"), ("euc_jp", "EUC-JP"))
# Share of kana from which a text is Japanese: about half of any such text, and none of a Chinese
# one that is read in a Japanese encoding by mistake.
_KANA_SHARE = 0.15


def find_encoding(path: Path) -> str:
    """Return the Unicode encoding of a file, by its mark or its zero bytes; else UTF-8.

    Raises:
        OSError: If it cannot be read, or is a pipe or a device: what is read of those is gone.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a plain file", str(path))
    with path.open("rb") as file:
        start = file.read(4096)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    # Without a mark: half of the bytes of letters, digits and commas are zero in UTF-16.
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 > len(start) and min(even, odd) * 8 < max(even, odd):
        return "utf-16-be" if even > odd else "utf-16-le"
    return "utf-8"


def open_text(path: Path, newline: str | None = None) -> TextIO:
    """Open a text file in the Unicode encoding that it has.

    Args:
        path: The file.
        newline: As for ``open``.

    Raises:
        OSError: If it cannot be opened.
    """
    return path.open(encoding=find_encoding(path), newline=newline)


def read_text(path: Path) -> str:
    """Read a text file in the Unicode encoding that it has.

    Raises:
        DataError: If it cannot be read, or is in no Unicode encoding.
    """
    try:
        with open_text(path) as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise not_unicode(path, error) from error
    except OSError as error:
        problem = f"The file cannot be read: {error.strerror or error}."
        raise DataError(problem, where=str(path)) from error


def number_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file of JSON lines that are not blank, counted from 1.

    A line ends where the file has a line feed. The other line breaks of Unicode, which
    ``str.splitlines`` takes for ends too, may stand inside the texts of JSON.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def not_unicode(path: Path, error: UnicodeDecodeError) -> DataError:
    """Make the error for a file in an encoding that is not read, with the likeliest named."""
    with path.open("rb") as file:
        content = file.read(_LOOKED_AT)
    found = _guess_legacy(content)
    if found is None:
        return DataError(
            f"The file is not UTF-8 text: {error.reason} at byte {error.start}.",
            where=str(path),
            remedy="Save it as UTF-8, or get it again from its owner.",
        )
    name, codec, source = found
    return DataError(
        f"The file is not UTF-8 text but probably {name}, as {source}.",
        where=str(path),
        remedy="Save it as UTF-8 (in Excel: 'CSV UTF-8'), or convert it: "
        f"iconv -f {codec} -t UTF-8 OLD > NEW",
    )


def _guess_legacy(content: bytes) -> tuple[str, str, str] | None:
    """Return name, codec and origin of the encoding that a text is probably in."""
    if b"\x00" in content:
        return None
    for codec, name in _JAPANESE:
        text = _decode(content, codec)
        if text is not None:
            others = len(_NOT_ASCII.findall(text))
            if others and len(_KANA.findall(text)) >= _KANA_SHARE * others:
                return name, "CP932" if codec == "cp932" else "EUC-JP", "older Japanese files are"
    runs = [len(run) for run in _HIGH_RUN.findall(content)]
    # Letters with accents and curly quotes stand alone; signs of other scripts in pairs.
    if runs and sum(run == 1 for run in runs) * 2 > len(runs):
        return "Windows-1252", "WINDOWS-1252", "older Western European files of Windows are"
    if _decode(content, "gb18030") is not None:
        return "GBK (GB18030)", "GB18030", "Excel and Notepad on a Chinese Windows write it"
    return None


def _decode(content: bytes, codec: str) -> str | None:
    try:
        # Of a long file the last sign may be cut in two.
        return codecs.getincrementaldecoder(codec)().decode(
            content, final=len(content) < _LOOKED_AT
        )
    except UnicodeDecodeError:
        return None
