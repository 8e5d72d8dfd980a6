"""Makes broken files out of sound ones: by their bytes, and by the values that they hold.

Every choice is drawn from a :class:`random.Random`, so that a seed, hypothesis or the bytes of a
coverage-guided fuzzer can stand behind it.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from emoreal_bench.identity import checksum

_DEEP, _VERY_DEEP, _LONG_TEXT = 150, 5_000, 200_000
_RAW = "@@raw-{}@@"
_JSON_PIECES = (
    "[" * _DEEP + "]" * _DEEP,
    "[" * _VERY_DEEP + "]" * _VERY_DEEP,
    '{"a":' * _VERY_DEEP + "1" + "}" * _VERY_DEEP,
    "9" * 4_301,
    "-" + "9" * 400,
    "1e999",
    "NaN",
    "-Infinity",
    '"\\ud800"',
    "[" * _VERY_DEEP,
)
"""What no value of Python is written as."""
_YAML_PIECES = (
    "[" * 1_000,
    "!!timestamp x",
    "!!int x",
    "!!float x",
    "!!bool x",
    "!!binary x",
    "!!binary aGk=",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!!pairs [a: 1]",
    "!!python/object/apply:os.getcwd []",
    "!!null x",
    "!!map 5",
    "&a [*a]",
    "&b {*b: 1}",
    "*nobody",
    "{<<: 5}",
    "{<<: [1]}",
    "{[1]: 2}",
    "{1: 2, 2020-01-01: 3, null: 4, 1.5: 5, true: 6}",
    "2020-13-45",
    "2020-01-01",
    "2020-01-01 10:00:00",
    "1:60:60",
    "0x" + "f" * 5_000,
    "0o9",
    ".nan",
    ".inf",
    "[&c [x,x,x,x,x,x,x,x], &d [*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d],"
    " &f [*e,*e,*e,*e,*e,*e,*e,*e], &g [*f,*f,*f,*f,*f,*f,*f,*f], &h [*g,*g,*g,*g,*g,*g,*g,*g],"
    " [*h,*h,*h,*h,*h,*h,*h,*h]]",
    "%TAG",
    "--- a\n--- b",
    '"\\x00"',
    '"\\ud800"',
)
_TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\u202eabc",
    "\x1b[31mred",
    "e\u0301",
    "ＡＢＣ",  # noqa: RUF001 - letters of full width are meant
    "\u2028",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "con",
    "{{ 1 // 0 }}",
    "{% include 'x' %}",
    "{{ 'A' * 10 ** 10 }}",
    "nan",
    "null",
    "1e999",
    "²",
    "x" * 300,
    "x/" * 2_500,
    "x" * _LONG_TEXT,
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    10**30,
    0.5,
    -0.0,
    1e308,
    5e-324,
    [],
    {},
    [[]],
    [None],
    [1, "a", {}],
    {"": None},
    {"a": {"b": []}},
    ["x"] * 1_000,
)
_TOKENS = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\r\n",
    b"\n\n",
    b'"',
    b"'",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\\",
    b"\\u0000",
    b"NaN",
    b"1e999",
    b"-",
    b"9" * 50,
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80",
    b"```",
    b"</think>",
    b"PK\x05\x06",
)


@dataclass(frozen=True)
class Form:
    """How the values of a kind of file are taken out of its bytes and put back.

    Attributes:
        decode: Bytes to a value that can be changed.
        encode: The value back to bytes.
        pieces: Text that is written in the place of a value, as it is.
    """

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    pieces: tuple[str, ...] = _JSON_PIECES


def break_file(content: bytes, form: Form | None, chooser: Random) -> bytes:
    """Return a file that is like a sound one, and wrong in one to three places.

    Args:
        content: The sound file.
        form: How its values are reached; None to change bytes only.
        chooser: Draws everything.
    """
    if form is None or chooser.random() < 0.3:
        return _break_bytes(content, chooser)
    value = form.decode(content)
    for _ in range(chooser.choice((1, 1, 2, 3))):
        value = _break_value(value, form, chooser)
    broken = form.encode(value)
    return _break_bytes(broken, chooser) if chooser.random() < 0.05 else broken


def _break_bytes(content: bytes, chooser: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chooser.choice((1, 1, 2, 4))):
        start = chooser.randrange(len(changed) + 1)
        end = min(len(changed), start + chooser.choice((1, 1, 2, 8, 64)))
        match chooser.randrange(7):
            case 0 if start < len(changed):
                changed[start] ^= 1 << chooser.randrange(8)
            case 1:
                del changed[start:end]
            case 2:
                del changed[start:]
            case 3:
                changed[start:start] = changed[start:end] * chooser.choice((1, 2, 100))
            case 4:
                changed[start:start] = chooser.choice(_TOKENS)
            case 5:
                changed[start:end] = chooser.choice(_TOKENS)
            case _:
                changed[start:end] = bytes(chooser.randrange(256) for _ in range(end - start))
    return bytes(changed)


def _places(value: Any, limit: int = 2_000) -> list[tuple[Any, Any]]:
    """List every container of a value with each of its keys."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting and len(found) < limit:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one))
        for key in keys:
            found.append((one, key))
            if isinstance(one[key], dict | list):
                waiting.append(one[key])
    return found


