"""Read the emotion of a reply: by lemma and synonym, with negation, without a default class.

The stages are those of :mod:`.strict`: a line or sentence that is nothing but
an emotion, then an announced one ("the emotion is sadness"), then whatever
emotions are mentioned. Two different classes in the deciding stage are no
answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from emoreal_bench.scoring.reading.announced import cues_in
from emoreal_bench.scoring.reading.cleaning import clean

WORDS_FILE = Path(__file__).with_name("emotion_words.json")
_TOKEN = re.compile(r"[^\W_](?:[\w'-]*[^\W_])?|[.,;:!?\n()]")
_SENTENCE = re.compile(r"[^.!?\n]+")
_EMOTION_CUE = re.compile(
    r"\b(?:emotions?|emotional\s+state|feelings?|mood|sentiment|expression|tone)\b"
    r"(?:\s+[\w']+){0,6}?"
    r"\s*(?:\bis\b|\bas\b|\bwould be\b|\bappears to be\b|\bseems to be\b|:|=)\s*",
    re.IGNORECASE,
)
_CLAUSE_ENDS = frozenset({".", ";", ":", "!", "?", "\n", "but", "however", "though", "although"})
_NEGATORS = frozenset(
    {"not", "never", "cannot", "unlikely", "hardly", "barely", "nor", "than", "instead"}
)
_LIST_NEGATORS = frozenset({"no", "without", "neither", "lack", "lacks", "lacking", "absence"})
_NO_NEGATION = frozenset({("not", "only"), ("not", "just"), ("more", "than")})
_FILLERS = frozenset(
    {"a", "an", "the", "is", "i", "it", "he", "she", "they", "of", "very", "feels", "feeling"}
    | {"extremely", "slightly", "really", "so", "emotion", "person", "looks", "seems", "feel"}
    | {"label", "class", "expression", "likely", "probably", "mostly", "quite", "deeply", "this"}
)


def read_label(text: str, labels: Sequence[str], *, broaden: bool = True) -> str | None:
    """Read the one class that a reply names.

    Args:
        text: The reply as the model wrote it.
        labels: The classes of the task.
        broaden: Whether a class that the task lacks counts as its broader one.

    Returns:
        The class; None if the reply names none or several ("unmapped").
    """
    return _read(text, tuple(labels), broaden=broaden)


@lru_cache(maxsize=8192)
def are_emotions(labels: tuple[str, ...]) -> bool:
    """Return whether all labels are words for different emotions."""
    classes = [_class_of_word().get(label.strip().casefold()) for label in labels]
    return None not in classes and len(set(classes)) == len(labels)


@lru_cache(maxsize=4096)
def _read(text: str, labels: tuple[str, ...], *, broaden: bool) -> str | None:
    words = _words_of_labels(labels, broaden=broaden)
    reply = clean(text).casefold()
    for found in (_bare(reply, words), _announced(reply, words), set(_named(reply, words))):
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _bare(reply: str, words: Mapping[str, str]) -> set[str]:
    """Read the first sentence and the last line, where they hold an emotion and fillers only."""
    sentences = _SENTENCE.findall(reply)
    edges = [reply, *sentences[:1], *sentences[-1:]]
    found: set[str] = set()
    for edge in edges:
        tokens = [token for token in _TOKEN.findall(edge) if token[0].isalnum()]
        emotions = {words[token] for token in tokens if token in words}
        if emotions and all(token in words or token in _FILLERS for token in tokens):
            found |= emotions
    return found


def _announced(reply: str, words: Mapping[str, str]) -> set[str]:
    ends = [cue.end for cue in cues_in(reply)]
    ends += [match.end() for match in _EMOTION_CUE.finditer(reply)]
    found: set[str] = set()
    for end in ends:
        sentence = _SENTENCE.match(reply, end)
        if sentence is not None:
            found |= set(_named(sentence.group(), words))
    return found


def _named(text: str, words: Mapping[str, str]) -> Iterator[str]:
    """Return the classes of the emotion words that are not negated."""
    negator: str | None = None
    tokens = _TOKEN.findall(text)
    for before, word, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        negates = word in _NEGATORS | _LIST_NEGATORS or word.endswith("n't")
        if word in _CLAUSE_ENDS:
            negator = None
        elif word == ",":
            # "no anger, fear or disgust" goes on after the comma, "not happy, sad" does not.
            negator = negator if negator in _LIST_NEGATORS else None
        elif word in words and negator is None:
            yield words[word]
        elif negates and _NO_NEGATION.isdisjoint({(word, after), (before, word)}):
            negator = word


@lru_cache(maxsize=64)
def _words_of_labels(labels: tuple[str, ...], *, broaden: bool) -> Mapping[str, str]:
    """Map every known word to the class of the task that it stands for."""
    class_of_word = _class_of_word()
    names = {label: label.strip().casefold() for label in labels}
    by_class = {class_of_word.get(name, name): label for label, name in names.items()}
    if broaden:
        for narrow, broad in _content()["broader"].items():
            if broad in by_class:
                by_class.setdefault(narrow, by_class[broad])
    words = {word: by_class[name] for word, name in class_of_word.items() if name in by_class}
    return words | {name: label for label, name in names.items()}


@cache
def _class_of_word() -> Mapping[str, str]:
    classes: dict[str, list[str]] = _content()["classes"]
    return {word: name for name, listed in classes.items() for word in listed}


@cache
def _content() -> Any:
    return json.loads(WORDS_FILE.read_text(encoding="utf-8"))
