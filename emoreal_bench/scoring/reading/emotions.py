"""Mark the words for emotions in a reply: by lemma and synonym, in several languages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from emoreal_bench.scoring.reading.marks import OFF_LIST, TEXT, WEAK, any_of, mark

WORDS_FILE = Path(__file__).with_name("emotion_words.json")
_TOKEN = re.compile(r"[^\W_](?:[\w'-]*[^\W_])?|[\U0001F600-\U0001F64F\U0001F92C-\U0001F976]")
_NO_EMOTION = re.compile(
    r"\b(?:no|without(?:\s+any)?|lack(?:s|ing)?(?:\s+of)?(?:\s+any)?|absence\s+of"
    r"|not\s+\w+\s+any|n't\s+\w+\s+any|keine|aucune|ninguna|sin)\s+"
    r"(?:(?:clear|strong|particular|visible|discernible|specific|obvious|apparent|real|distinct"
    r"|noticeable|evident|significant|overt|facial|pronounced)\s+){0,2}"
    r"(?:emotions?|feelings?|emotional\s+(?:expression|content|state|tone)|emociones|emoción"
    r"|émotion|gefühle|gefühl|emotionen)\b(?!\s+(?:other|except|but|besides))"
    r"|没有(?:明显的?|任何|特别的?)?(?:情绪|情感|表情)|無感情|感情(?:は|が)?(?:ない|ありません|見られ)|감정이?\s?없"
)
_KEPT = (
    "expressions?|faces?|facial|voices?|tone|vocal|persons?|men|man|wom[ae]n|looks?|moods?|emotions?|emotional"
    "|states?|demeanou?rs?|feelings?|speakers?|one|options?|girls?|boys?|characters?|and|or|but|is|are|was|because|as"
    "|since|labels?|class|sentiments?|attitudes?|manner|body|posture|gaze|eyes|smiles?|laughter|cry|tears|scream"
    "|shout|reaction|response|delivery|intonation|prosody|gestures?|in|on|at|of|that|than|when|with|for|from|to|rather"
    "|instead|not|while|though|due|about|over|then|which|who|he|she|they|it|can|could|seems?|comes|shows|shown|prevails"
    "|dominates|stands|fits|best|most|than|toward|towards|here|throughout|turns|remains|expressed|conveyed|category"
    "|answer|choice|words?|utterance|sentence|valence|arousal|customer|caller|guest"
)
_WRITTEN = (
    "(?:poster|sign|banner|book|film|movie|song|leaflet|brochure|flyer|logo|sticker|t-shirt|shirt|magazine|advert"
    "|game|card|balloon|cake|hour|meal|birthday|ending|party)s?"
)
_SIGN = any_of(TEXT, WEAK)
_ATTRIBUTE = re.compile(
    rf"\b(?:the|an?|his|her|their|its|in|some|despite|wears|with|of)\s+(?:{_SIGN}\s+and\s+(?:an?\s+|its\s+)?)?"
    rf"{_SIGN}(?=\s+(?!(?:{_KEPT})\b)[a-z]{{3,}})|{_SIGN}(?:\s+\w+){{0,2}}\s+{_WRITTEN}\b"
    rf"|\b(?:(?:about|called|named|other|mrs?\.?|ms\.?|miss|aunt|uncle)\s+(?:the\s+)?{_SIGN})|(?:名字?叫|姓)\s?{_SIGN}"
    rf"|\ban?\s+{_SIGN}\s+of\s+an?\s"
)
"""An emotion that says what a thing is like: "the happy music", "a happy hour sign"."""
_FIRST_SMILEY = "\U0001f300"
_ALIKE = 0.85


class Vocabulary(NamedTuple):
    """The words for the classes of one task.

    Attributes:
        signs: The sign that stands for each word.
        ideographs: Finds the words of languages without blanks; None if there are none.
        neutral: The sign of the neutral class, if there is one.
        phrases: Classes of several words, the longest first.
    """

    signs: Mapping[str, str]
    ideographs: re.Pattern[str]
    neutral: str | None
    phrases: tuple[str, ...]


@lru_cache(maxsize=8192)
def are_emotions(labels: tuple[str, ...]) -> bool:
    """Return whether all labels are words for different emotions."""
    classes = [_class_of_word().get(label.strip().casefold()) for label in labels]
    return None not in classes and len(set(classes)) == len(labels)


def mark_emotions(text: str, labels: tuple[str, ...], *, broaden: bool) -> str:
    """Put signs in the place of the words for emotions.

    Args:
        text: Cleaned reply in lower case.
        labels: The classes of the task, by number.
        broaden: Whether a class that the task lacks counts as its broader one.
    """
    words = vocabulary(labels, broaden=broaden)
    if words.neutral:
        text = _NO_EMOTION.sub(words.neutral, text)
    signs = words.signs
    for phrase in words.phrases:
        if phrase in text:
            text = text.replace(phrase, signs[phrase])
    marked = _TOKEN.sub(lambda match: signs.get(match[0], match[0]), text)
    if not text.isascii():
        marked = words.ideographs.sub(lambda match: signs[match[0]], marked)
    if marked == text:
        marked = _mark_misspelt(text, signs)
    return _ATTRIBUTE.sub(" ", marked)


def _mark_misspelt(text: str, signs: Mapping[str, str]) -> str:
    """Read a reply of one word that is nearly one of an emotion: "sadnes"."""
    word = text.strip(" .!\"'\n")
    if not (4 < len(word) < 16 and word.isalpha()):
        return text
    near = {
        signs[known]
        for known in signs
        if known[0] == word[0]
        and abs(len(known) - len(word)) <= 2
        and len(known) > 4
        and SequenceMatcher(None, known, word).ratio() >= _ALIKE
    }
    return near.pop() if len(near) == 1 else text


@lru_cache(maxsize=64)
def vocabulary(labels: tuple[str, ...], *, broaden: bool) -> Vocabulary:
    """Map every known word to the sign of the class of the task that it stands for."""
    class_of_word = _class_of_word()
    names = {label.strip().casefold(): number for number, label in enumerate(labels)}
    order = {word: place for place, word in enumerate(class_of_word)}
    by_class: dict[str, int] = {}
    for name in sorted(names, key=lambda name: order.get(name, -1)):
        by_class.setdefault(class_of_word.get(name, name), names[name])
    wider = [*(_content()["broader"].items() if broaden else ()), *_content()["parts"].items()]
    for narrow, broad in wider:
        if broad in by_class:
            by_class.setdefault(narrow, by_class[broad])
    hints = {word for listed in _content()["hints"].values() for word in listed}
    signs = {
        word: mark(
            WEAK if word in hints or word > _FIRST_SMILEY else TEXT, by_class.get(name, OFF_LIST)
        )
        for word, name in class_of_word.items()
        if name in by_class or (word not in hints and name not in _content()["others"])
    }
    signs |= {name: mark(TEXT, number) for name, number in names.items()}
    foreign = sorted((word for word in signs if ord(word[0]) > 0x3000), key=lambda word: -len(word))
    neutral = mark(TEXT, by_class["neutral"]) if "neutral" in by_class else None
    phrases = sorted((name for name in names if " " in name), key=lambda name: -len(name))
    pattern = re.compile("|".join(map(re.escape, foreign)) or "(?!)")
    return Vocabulary(signs, pattern, neutral, tuple(phrases))


@cache
def _class_of_word() -> Mapping[str, str]:
    content = _content()
    return {
        word: name
        for part in ("others", "hints", "classes")
        for name, listed in content[part].items()
        for word in listed
    }


@cache
def _content() -> Any:
    return json.loads(WORDS_FILE.read_text(encoding="utf-8"))
