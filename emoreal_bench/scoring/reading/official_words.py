"""The emotion-word rules of the authors' evaluator, bug for bug.

A keyword list turns free text into a class. Words such as "sad" and "angry"
are not on it, and whatever holds no listed word is happiness. The rules are
described in ``docs/metrics.md``; the words, found by measuring, are in
``official_emotion_words.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WORDS_FILE = Path(__file__).with_name("words") / "official_emotion_words.json"
_SEVEN_CLASSES = "dfew_ravdess"
_FIVE_CLASSES = "mer2023"
_NEGATIVE_PARTS = ("not", "no", "isn't ", "nothing", "cannot", "won't", "shouldn't", "neither")
_SENTENCE_END = re.compile(r"(?<!\w\.\w.)(?<=[.?])\s")
_FIRST_SENTENCE = re.compile(r".*?[.!?]")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class OfficialWords:
    """One keyword list.

    Attributes:
        classes: In the order that breaks ties.
        first: The class that a word decides in the first sentence.
        counted: The classes that a word counts for in later sentences.
    """

    classes: tuple[str, ...]
    first: dict[str, str]
    counted: dict[str, tuple[str, ...]]


def official_words_for(labels: Sequence[str]) -> OfficialWords | None:
    """Find the keyword list that the authors use for these classes.

    Returns:
        The list, or None where they have no rule: a class is not on it.
    """
    for name in (_FIVE_CLASSES, _SEVEN_CLASSES):
        words = _load(name)
        if set(labels) <= set(words.classes):
            return words
    return None


def official_emotion(reply: str, words: OfficialWords) -> str | None:
    """Read the emotion of a reply.

    Returns:
        The class, or None where the original drops the sample: an empty reply,
        or a line break within the first sentence.
    """
    text = reply.strip().lower()
    if not text:
        return None
    if not text.endswith("."):
        text += "."
    sentences = [part for part in _SENTENCE_END.split(text) if not _is_negative(part)]
    kept = " ".join(sentences) if sentences else text
    first = _FIRST_SENTENCE.match(kept)
    if first is None:
        return None
    for word in _WORD.findall(first.group()):
        if word in words.first:
            return words.first[word]
    return _most_counted(kept[first.end() :], words)


def _is_negative(sentence: str) -> bool:
    # "nor" and its like hold one of the parts already ("no").
    return any(part in sentence for part in _NEGATIVE_PARTS)


def _most_counted(text: str, words: OfficialWords) -> str:
    counts = dict.fromkeys(words.classes, 0)
    for word in _WORD.findall(text):
        for label in words.counted.get(word, ()):
            counts[label] += 1
    return max(counts, key=lambda label: counts[label])


@cache
def _load(name: str) -> OfficialWords:
    content = json.loads(WORDS_FILE.read_text(encoding="utf-8"))
    by_class: dict[str, list[str]] = content["word_lists"][name]
    first = {word: label for label, listed in by_class.items() for word in listed}
    also: dict[str, str] = content["also_counts_for"]
    counted: dict[str, tuple[str, ...]] = {
        word: (label, also[word]) if also.get(word) in by_class else (label,)
        for word, label in first.items()
    }
    return OfficialWords(tuple(by_class), first, counted)
