"""Find the texts of options in a reply."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import takewhile
from operator import eq

from emoreal_bench.choices import words_of
from emoreal_bench.scoring.reading.marks import TEXT, mark
from emoreal_bench.scoring.reading.options import Options

_LONGEST_PART = 12
"""Words: a longer reply is not taken for a part of an option."""
_LONGEST_TEXT = 400
"""Characters of an option's text that are compared with the beginning of a passage."""
_LONGEST_CLAIM = 25
_ALIKE = 0.85
_TOKEN = re.compile(r"[\w']+")
_SIGN = re.compile(r"\S")
_ENDS = re.compile(
    r"\s*(?:[^\w\s-]|-(?!\w)|\Z|(?:because|since|as|people|persons?|years|times|out of|seconds"
    r"|s|sec)\b"
    r"|(?:and|or|to)\s\d)"
)
_COMMON = re.compile(
    r" (?:\w{1,2}|[\d\W]+|minus \d+|left"
    r"|right|down|off|out|one|two|three|four|five|six|none|both|high|low"
    r"|start|end|middle|\d+ \d+) "
)
"""Texts that also occur where they are no answer."""
_LABELLED = re.compile(r"\s*[:=]")
"""What follows a short option such as "up" or "4", which is none in "up the stairs"."""
_NOT_CLAIMED = re.compile(
    r"yes|not?|two|do|doe|did|really|actually|all|be|(?:he|she|it|they)(?:'\w+)?|\w+n't"
)
_PRONOUN_FIRST = re.compile(r" (?:they|it|he|she)(?:'\w+)? ")
_SUBJECT = re.compile(
    r"^ (?:because )?(?:he|she|they|it|the speaker|the man|the woman) (?:(?:is|are|was|has) )?"
)
_YES_OR_NO = re.compile(r"^ (?:yes|no) ")
_NEGATION = re.compile(r" (?:not|cannot|\w+n't|never|neither|hardly) ")
_SENTENCE_END = re.compile(r"[.!?]\s")
_NUMBER_NAMES = """
zero one two three four five six seven eight nine ten
"""
_NUMBERS = {f" {name} ": f" {number} " for number, name in enumerate(_NUMBER_NAMES.split())}
_NUMBER_WORD = re.compile(r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten)\b")
_NUMBER = re.compile(rf"\d|{_NUMBER_WORD.pattern}")
_PLAIN_FORMS_WORDS = """
ていません:ていない ています:ている しません:しない します:する ありません:ない あります:ある
합니다:한다 해요:한다 않습니다:않는다 않아요:않는다 있습니다:있다 있어요:있다 없습니다:없다
없어요:없다
"""
_PLAIN_FORMS = dict(pair.split(":") for pair in _PLAIN_FORMS_WORDS.split())
_POLITE_FORM = re.compile("|".join(_PLAIN_FORMS))
_MINUS = re.compile(r"(?<![\w.])(?<!\d )[-\N{MINUS SIGN}](?=\d)")
_SPAN = re.compile(r"\b(\d{1,3})\s?(?:-|to|bis|~|and|\N{EN DASH})\s?(\d{1,3})\b")
_LITTLE = re.compile(r" (?:(?:the|an?|then|and|but|are|is) )+")
_ARTICLE = re.compile(r"\A (?:the|an?) ")
_START = re.compile(r"(?: (?:in|at|the|a|an|that|it's|it|is|because|of|with|this|option))* ")
_ENDING = re.compile(r"(?:'s|(?<=\w{3})(?:ing|es|ed|s|e))\Z")
_DOUBLED = re.compile(r"(.)\1\Z")
_STOP_WORDS_WORDS = """
the and are its his her their this that she was there both about around roughly
through into onto from towards toward sense feeling kind sort
"""
_STOP_WORDS = frozenset(_STOP_WORDS_WORDS.split())


