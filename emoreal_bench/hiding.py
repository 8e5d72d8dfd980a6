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
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

HIDDEN = "***"

_PIECE = 8
"""So many characters of a key in a row are hidden, even if the rest is cut off."""
_SHOWN_END = 3
"""So many characters at both ends of a key, with marks between them, are hidden as well."""
_KEY_NAME = re.compile(
    r"(?:^|_)(?:(?:API)?KEY|TOKEN|SECRET|PASS(?:WORD|WD|PHRASE)?|PAT|AUTH|CREDENTIALS?|COOKIE)"
    r"(?:_?(?:ID|\d+))?$"
)
_MASK = re.compile(
    r"(?:[*•…#█]|\.{2}|x{4}|[\[<(](?:redacted|hidden|masked|removed|truncated)[\]>)])++\.?",
    re.IGNORECASE,
)
"""What stands for the middle of a key where somebody shows its ends."""
_ESCAPED_BREAK = re.compile(r"\\[nrt]|\\u000[ad]|%0[ad]|&#1[03];", re.IGNORECASE)
_LINE_BREAK = re.compile(rf"(?:\s|{_ESCAPED_BREAK.pattern})++", re.IGNORECASE)
_SMALL = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}
_LOGIN_IN_ADDRESS = re.compile(r"://([^\s/@:]*)(?::((?:(?!://)\S)*))?@")
"""The password is what stands before the last @, whatever is in it."""
_TOKEN_AS_NAME = re.compile(r"(?=[^\d]*\d)[\w.%~-]{16,}", re.ASCII)
"""Some services take a token for the name: with no password, or a mark such as x-oauth-basic."""
_WRITTEN_KEY = re.compile(
    r"""
      # a name that says it, with a value: of a setting, a header, a query, a variable
      (?:api[-_]?key|access[-_]?key|authorization|secret|passw(?:or)?d
        |(?:access|auth|bearer|refresh|api)[-_]?token)["']?\s*[:=]\s*["']?[^\s"',}]
    | (?<![\w-])(?:key|token)["']?\s*[:=]\s*["']?[^\s"',}]{8}
    | [A-Z0-9]_(?-i:KEY|TOKEN)=[^\s]
    | (?<!\S)--[\w-]*(?:key|token|secret|passw(?:or)?d)\s+[^\s-]
      # the beginnings that services give their keys
    | \b(?:sk|xai|gsk|glpat)[-_](?=[\w-]*\d)[\w-]{16}
    | \b(?:hf|gh[opsur])_(?=[a-z]*\d)[a-z0-9]{16}
    | \b(?-i:AIza|AKIA)[\w-]{16}
    | \b(?-i:eyJ)[\w-]{8,}\.[\w-]{8,}\.
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_key_name(variable: str) -> bool:
    """Return whether an environment variable holds a key, by its name."""
    return _KEY_NAME.search(variable.upper()) is not None


def keys_in(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys among the values of an environment.

    They are the values of variables whose names say so, paths of files aside, and the
    passwords of addresses such as that of a proxy, or tokens in the place of a name; as they are
    written and as they are sent.
    """
    found = set()
    for variable, value in environment.items():
        if is_key_name(variable) and not os.path.exists(value):  # noqa: PTH110 - never raises
            found.add(value.strip())
        for name, password in _LOGIN_IN_ADDRESS.findall(value):
            found |= {password, unquote(password)}
            if _TOKEN_AS_NAME.fullmatch(name):
                found |= {name, unquote(name)}
    return tuple(sorted(key for key in found if len(key) >= _PIECE))


def hide(text: str, keys: Iterable[str]) -> str:
    """Put a mark in the place of keys.

    Args:
        text: What somebody else said.
        keys: What must not be seen: whole or any eight characters of it, as it is, escaped
            for an address, JSON or HTML, or in base64 or hexadecimal digits, in capitals or
            small letters, also with line breaks in between; and its two ends with marks
            between them. Of a shorter key only the whole is hidden.
    """
    for key in keys:
        if len(key) < _PIECE:
            text = text.replace(key, HIDDEN) if key else text
        else:
            text = _hide_ends(_hide_key(text, key), key)
    return text


def hide_in(value: Any, keys: Collection[str]) -> Any:
    """Put a mark in the place of keys in every text of a value as JSON has them, names too."""
    if isinstance(value, str):
        return hide(value, keys)
    if isinstance(value, Mapping):
        return {hide(str(name), keys): hide_in(part, keys) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [hide_in(part, keys) for part in value]
    return value


def hide_known(text: str) -> str:
    """Put a mark in the place of every key of the environment."""
    return hide(text, keys_in(os.environ))


def holds_key(text: str) -> bool:
    """Return whether a setting holds a key: one of the environment, or what is written like one."""
    small = _without_breaks(text).translate(_SMALL)
    return _WRITTEN_KEY.search(text) is not None or any(
        form in small for key in keys_in(os.environ) for form, _ in _forms(key)
    )


def _hide_key(text: str, key: str) -> str:
    joined = _without_breaks(text)
    found = _marked(joined.translate(_SMALL), key)
    if 1 not in found:
        return text
    if len(joined) != len(text):
        found = _with_breaks(text, found)
    kept, place = [], 0
    for match in re.finditer(b"\1+", found):
        kept += [text[place : match.start()], HIDDEN]
        place = match.end()
    return "".join([*kept, text[place:]])


def _marked(small: str, key: str) -> bytearray:
    """Mark each character of a text that belongs to a piece of the key."""
    found = bytearray(len(small))
    for length, pieces in _pieces(key).items():
        half = length // 2
        # Every piece holds one of these, and most texts hold none.
        for part in _parts(key, length):
            place = small.find(part)
            while place >= 0:
                for start in range(max(0, place - half + 1), place + 1):
                    if small[start : start + length] in pieces:
                        found[start : start + length] = b"\1" * length
                place = small.find(part, place + 1)
    return found


def _without_breaks(text: str) -> str:
    return _LINE_BREAK.sub("", text) if _ESCAPED_BREAK.search(text) else "".join(text.split())


def _with_breaks(text: str, found: bytearray) -> bytearray:
    """Move marks to where their characters stand with line breaks in between."""
    spread, place = bytearray(), 0
    for match in _LINE_BREAK.finditer(text):
        count = match.start() - len(spread)
        spread += found[place : place + count]
        place += count
        inside = 0 < place < len(found) and found[place - 1] and found[place]
        spread += (b"\1" if inside else b"\0") * len(match[0])
    return spread + found[place:]


def _hide_ends(text: str, key: str) -> str:
    """Hide what is left of a key where somebody has put marks in the place of its middle."""
    if key[:_SHOWN_END] not in text and key[-_SHOWN_END:] not in text:
        return text
    kept, place = [], 0
    for match in _MASK.finditer(text):
        before = text[max(place, match.start() - _PIECE) : match.start()]
        after = text[match.end() : match.end() + _PIECE]
        start = next((n for n in range(_PIECE, 0, -1) if before.endswith(key[:n])), 0)
        end = next((n for n in range(_PIECE, 0, -1) if after.startswith(key[-n:])), 0)
        if max(start, end) >= _SHOWN_END:
            kept += [text[place : match.start() - start], HIDDEN]
            place = match.end() + end
    return "".join([*kept, text[place:]])


@lru_cache(maxsize=64)
def _pieces(key: str) -> dict[int, frozenset[str]]:
    """Return the pieces of every form of a key by their length."""
    pieces: dict[int, set[str]] = {}
    for form, length in _forms(key):
        ends = range(length, len(form) + 1)
        pieces.setdefault(length, set()).update(form[end - length : end] for end in ends)
    return {length: frozenset(found) for length, found in pieces.items()}


@lru_cache(maxsize=256)
def _parts(key: str, length: int) -> frozenset[str]:
    """Return parts of a little more than half the length, one of which is in every piece."""
    half = length // 2
    return frozenset(
        form[place : place + half + 1]
        for form, whole in _forms(key)
        if whole == length
        for place in range(0, len(form) - half, half)
    )


def _forms(key: str) -> Iterator[tuple[str, int]]:
    """Find the forms of a key, each with the length that eight of its characters have there.

    They are in small letters and hold no white space, as is the text that is looked through.
    """
    for form, length in _spellings(key):
        yield _without_breaks(form).translate(_SMALL), length


def _spellings(key: str) -> Iterator[tuple[str, int]]:
    data = key.encode("utf-8", "surrogatepass")
    escaped = json.dumps(key)[1:-1]
    for form in (key, quote(data, safe=""), escaped, escaped.replace("/", "\\/"), html.escape(key)):
        yield form, _PIECE
    yield data.hex(), 2 * _PIECE
    yield f"%{data.hex('%')}", 3 * _PIECE
    for before in range(3):
        # What stands before and after shares a digit with the key; those digits are left out.
        encoded = base64.b64encode(bytes(before) + data).decode()
        inner = encoded[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        for form in (inner, inner.translate(str.maketrans("+/", "-_")), quote(inner, safe="")):
            yield form, 8 * _PIECE // 6
