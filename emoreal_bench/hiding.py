"""Keeps keys out of what is printed and written: the one place that knows how a key may look.

A service repeats the key in its errors, as it is, encoded, or cut off; a command line or a
setting holds one by mistake. Whoever holds a key hides it here; what a person reads and the
command that a run records are also rid of every key of the environment.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote

HIDDEN = "***"

_PIECE = 8
"""So many characters of a key in a row are hidden, even if the rest is cut off."""
_KEY_NAME = re.compile(r"(?:^|_)(?:(?:API)?KEY|TOKEN|SECRET|PASS(?:WORD|WD|PHRASE)|PAT)(?:_?\d+)?$")
_PASSWORD_IN_ADDRESS = re.compile(r"://[^\s/@:]*:([^\s@]+)@")
_WRITTEN_KEY = re.compile(
    r"""
      # a name that says it, with a value: of a setting, a header, a query, a variable
      (?:api[-_]?key|access[-_]?key|authorization|secret|passw(?:or)?d
        |(?:access|auth|bearer|refresh|api)[-_]?token)["']?\s*[:=]\s*["']?[^\s"',}]
    | (?<![\w-])(?:key|token)["']?\s*[:=]\s*["']?[^\s"',}]{8}
    | [A-Z0-9]_(?-i:KEY|TOKEN)=[^\s]
      # the beginnings that services give their keys
    | \b(?:sk|xai|gsk|glpat)[-_](?=[\w-]*\d)[\w-]{16}
    | \b(?:hf|gh[opsur])_(?=[a-z]*\d)[a-z0-9]{16}
    | \b(?-i:AIza|AKIA)[\w-]{16}
    | \b(?-i:eyJ)[\w-]{8,}\.[\w-]{8,}\.
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_key_name(variable: str) -> bool:
    """Say whether an environment variable holds a key, by its name."""
    return _KEY_NAME.search(variable.upper()) is not None


def keys_in(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys among the values of an environment.

    They are the values of variables whose names say so, paths of files aside, and the
    passwords of addresses such as that of a proxy.
    """
    found = set()
    for variable, value in environment.items():
        if is_key_name(variable) and not os.path.exists(value):  # noqa: PTH110 - never raises
            found.add(value.strip())
        found.update(_PASSWORD_IN_ADDRESS.findall(value))
    return tuple(sorted(key for key in found if len(key) >= _PIECE))


def hide(text: str, keys: Iterable[str]) -> str:
    """Put a mark in the place of keys.

    Args:
        text: What somebody else said.
        keys: What must not be seen: whole or any eight characters of it, as it is, escaped
            for an address, JSON or HTML, or in base64 or hexadecimal digits. Of a shorter
            key only the whole is hidden.
    """
    for key in keys:
        if len(key) < _PIECE:
            text = text.replace(key, HIDDEN) if key else text
            continue
        for length, pieces in _pieces(key).items():
            text = _hide_pieces(text, length, pieces)
    return text


def hide_known(text: str) -> str:
    """Put a mark in the place of every key of the environment."""
    return hide(text, keys_in(os.environ))


def holds_key(text: str) -> bool:
    """Say whether a setting holds a key: one of the environment, or what is written like one."""
    known = keys_in(os.environ)
    return _WRITTEN_KEY.search(text) is not None or any(
        form in text for key in known for form, _ in _forms(key)
    )


def _hide_pieces(text: str, length: int, pieces: frozenset[str]) -> str:
    kept = []
    start = place = 0
    while place + length <= len(text):
        if text[place : place + length] not in pieces:
            place += 1
            continue
        kept += [text[start:place], HIDDEN]
        while text[place : place + length] in pieces:
            place += 1
        start = place = place + length - 1
    return "".join([*kept, text[start:]]) if kept else text


@lru_cache(maxsize=64)
def _pieces(key: str) -> dict[int, frozenset[str]]:
    """Return the pieces of every form of a key by their length."""
    pieces: dict[int, set[str]] = {}
    for form, length in _forms(key):
        ends = range(length, len(form) + 1)
        pieces.setdefault(length, set()).update(form[end - length : end] for end in ends)
    return {length: frozenset(found) for length, found in pieces.items()}


def _forms(key: str) -> Iterator[tuple[str, int]]:
    """Find the forms of a key, each with the length that eight of its characters have there."""
    data = key.encode("utf-8", "surrogatepass")
    address = quote(data, safe="")
    escaped = json.dumps(key)[1:-1]
    for form in (key, address, escaped, escaped.replace("/", "\\/"), html.escape(key)):
        yield form, _PIECE
    yield re.sub("%..", lambda match: match[0].lower(), address), _PIECE
    for digits in (data.hex(), data.hex().upper()):
        yield digits, 2 * _PIECE
        yield re.sub("..", lambda match: f"%{match[0]}", digits), 3 * _PIECE
    for before in range(3):
        # What stands before and after shares a digit with the key; those digits are left out.
        encoded = base64.b64encode(bytes(before) + data).decode()
        inner = encoded[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        for form in (inner, inner.translate(str.maketrans("+/", "-_")), quote(inner, safe="")):
            yield form, 8 * _PIECE // 6