def mark_texts(text: str, options: Options) -> str:
    """Put signs in the place of the texts of options.

    Args:
        text: Cleaned reply in lower case.
        options: Of the question.
    """
    written = [(its.strip(), n) for n, its in enumerate(options.texts) if its > " \u2000"]
    if written and not text.isascii():
        marked = _mark_ideographic(text, written)
        plain = _plain_form(text) if marked == text else text
        text = marked if plain == text else _mark_ideographic(plain, written)
    if options.numbers:
        text = _in_figures(text, options)
    words = words_of(text)
    short = words.count(" ") <= _LONGEST_PART + 2
    found = [
        (its, number)
        for number, whole in enumerate(options.texts)
        if (its := _form_in(words, whole)) and its.strip() not in "aiyou"
    ]
    if not found:
        return text
    tokens = list(_TOKEN.finditer(text))
    line = f" {' '.join(token[0] for token in tokens)} "
    spans: list[tuple[int, int, int]] = []
    # Longest first, so that "very happy" is not also "happy".
    for its, number in sorted(found, key=lambda pair: -len(pair[0])):
        start = line.find(its)
        while start >= 0:
            first = line.count(" ", 0, start)
            last = first + its.count(" ") - 2
            if not _COMMON.fullmatch(its) or (
                (_ENDS if short else _LABELLED).match(text, tokens[last].end())
                and not text.endswith(("of ", "/", "."), 0, tokens[first].start())
            ):
                spans.append((tokens[first].start(), tokens[last].end(), number))
            masked = _SIGN.sub("_", its[1:-1])
            line = f"{line[: start + 1]}{masked}{line[start + len(its) - 1 :]}"
            start = line.find(its)
    for start, end, number in sorted(spans, reverse=True):
        text = f"{text[:start]}{mark(TEXT, number)}{text[end:]}"
    return text


def _mark_ideographic(text: str, written: list[tuple[str, int]]) -> str:
    for said, number in sorted(written, key=lambda pair: -len(pair[0])):
        if _ideographic(said):
            text = text.replace(_plain_form(said) if said not in text else said, mark(TEXT, number))
    return text


def _plain_form(text: str) -> str:
    """Write the polite forms of Japanese and Korean verbs as the plain ones of most options."""
    return _POLITE_FORM.sub(lambda match: _PLAIN_FORMS[match[0]], text)


def _in_figures(text: str, options: Options) -> str:
    """Write "two" as 2, "between 5 and 10" as 5-10 and -3 as minus 3, as options are kept."""
    text = _NUMBER_WORD.sub(lambda match: _NUMBERS[f" {match[0]} "].strip(), text)
    if (
        any(its.strip()[-3:].count(" ") for its in options.texts)
        and "minus" not in options.texts[0]
    ):
        text = _SPAN.sub(r"\1-\2", text)
    return _MINUS.sub("minus ", text)


@lru_cache(maxsize=8192)
def _ideographic(its: str) -> bool:
    return (
        re.search(
            r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u2600-\u27bf\U0001f300-\U0001faff]", its
        )
        is not None
    )


def _form_in(words: str, whole: str) -> str | None:
    """Return the text of an option as the words of a reply hold it, perhaps without its subject."""
    if whole == " ":
        return None
    if whole in words:
        return whole
    for rest in (_without_subject(whole), _without_article(whole)):
        if rest in words and rest != " ":
            return rest
    return None


def shares_words(text: str, options: Options) -> bool:
    """Return whether a reply holds a meaningful word of an option, or may misspell one."""
    words = words_of(text).split()
    known = {root[:4] for root in _roots("".join(options.texts))}
    return len(words) < 4 or any(word[:4] in known for word in words if _is_meaningful(word))


def text_of_whole(text: str, options: Options) -> str | None:
    """Return the option whose text the whole passage is, or is a part of.

    A part counts only where it is short, says something and occurs in one
    option alone: "Her trembling voice." for "The speaker's trembling voice".
    """
    words = words_of(_in_figures(text.lower(), options) if options.numbers else text)
    exact = [letter for letter, its in options.pairs if its == words] or [
        letter for letter, its in options.pairs if _plain(its) == _plain(words)
    ]
    if exact:
        return exact[0] if len(exact) == 1 else None
    if words.count(" ") > _LONGEST_PART + 1:
        return None
    stripped = _without_start(words)
    if not _says_only(stripped, _content("".join(options.texts))):
        return _misspelt(words, options)
    content = _content(words)
    holders = [
        letter
        for letter, its in options.pairs
        if stripped in its or (len(content) > 1 and content <= _content(its))
    ]
    return holders[0] if len(holders) == 1 else None


