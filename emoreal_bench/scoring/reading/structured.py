"""Write the answers of structured replies (JSON, dictionaries) in words."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection
from typing import Any

_KEYS_WORDS = """
finalanswer finalchoice final answer correctanswer correctoption choice selectedoption selected
selection chosenoption option prediction predictedlabel predictedemotion predictedclass
primaryemotion dominantemotion mainemotion emotion label class letter verdict result response
output decision conclusion value key id text 答案 选项 正确答案
情绪 情感 答え 回答 感情 정답 답 감정 respuesta réponse
antwort emoción émotion emotionen
"""
_KEYS = tuple(_KEYS_WORDS.split())
_NOT_WORD = re.compile(r"[\W_]+")
_DEEPEST = 6


def spell_out(text: str, names: Collection[str]) -> str:
    """Write an object's answer as "Final answer: B", and values by option as lines.

    Args:
        text: Cleaned reply that holds a brace or a bracket.
        names: What an option may be called, in lower case.
    """
    start = min((place for sign in "{[" if (place := text.find(sign)) >= 0), default=-1)
    end = max(text.rfind("}"), text.rfind("]")) + 1
    content = _parse(text[start:end]) if 0 <= start < end else None
    if isinstance(content, dict | list):
        said = _said(content, names, 0)
        if said is not None:
            return said
    return text


def _parse(text: str) -> Any:
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    return None


def _said(content: Any, names: Collection[str], depth: int) -> str | None:
    """Return in words what a parsed value answers; None if it is no answer."""
    if depth > _DEEPEST:
        return None
    if isinstance(content, list):
        return _said_by_list(content, names, depth)
    if isinstance(content, dict):
        options = {
            key: value for key, value in content.items() if str(key).strip("() .").lower() in names
        }
        return _said_of_each(options) if len(options) > 1 else _said_by_field(content, names, depth)
    return f"Final answer: {_words(content)}" if isinstance(content, str | bool) else None


def _said_by_list(content: list[Any], names: Collection[str], depth: int) -> str | None:
    if len(content) == 1:
        return _said(content[0], names, depth + 1)
    rows = [row for part in content if (row := _row(part, names))]
    if rows or (content and isinstance(content[0], dict)):
        return "\n".join(rows)
    return None


def _said_of_each(options: dict[Any, Any]) -> str:
    """Return the option with the one highest value, or each option with its verdict."""
    if not all(_is_number(value) for value in options.values()):
        return "\n".join(f"{key}: {_words(value)}" for key, value in options.items())
    top = max(options.values())
    best = [key for key, value in options.items() if value == top]
    return f"Final answer: {best[0]}" if len(best) == 1 else ""


def _said_by_field(content: dict[Any, Any], names: Collection[str], depth: int) -> str | None:
    """Return what the field for the answer says, or else the fields for all options."""
    fields = {_NOT_WORD.sub("", str(key)).lower(): value for key, value in content.items()}
    for name in _KEYS:
        value = fields.get(name)
        if isinstance(value, dict | list):
            said = _said(value, names, depth + 1)
            return said if said is not None else ", ".join(map(str, value))
        if isinstance(value, str | bool | int):
            return f"Final answer: {_words(value)}"
    for name in ("options", "choices", "scores", "probabilities", "verdicts"):
        if isinstance(fields.get(name), dict | list):
            return _said(fields[name], names, depth + 1)
    only = [
        key for key, value in content.items() if str(key).strip("() .").lower() in names and value
    ]
    return f"Final answer: {only[0]}" if only and content[only[0]] not in ("no", "No") else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _row(content: Any, names: Collection[str]) -> str | None:
    """Write one of several objects as its option and what it says of it."""
    if not isinstance(content, dict):
        return None
    values = list(content.values())
    options = [value for value in values if str(value).strip("() .").lower() in names]
    verdicts = [
        value for value in values if isinstance(value, int | float | str) and value not in options
    ]
    return f"{options[0]}: {_words(verdicts[0])}" if options and verdicts else None


def _words(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