def _break_value(value: Any, form: Form, chooser: Random) -> Any:
    value = copy.deepcopy(value)
    places = _places(value) if isinstance(value, dict | list) else []
    if not places or chooser.random() < 0.03:
        return _odd_value(value, form, chooser)
    holder, key = chooser.choice(places)
    match chooser.randrange(9):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[_odd_text(str(key), chooser)] = holder.pop(key)
        case 1:
            holder.insert(key, copy.deepcopy(holder[key]))
        case 2 if isinstance(holder, dict):
            holder[chooser.choice(("surplus", "", "\0", "__class__", *_TEXTS[:8]))] = 1
        case 3:
            other, its_key = chooser.choice(places)
            holder[key] = copy.deepcopy(other[its_key])
        case 4:
            holder[key] = chooser.choice(([holder[key]], {"a": holder[key]}, str(holder[key])))
        case _:
            holder[key] = _odd_value(holder[key], form, chooser)
    return value


def _odd_value(value: Any, form: Form, chooser: Random) -> Any:
    kind = chooser.randrange(4)
    if kind == 0:
        return _RAW.format(chooser.randrange(len(form.pieces)))
    if kind == 1 and isinstance(value, int | float) and not isinstance(value, bool):
        return chooser.choice((-value, value + 1, value - 1, value * 10**6, float(value) / 3))
    if kind <= 2:
        return _odd_text(value if isinstance(value, str) else "", chooser)
    return copy.deepcopy(chooser.choice(_VALUES))


def _odd_text(text: str, chooser: Random) -> str:
    odd = chooser.choice(_TEXTS)
    match chooser.randrange(4):
        case 0:
            place = chooser.randrange(len(text) + 1)
            return text[:place] + odd + text[place:]
        case 1:
            return text[: chooser.randrange(len(text) + 1)]
        case 2:
            return text.swapcase()
        case _:
            return odd


def _write(value: Any, pieces: tuple[str, ...]) -> str:
    text = json.dumps(value)
    for number, piece in enumerate(pieces):
        text = text.replace(json.dumps(_RAW.format(number)), piece)
    return text


def _json(value: Any) -> bytes:
    return _write(value, _JSON_PIECES).encode()


def _sealed(value: Any) -> bytes:
    """Write a record whose checksum fits, as somebody would who means it."""
    if isinstance(value, dict):
        value.pop("checksum", None)
        try:
            value["checksum"] = checksum(json.loads(_json(value)))
        except (ValueError, RecursionError):
            value["checksum"] = "0" * 64
    return _json(value)


def _lines(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.splitlines() if line.strip()]


def _log_line(record: Any) -> bytes:
    if isinstance(record, dict):
        record.pop("crc32", None)
    body = _json(record)[:-1]
    return b'%b,"crc32":"%08x"}\n' % (body, zlib.crc32(body))


def _table(content: bytes) -> list[list[str]]:
    return [list(row) for row in csv.reader(io.StringIO(content.decode(), newline=""))]


def _csv(rows: Any) -> bytes:
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    for row in rows if isinstance(rows, list) else [rows]:
        writer.writerow(row if isinstance(row, list) else [row])
    return written.getvalue().encode("utf-8", "surrogatepass")


def _tensors(content: bytes) -> dict[str, Any]:
    (length,) = struct.unpack("<Q", content[:8])
    return {
        "length": 0,
        "header": json.loads(content[8 : 8 + length]),
        "data": content[8 + length :].hex(),
    }


def _safetensors(value: Any) -> bytes:
    value = value if isinstance(value, dict) else {}
    header = _json(value.get("header"))
    stated, data = value.get("length"), value.get("data")
    more = stated if isinstance(stated, int) and 0 <= len(header) + stated < 2**64 else 0
    return struct.pack("<Q", len(header) + more) + header + _from_hex(data)


def _from_hex(text: Any) -> bytes:
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        return b""


def _members(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode("latin-1") for name in archive.namelist()}


def _zip(value: Any) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in value.items() if isinstance(value, dict) else ():
            content = text if isinstance(text, str) else json.dumps(text)
            member = zipfile.ZipInfo(name[:1_000].encode("utf-8", "replace").decode())
            archive.writestr(member, content.encode("latin-1", "replace"))
    return written.getvalue()


def _message(content: bytes) -> dict[str, Any]:
    (count,) = struct.unpack("<I", content[:4])
    lengths = struct.unpack(f"<{count}Q", content[4 : 4 + 8 * count])
    place, pieces = 4 + 8 * count, []
    for length in lengths:
        pieces.append(content[place : place + length])
        place += length
    return {"head": json.loads(pieces[0]), "rest": [piece.hex() for piece in pieces[1:]]}


def _framed(value: Any) -> bytes:
    value = value if isinstance(value, dict) else {}
    rest = value.get("rest")
    pieces = [_json(value.get("head")), *map(_from_hex, rest if isinstance(rest, list) else ())]
    lengths = struct.pack(f"<{len(pieces)}Q", *map(len, pieces))
    return struct.pack("<I", len(pieces)) + lengths + b"".join(pieces)


FORMS: Mapping[str, Form | None] = {
    "json": Form(json.loads, _json),
    "sealed": Form(json.loads, _sealed),
    "lines": Form(_lines, lambda v: b"".join(_json(one) + b"\n" for one in _listed(v))),
    "log": Form(_lines, lambda v: b"".join(map(_log_line, _listed(v)))),
    # JSON is YAML too, and these pieces fit between its signs.
    "yaml": Form(json.loads, lambda v: _write(v, _YAML_PIECES).encode(), _YAML_PIECES),
    "table": Form(_table, _csv),
    "safetensors": Form(_tensors, _safetensors),
    "archive": Form(_members, _zip),
    "message": Form(_message, _framed),
    "bytes": None,
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