@lru_cache(maxsize=8192)
def _plain(words: str) -> str:
    """Leave out articles, conjunctions and apostrophes."""
    return _LITTLE.sub(" ", words).replace("'", "")


def _misspelt(words: str, options: Options) -> str | None:
    """Find the one option that a passage misspells: "sadnes"."""
    if not 5 < len(words) < 40:
        return None
    near = {
        letter
        for letter, its in options.pairs
        if its[1:2] == words[1:2]
        and its.count(" ") == words.count(" ")
        and abs(len(its) - len(words)) <= 3
        and _content(its)
        and (_are_forms(its, words) or SequenceMatcher(None, its, words).ratio() >= _ALIKE)
    }
    return near.pop() if len(near) == 1 else None


def _are_forms(its: str, words: str) -> bool:
    """Return whether two words, with blanks around them, are as alike as "ironic" and "irony"."""
    common: int = sum(takewhile(bool, map(eq, its, words[:-1])))
    return common > 4 and len(words) - common <= 3 and len(its) - common <= 4


def content_of(text: str) -> frozenset[str]:
    """Return the stems of the words of a text that carry meaning."""
    return frozenset(map(_root, _content(words_of(text))))


def is_long(words: str) -> bool:
    """Return whether a text tells so much that it is meant wherever it stands."""
    led = words.count(" ") > 3 and not _ARTICLE.match(words)
    return (
        led or len(_content(words)) > 1 or not words.isascii() or _NUMBER.search(words) is not None
    )


def option_of_key(key: str, options: Options) -> str | None:
    """Return the option that the key of a list means: a letter, a text, a part, or initials."""
    words = key.split()
    for word in (words[0], words[-1]):
        if len(word) == 1 and word.upper() in options.letters:
            rest = " ".join(word for word in words if len(word) > 1)
            own = dict(options.pairs)[word.upper()]
            return word.upper() if rest in own else None
    initials = ["".join(word[0] for word in its.split()) for its in options.texts]
    if initials.count(key) == 1 and len(key) > 1:
        return options.letters[initials.index(key)]
    near = [x for x, its in options.pairs if len(key) > 2 and its.startswith(f" {key}")]
    if len(near) == 1 and len(words) == 1:
        return near[0]
    return text_of_whole(key, options)


def text_covered(text: str, options: Options) -> str | None:
    """Return the one option all of whose meaningful words a short sentence holds, in any form."""
    words = words_of(text.replace("can't", "cannot").replace("n't", " not"))
    if words.count(" ") > _LONGEST_CLAIM or _SENTENCE_END.search(text.strip()):
        return None
    said = _roots(words)
    alone = _told_apart(said, options) if words.count(" ") <= _LONGEST_PART else None
    if alone and not _NEGATION.search(words):
        return alone
    held = [
        (roots, letter, its)
        for letter, its in options.pairs
        if (roots := _roots(its)) and roots <= said
    ]
    widest = [held_one for held_one in held if all(other[0] <= held_one[0] for other in held)]
    if len(widest) > 1 and all(one[0] == widest[0][0] for one in widest):
        # "The face is happier than the audio": the same words, in another order.
        order = _order(words)
        widest = [one for one in widest if _order(one[2]) == [x for x in order if x in one[0]]]
    if len(widest) != 1:
        return None
    negated = _NEGATION.search(words) is not None
    return None if negated != (_NEGATION.search(widest[0][2]) is not None) else widest[0][1]


