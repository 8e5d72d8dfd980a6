"""Mark the words for emotions in a reply: by lemma and synonym, in several languages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import cache, lru_cache
from itertools import takewhile
from operator import eq
from pathlib import Path
from typing import Any, NamedTuple

from emoreal_bench.scoring.reading.marks import OFF_LIST, TEXT, WEAK, any_of, mark

WORDS_FILE = Path(__file__).with_name("words") / "emotion_words.json"
_TOKEN = re.compile(r"[^\W_](?:[\w'-]*[^\W_])?|[\U0001F600-\U0001F64F\U0001F92C-\U0001F976]")
_NO_EMOTION = re.compile(
    r"(?:\bno|\bwithout(?:\s+any)?|\black(?:s|ing)?(?:\s+of)?(?:\s+any)?|\babsence\s+of"
    r"|(?:\bnot|n't)\s+\w+\s+any|\bkeine|\baucune|\bninguna|\bsin)\s+"
    r"(?:(?:clear|strong|particular|visible|discernible|specific|obvious|apparent|real|distinct"
    r"|noticeable|evident|significant|overt|facial|pronounced)\s+){0,2}"
    r"(?:emotions?|feelings?|emotional\s+(?:expression|content|state|tone)|emociones|emoción"
    r"|émotion|gefühle|gefühl|emotionen)\b(?!\s+(?:other|except|but|besides))"
    r"|没有(?:明显的?|任何|特别的?)?(?:情绪|情感|表情)|無感情|感情(?:は|が)?(?:ない|ありません|見られ)|감정이?\s?없"
)
_KEPT = (
    "expressions?|faces?|facial|voices?|tone|vocal|persons?|men|man|wom[ae]n|looks?|moods?"
    "|emotions?|emotional"
    "|states?|demeanou?rs?|feelings?|speakers?|one|options?|girls?|boys?|characters?|and|or|but"
    "|is|are|was|because|as"
    "|since|labels?|class|sentiments?|attitudes?|manner|body|posture|gaze|eyes|smiles?|laughter"
    "|cry|tears|scream"
    "|shout|reaction|response|delivery|intonation|prosody|gestures?|in|on|at|of|that|than|when"
    "|with|for|from|to|rather"
    "|instead|not|while|though|due|about|over|then|which|who|he|she|they|it|can|could|seems?"
    "|comes|shows|shown|prevails"
    "|dominates|stands|fits|best|most|than|toward|towards|here|throughout|turns|remains"
    "|expressed|conveyed|category"
    "|answer|choice|words?|utterance|sentence|valence|arousal|customer|caller|guest"
)
_WRITTEN = (
    "(?:poster|sign|banner|book|film|movie|song|leaflet|brochure|flyer|logo|sticker|t-shirt"
    "|shirt|magazine|advert"
    "|game|card|balloon|cake|hour|meal|birthday|ending|party)s?"
)
_PLACE = (
    "sea|ocean|water|waves|lake|river|bay|beach|harbou?r|weather|sky|wind|air|night|evening|morning"
    "|day|afternoon|streets?|roads?|traffic|house|village|town|city|park|garden|forest|landscape"
    "|scenery|countryside|neighbou?rhood|place"
)
_SIGN = any_of(TEXT, WEAK)
_ATTRIBUTE = re.compile(
    rf"\b(?:the|an?|his|her|their|its|in|some|despite|wears|with"
    rf"|of)\s+(?:{_SIGN}\s+and\s+(?:an?\s+|its\s+)?)?"
    rf"{_SIGN}(?=\s+(?!(?:{_KEPT})\b)[a-z]{{3,}})|{_SIGN}(?:\s+\w+){{0,2}}\s+{_WRITTEN}\b"
    rf"|\b(?:(?:about|called|named|other|mrs?\.?|ms\.?|miss|aunt|uncle)\s+(?:the\s+)?{_SIGN})"
    rf"|\b(?:the|an?|every\w*)\s+(?:\w+\s+)?(?:{_PLACE})\s+(?:is|are|was|were|seems?|looks?|lies|lay"
    rf"|remains?|stays?)\s+(?:\w+\s+)?{_SIGN}"
    rf"|(?:名字?叫|姓)\s?{_SIGN}"
    rf"|\ban?\s+{_SIGN}\s+of\s+an?\s"
)
"""An emotion that says what a thing is like: "the happy music", "a happy hour sign"."""
_FIRST_SMILEY = "\U0001f300"
_ALIKE = 0.85
_SHORT = 60
"""Characters: in a longer text no word is taken for one misspelt."""


class Vocabulary(NamedTuple):
    """The words for the classes of one task.

    Attributes:
        signs: The sign that stands for each word.
        ideographs: Finds the words of languages without blanks; None if there are none.
        neutral: The sign of the neutral class, if there is one.
        phrases: Classes of several words, the longest first.
        own: The sign of each class by its name.
    """

    signs: Mapping[str, str]
    ideographs: re.Pattern[str]
    neutral: str | None
    phrases: tuple[str, ...]
    own: Mapping[str, str]


@lru_cache(maxsize=8192)
def are_emotions(labels: tuple[str, ...]) -> bool:
    """Return whether all labels are words for different emotions."""
    classes = [_class_of_word().get(label.strip().casefold()) for label in labels]
    return None not in classes and len(set(classes)) == len(labels)


def names_emotion(answer: str) -> bool:
    """Return whether an answer is the name of an emotion, and no word that only hints at one."""
    word, known = answer.strip().casefold(), _content()
    return any(word in listed for part in ("classes", "others") for listed in known[part].values())


def mark_emotions(text: str, labels: tuple[str, ...], *, broaden: bool) -> str:
    """Put signs in the place of the words for emotions.

    Args:
        text: Cleaned reply in lower case.
        labels: The classes of the task, by number.
        broaden: Whether a class that the task lacks counts as its broader one.
    """
    words = vocabulary(labels, broaden=broaden)
    if words.neutral:
        text = _NO_EMOTION.sub(f" {words.neutral}", text)
    signs = words.signs
    for phrase in words.phrases:
        if phrase.startswith("not "):
            text = re.sub(rf"n't(?: \w+)? {re.escape(phrase[4:])}\b", signs[phrase], text)
        if phrase in text:
            text = text.replace(phrase, signs[phrase])
    marked = _TOKEN.sub(lambda match: signs.get(match[0], match[0]), text)
    if not text.isascii():
        marked = words.ideographs.sub(lambda match: signs[match[0]], marked)
    if len(text) < _SHORT:
        marked = _mark_misspelt(marked, words)
    return _ATTRIBUTE.sub(" ", marked)


def _mark_misspelt(text: str, words: Vocabulary) -> str:
    """Mark the one word of a short text that is nearly one of an emotion: "sadnes"."""
    tokens = _TOKEN.findall(text) if len(text) < _SHORT else []
    alone = len(tokens) == 1
    for signs in (words.own, words.signs if alone else {}):
        near = {
            (word, sign)
            for word in tokens
            if 4 < len(word) < 16 and word.isalpha()
            for known, sign in signs.items()
            if len(known) > 4 and known[0] == word[0] and _are_alike(known, word, alone=alone)
        }
        if len({sign for _, sign in near}) == 1:
            word, sign = near.pop()
            return text.replace(word, sign)
    return text


def _are_alike(known: str, word: str, *, alone: bool) -> bool:
    """Return whether a word is a form of another or misspells it."""
    common = sum(takewhile(bool, map(eq, known, word)))
    if common > 4 and common >= len(known) - 3 and len(word) - common <= 4:
        return True
    return (
        abs(len(known) - len(word)) <= 2
        and (alone or known[:3] == word[:3])
        and (sorted(known) == sorted(word) or SequenceMatcher(None, known, word).ratio() >= _ALIKE)
    )


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
    own = {name: mark(TEXT, number) for name, number in names.items()}
    signs |= own
    foreign = sorted((word for word in signs if ord(word[0]) > 0x3000), key=lambda word: -len(word))
    neutral = mark(TEXT, by_class["neutral"]) if "neutral" in by_class else None
    phrases = sorted((name for name in names if " " in name), key=lambda name: -len(name))
    # Korean words begin with a syllable of their own: no anger is in the telephone, "전화".
    pattern = re.compile(
        "|".join("(?<![가-힣])" * (word >= "가") + re.escape(word) for word in foreign) or "(?!)"
    )
    return Vocabulary(signs, pattern, neutral, tuple(phrases), own)


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
