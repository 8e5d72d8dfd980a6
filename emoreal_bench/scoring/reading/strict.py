"""The strict reading of a reply: one answer, or none.

A reply is read in stages, from what gives an answer most plainly to what
merely mentions one: the whole reply, what it begins with or announces ("the
answer is B"), and whatever options it mentions. The first stage that finds
something decides, and where it finds two different answers there is none.
Rejected options ("not A but B", "C is wrong") are not mentions, the article
"a" is not a letter, and statements are not interpreted: "nobody shouts" names
no option.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from emoreal_bench.scoring.reading.announced import changes_mind, comparison_in, cues_in
from emoreal_bench.scoring.reading.cleaning import clean
from emoreal_bench.scoring.reading.letters import (
    COMPOUND,
    is_article,
    is_rejected_after,
    letters_in,
)
from emoreal_bench.scoring.reading.option_texts import (
    claim_made,
    text_at_start,
    text_of_whole,
    texts_in,
)
from emoreal_bench.scoring.reading.options import Options
from emoreal_bench.scoring.reading.places import is_place, place_at_start, with_letters
from emoreal_bench.scoring.reading.strict_words import are_emotions, read_label
from emoreal_bench.scoring.reading.yes_no_words import (
    polarities_in,
    polarity_at_start,
    without_both,
)

_REMEMBERED = 16_384
_OFF_LIST = "?"
"""Stands for an answer that is not one of the options, or for two at once."""
_LIKELY_LETTERS = "ABCDEFGH"
"""Letters that, in front, are meant as an option even if there is none such."""
_ONLY_LETTER = re.compile(
    r"\W*(?:(?:the\s+)?(?:(?:final|correct|right|best)\s+)*(?:answer|option|choice|letter)\W*(?:is\W*)?)?"
    r"([A-Za-z])\W*\Z",
    re.I,
)
_LETTER_FIRST = re.compile(
    r"\W*+(?:(?:option|choice|answer|letter)\s+)?[\"'(\[{]*([A-Za-z])(?![\w'])"
    rf"(?!{COMPOUND})",
    re.I,
)
_CLOSED = re.compile(r"[\"']?\s*(?:[)\]}.:,;\"'=-]|\n|\Z)")
_CLOSERS = re.compile(r"\A[)\]}.:,;\"'\s=-]*")
_SECOND_LETTER = re.compile(
    r"[)\]}.:?\"']*(?:\s*(?:,|/|&|\+|\||,?\s*(?:and|or|and/or|or maybe|or possibly|as well as"
    r"|along with|together with|plus)\b|\n)\s*"
    r"(?:(?:[Oo]ption|[Cc]hoice|maybe|possibly)\s+)?[\"'(\[{]*|\s+[(\[{]+|\s+(?=[A-Z](?:\s+[A-Z]\b|\W*\Z)))"
    r"([A-Z])(?![\w'])"
)
_LAST_SENTENCE = re.compile(
    r"[:;.!?](?:(?<=[:;])\s+|(?<=[.!?])\s+(?!A\Z))[\"'(\[]*([A-Z])[\"')\].!]*\s*\Z"
)
_LAST_CLAUSE = re.compile(
    r"[,.!?;-]\s+(?i:(?:it's|it is|so|then|must be)\s+)*[\"'(\[]*([A-Z])[\"')\].!]*\s*\Z"
)
_SUPPOSED = re.compile(r"\b(?:if|were|had)\b[^.!?]*\Z", re.I)
_NOT_FIRST = re.compile(
    r"\W*(?:definitely |certainly |clearly )?not\b.*?\bbut(?: rather)?\b", re.I | re.S
)
_JOINED_BEFORE = re.compile(
    r"(?:\bor|(?<![\w'])[A-Z][)\]}\"']*\s*(?:and|&|as well as|plus|along with|together with))\s+"
    r"(?:option\s+)?[\"'(\[{]*\Z"
)
_VERDICT = re.compile(
    r"[)\]}.\"']*\s*,?\s*(?:(?:is|are|as|was|seems|appears|looks|would|must|be|to|remains|fits|matches|the|most|my"
    r"|clearly|definitely|likely|probably|therefore|thus|a|more|much|far)\s+)*"
    r"(?:correct|right|best|better|answer|true|likely|accurate|appropriate|fitting|winner|choice)\b",
    re.I,
)


def read_choice(text: str, options: Options, *, cut_off: bool = False) -> str | None:
    """Read the one option that a reply chooses.

    Args:
        text: The reply as the model wrote it.
        options: Of the question.
        cut_off: Whether the reply ends where the limit of tokens cut it. One
            that was going through the options has then not chosen those it
            got to, unless it says so.

    Returns:
        Its letter; None if the reply chooses none, several, or something else.
    """
    return _read(text, options, yes_no=False, cut_off=cut_off)


def read_yes_no(text: str, options: Options, *, cut_off: bool = False) -> str | None:
    """Read the one option that a reply to a yes/no question chooses.

    As :func:`read_choice`; the words yes and no answer too.

    Raises:
        ValueError: If the options are not one yes and one no.
    """
    return _read(text, options, yes_no=True, cut_off=cut_off)


@lru_cache(maxsize=_REMEMBERED)
def _read(text: str, options: Options, *, yes_no: bool, cut_off: bool) -> str | None:
    reader = _reader(options, yes_no=yes_no)
    reply = with_letters(clean(text), options.letters)
    comparison = comparison_in(reply) if cut_off else None
    if comparison is not None:
        found = reader.announced(reply, comparison)
    else:
        found = reader.whole(reply) or reader.stated(reply) or reader.mentioned(reply)
    answer = found.pop() if len(found) == 1 else _OFF_LIST
    return None if answer == _OFF_LIST else answer


@lru_cache(maxsize=_REMEMBERED)
def _reader(options: Options, *, yes_no: bool) -> _Reader:
    polarity = dict(zip((True, False), options.polarity(), strict=True)) if yes_no else None
    return _Reader(options, polarity)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads cleaned replies to one question.

    Attributes:
        options: Of the question.
        polarity: The letters of yes (True) and no (False), for a yes/no question.
    """

    options: Options
    polarity: Mapping[bool, str] | None

    def whole(self, reply: str) -> set[str]:
        """Read a reply that is nothing but an answer."""
        match = _ONLY_LETTER.match(reply)
        if match:
            return {self._lone_letter(match[1].upper())}
        if is_place(reply):
            return {place_at_start(reply, self.options.letters) or _OFF_LIST}
        led = _LETTER_FIRST.match(reply)
        if led and led[1].upper() in self.options.letters and _CLOSED.match(reply, led.end()):
            text = text_of_whole(reply[led.end() :], self.options)
            return {self._checked(led[1].upper(), reply[led.end() :])} if text else set()
        text = text_of_whole(reply, self.options)
        return {text} if text else set()

    def _lone_letter(self, letter: str) -> str:
        if letter in self.options.letters:
            return letter
        return self.polarity[letter == "Y"] if self.polarity and letter in "YN" else _OFF_LIST

    def stated(self, reply: str) -> set[str]:
        """Read what a reply begins with, ends with and announces."""
        found, finals = self._announcements(reply)
        found += self._lines(reply)
        return _latest(reply, finals or sorted(found)) or self._after_colon(reply)

    def announced(self, reply: str, comparison: int) -> set[str]:
        """Read what a reply announces, or begins with before it compares the options."""
        found, finals = self._announcements(reply)
        end_of_sentence = max(reply.rfind(sign, 0, comparison) for sign in ".!?\n") + 1
        leading = self._leading(reply[:end_of_sentence])
        if leading:
            found.append((0, leading))
        return _latest(reply, finals or sorted(found))

    def _announcements(self, reply: str) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
        """Find where a reply states an answer, and where it calls it final."""
        found: list[tuple[int, str]] = []
        finals: list[tuple[int, str]] = []
        leading = self._leading(reply)
        if leading:
            found.append((0, leading))
            found += self._lone_mention(reply, leading)
        for cue in cues_in(reply):
            value = self._value(reply[cue.end :])
            if value:
                (finals if cue.final else found).append((cue.start, value))
        found += self._verdicts(reply)
        return found, finals

    def _after_colon(self, reply: str) -> set[str]:
        """Read the text of an option to which a reply leads up: "From her tone: joy"."""
        _, colon, end = reply.rpartition(": ")
        text = text_of_whole(end, self.options) if colon else None
        return {text} if text else set()

    def mentioned(self, reply: str) -> set[str]:
        """Read whatever options a reply mentions."""
        letters = {letter for _, letter in letters_in(reply, self.options.letters)}
        if letters:
            return letters
        if self.polarity:
            words = {self.polarity[answer] for answer in polarities_in(without_both(reply))}
            if words:
                return words
            texts = texts_in(reply, self.options) - set(self._bare_polarities())
            return texts or self._restated(reply)
        return texts_in(reply, self.options) or self._emotions(reply)

    def _emotions(self, reply: str) -> set[str]:
        """Read "he is scared" where the options are emotions and one of them is fear."""
        if not are_emotions(self.options.texts):
            return set()
        label = read_label(reply, self.options.texts, broaden=False)
        return {letter for letter, text in self.options.pairs if text == label}

    def _restated(self, reply: str) -> set[str]:
        """Read a sentence that says, or denies, what the yes or the no option claims."""
        letter = claim_made(reply, self.options)
        return {letter} if letter else set()

    def _bare_polarities(self) -> Iterator[str]:
        """Return the options whose text is but yes or no, which is read as a word."""
        for letter, text in self.options.pairs:
            if text in (" yes ", " no "):
                yield letter

    def _leading(self, reply: str) -> str | None:
        if _NOT_FIRST.match(reply):
            return self._value(reply)
        match = _LETTER_FIRST.match(reply)
        closed = match is not None and _CLOSED.match(reply, match.end()) is not None
        if match and self._is_leading_letter(reply, match, closed=closed):
            letter = match[1].upper()
            return self._checked(letter, reply[match.end() :])
        place = place_at_start(reply, self.options.letters)
        if place:
            return place
        if self.polarity and not (match and closed):
            answer = polarity_at_start(without_both(reply))
            if answer is None:
                return None
            claimed = claim_made(reply, self.options, alone=True)
            return self.polarity[answer] if claimed in (None, self.polarity[answer]) else _OFF_LIST
        return None

    def _lone_mention(self, reply: str, leading: str) -> list[tuple[int, str]]:
        """Find the letter that contradicts a leading yes or no: "Yes (B)"."""
        if not self.polarity or _LETTER_FIRST.match(reply):
            return []
        mentions = letters_in(reply, self.options.letters)
        return [] if leading in {letter for _, letter in mentions} else list(mentions)

    def _is_leading_letter(self, reply: str, match: re.Match[str], *, closed: bool) -> bool:
        letter = match[1].upper()
        if not closed:
            if letter in "AI" and is_article(reply, match.end()):
                return text_at_start(reply[match.end() :], self.options) == letter
            if match[1].islower() or letter not in self.options.letters:
                return False
        elif letter not in self.options.letters:
            return letter in _LIKELY_LETTERS
        return not is_rejected_after(reply, match.end()) and not self._lists_options(reply, letter)

    def _lists_options(self, reply: str, first: str) -> bool:
        """Return whether a reply goes through the options: others begin a line or are quoted."""
        return any(
            reply[:start].rstrip(" ([").endswith("\n")
            or self._option_at_start(reply[start + 1 :]) == letter
            for start, letter in letters_in(reply, self.options.letters)
            if letter != first
        )

    def _checked(self, letter: str, after: str) -> str:
        """Turn a letter into a conflict if another letter or option's text stands beside it."""
        second = _SECOND_LETTER.match(after)
        if second and second[1] != letter and second[1] in self.options.letters:
            return _OFF_LIST
        if letter not in self.options.letters:
            return _OFF_LIST
        return letter if self._option_at_start(after) in (None, letter) else _OFF_LIST

    def _option_at_start(self, passage: str) -> str | None:
        """Find the option whose text, or yes or no, a passage begins with."""
        passage = _CLOSERS.sub("", passage, count=1)
        if not self.polarity:
            return text_at_start(passage, self.options)
        answer = polarity_at_start(passage)
        return None if answer is None else self.polarity[answer]

    def _value(self, passage: str) -> str | None:
        """Read the answer with which a passage begins."""
        passage = passage.lstrip(" \n:\"'")
        turned = _NOT_FIRST.match(passage)
        if turned:
            passage = passage[turned.end() :].lstrip()
        line = passage.split("\n", 1)[0]
        place = place_at_start(line, self.options.letters)
        if place:
            return place
        match = _LETTER_FIRST.match(line)
        if match and not self._is_word(line, match):
            letter = match[1].upper()
            return self._checked(letter, line[match.end() :])
        if self.polarity:
            answer = polarity_at_start(without_both(line))
            return None if answer is None else self.polarity[answer]
        return text_at_start(line, self.options) or text_of_whole(line, self.options)

    def _is_word(self, line: str, match: re.Match[str]) -> bool:
        """Return whether a lone letter is a word ("a man", "I think") and no option."""
        if _CLOSED.match(line, match.end()):
            return False
        letter = match[1]
        if letter.upper() not in self.options.letters:
            return True
        return is_article(line, match.end()) if letter in "AaIi" else letter.islower()

    def _lines(self, reply: str) -> list[tuple[int, str]]:
        """Read the first and the last of several lines, where they are nothing but an answer."""
        closing = None
        if reply.rstrip().rstrip("\"')].!")[-1:].isupper():  # Else neither can match.
            closing = _LAST_SENTENCE.search(reply)
            if not closing and changes_mind(reply):
                closing = _LAST_CLAUSE.search(reply)
        if closing and closing[1] in self.options.letters:
            return [(closing.start(1), closing[1])]
        last = reply.rfind("\n") + 1
        if not last:
            return []
        edges = {0: reply.split("\n", 1)[0], last: reply[last:]}
        return [
            (start, letter)
            for start, line in edges.items()
            for letter in self.whole(line) - {_OFF_LIST}
        ]

    def _verdicts(self, reply: str) -> list[tuple[int, str]]:
        """Find letters that are called right: "(B) is the best answer"."""
        return [
            (start, letter)
            for start, letter in letters_in(reply, self.options.letters)
            if (verdict := _VERDICT.match(reply, start + 1))
            and not _JOINED_BEFORE.search(before := reply[max(0, start - 80) : start])
            and not ("would" in verdict[0] and _SUPPOSED.search(before))
        ]


def _latest(reply: str, found: list[tuple[int, str]]) -> set[str]:
    """Keep the last answer where the reply changes its mind, and all answers otherwise."""
    answers = {answer for _, answer in found}
    if len(answers) > 1 and changes_mind(reply[: found[-1][0] + 20]):
        return {found[-1][1]}
    return answers