def _told_apart(said: frozenset[str], options: Options) -> str | None:
    """Return the one option told apart by all its own words, or by half of them and two."""
    roots = {letter: _roots(its) for letter, its in options.pairs}
    found = []
    for letter, own in roots.items():
        others = frozenset[str]().union(*(its for other, its in roots.items() if other != letter))
        distinct = own - others
        if shared := len(distinct & said):
            found.append((letter, shared == len(distinct) or 2 * shared >= max(4, len(distinct))))
    return found[0][0] if len(found) == 1 and found[0][1] else None


@lru_cache(maxsize=8192)
def _roots(words: str) -> frozenset[str]:
    """Return the beginnings of the words that carry meaning."""
    return frozenset(
        _root(word) for word in words.split() if _is_meaningful(word) and word != "not"
    )


def _order(words: str) -> list[str]:
    return [root for word in words.split() if (root := _root(word)) in _roots(words)]


def text_at_start(text: str, options: Options) -> str | None:
    """Return the option whose text a passage begins with; of several, the longest."""
    words = words_of(text[:_LONGEST_TEXT])
    stripped = _without_start(words)
    found = [
        (len(its), letter)
        for letter, its in options.pairs
        if words.startswith(its) or stripped.startswith(_without_start(its))
        if _content(its)
    ]
    return max(found)[1] if found else None


def claim_made(text: str, options: Options, *, alone: bool = False) -> str | None:
    """Find the option of yes or no that a reply of one sentence claims, or the other denied.

    "They do not convey the same emotion" denies "Yes, they convey the same
    emotion". All the words of the claim that carry meaning must occur, or, after
    a pronoun, nothing else: "They match". Where it must stand ``alone``, both.
    """
    claimed = [(letter, its, claim) for letter, its in options.pairs if (claim := _claim(its))]
    if not claimed:
        return None
    words = words_of(text)
    if words.count(" ") > _LONGEST_CLAIM or _SENTENCE_END.search(text.strip()):
        return None
    said = _claim(words)
    opposite = dict(zip(options.letters, reversed(options.letters), strict=True))
    spelt_out = words.replace("n't ", " not ")
    denied = _NEGATION.search(words) is not None
    claims = {
        opposite[letter] if denied != (_NEGATION.search(its) is not None) else letter
        for letter, its, claim in claimed
        if (
            claim == said
            if alone
            else (len(claim) > 1 and claim <= said)
            or ((rest := _YES_OR_NO.sub(" ", its)).count(" ") > 2 and rest in spelt_out)
            or (_PRONOUN_FIRST.match(words) and said and said <= claim)
        )
    }
    return claims.pop() if len(claims) == 1 else None


@lru_cache(maxsize=8192)
def _claim(words: str) -> frozenset[str]:
    return frozenset(word for word in _content(words) if not _NOT_CLAIMED.fullmatch(word))


@lru_cache(maxsize=8192)
def _without_subject(its: str) -> str:
    """Cut "he is afraid of the dog" to what a reply says of "the man"."""
    rest = _SUBJECT.sub(" ", its)
    return rest if len(_content(rest)) > 1 else its


@lru_cache(maxsize=8192)
def _without_start(words: str) -> str:
    """Leave out the little words that a text begins with."""
    start = _START.match(words)
    return words if start is None else words[start.end() - 1 :]


@lru_cache(maxsize=8192)
def _without_article(words: str) -> str:
    rest = _ARTICLE.sub(" ", words)
    return rest if _content(rest) else words


def _says_only(words: str, known: frozenset[str]) -> bool:
    """Return whether words carry meaning, and none but what is known."""
    meaningful = [word for word in words.split() if _is_meaningful(word)]
    return bool(meaningful) and all(_stem(word) in known for word in meaningful)


@lru_cache(maxsize=8192)
def _content(words: str) -> frozenset[str]:
    """Return the stems of the words that carry meaning."""
    return frozenset(_stem(word) for word in words.split() if _is_meaningful(word))


def _is_meaningful(word: str) -> bool:
    return len(word) > 2 and word not in _STOP_WORDS


@lru_cache(maxsize=8192)
def _root(word: str) -> str:
    """Return what "runs" and "running" have in common."""
    return _DOUBLED.sub(r"\1", _stem(word))[:5]


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    return _ENDING.sub("", word)
