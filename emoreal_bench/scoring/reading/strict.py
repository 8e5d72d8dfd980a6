"""The strict reading of a reply: one answer, or none.

A cleaned reply is marked: each mention of an answer, whether letter, word or
text, becomes one sign (:mod:`.marks`). What the reply rejects is struck out,
and the first stage that finds something decides: what it calls final, what it
begins with or announces, its list of verdicts, and whatever it mentions. Two
different answers in the deciding stage are none, unless it changed its mind.
Statements are not interpreted: "nobody shouts" names no option.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from emoreal_bench.scoring.reading import verdicts
from emoreal_bench.scoring.reading.cleaning import (
    clean,
    first_turn,
    without_politeness,
    without_reasoning,
)
from emoreal_bench.scoring.reading.emotions import are_emotions, mark_emotions
from emoreal_bench.scoring.reading.letters import mark_letters, with_letters
from emoreal_bench.scoring.reading.marks import (
    ANY,
    BARE,
    LETTER,
    OFF_LIST,
    REJECTED,
    TEXT,
    WEAK,
    WORD,
    any_of,
    kind_of,
    mark,
    number_of,
)
from emoreal_bench.scoring.reading.option_texts import (
    claim_made,
    mark_texts,
    shares_words,
    text_covered,
    text_of_whole,
)
from emoreal_bench.scoring.reading.options import Options
from emoreal_bench.scoring.reading.refusals import is_refusal
from emoreal_bench.scoring.reading.structured import spell_out
from emoreal_bench.scoring.reading.walks import is_refuted, take_walk
from emoreal_bench.scoring.reading.yes_no_words import mark_yes_no

_REMEMBERED = 16_384
_ONLY_LETTER = re.compile(r"[\s(\[\"'*]*+([A-Za-z])[\s)\].\"'*:,]*+\Z")
_SIGN = re.compile(ANY)
_LED = re.compile(r"[\s(\[\"'*]*+[A-Z][)\]\"']?\s?[)\].:,;-]")
_LEADING = re.compile(
    r"\A[\W_]*?(?:(?:well|h+m+|okay|ok|oh|so|sure|thus|then|most likely|likely|probably|clearly"
    r"|obviously|definitely|surely|certainly|i think|i guess|i believe|i'd say"
    r"|it's|it is|that's|this is|that is|maybe|perhaps|possibly|my answer|mostly|mainly"
    r"|primarily|predominantly|the|option|choice|answer|letter|it looks like|looks like"
    r"|most probably|absolutely|of course|both|great question"
    r"|\d+\s?%|going with|let me go with|let's go with|es|ist|c'est|la|die|der|je choisis|a"
    r"|an)\b[\s,:!]*+)*+"
    rf"[\s\"'(\[]*+({ANY})"
)
_LEADS_ON = re.compile(
    r"[)\]}\"'*]*\s*(?:[.,;:!)\-=/|(\n\u2026]|\Z|(?:because|since|as|due|given|is|for|with|but"
    r"|though|it)\b|[^\x00-\x7f])"
)
_BUT = re.compile(r"\b(?:but|yet|however|instead)\b[^.!?\n]{0,120}?[\ue000-\ue13f]")
_NOT_LEADING = re.compile(r"\s*(?:would|could|might|may|says|states|if|comes|when)\b")
_QUESTION = re.compile(r"(?:\A|(?<=[.!?\n]))[^.!?\n]*+\?++")
_TOLD = 110
"""Characters: a reply longer than this may mention a letter by the way."""
_SENTENCE_END = re.compile(r"[.!?]\s+\S|\n|[.!?][\u3040-\ud7af]|[\u3040-\ud7af][^\n]{28}")
_THING = re.compile(
    rf"(?<!only )(?<!is )(?<!choose )(?<!= )(?<!\n)(?<!\| ){any_of(BARE)}"
    rf"|{any_of(BARE)}(?= \d)|{any_of(WEAK)}|{any_of(LETTER)}(?![)\]\"'*]*(?:[.!,]|\s*(?:\Z|\n)))"
)
_FIRST_PARAGRAPH = re.compile(
    rf"[^\w\n\ue000-\ue1ff]*+(?:(?:the\s|my\s)?(?:final\s|correct\s)?(?:answer|option|choice|emotion|label"
    rf"|sentiment)(?:\sis|:)[^\w\n\ue000-\ue1ff]*+)?({ANY})[^\w\n\ue000-\ue1ff]*\n[^\w\n\ue000-\ue1ff]*\n"
    rf"(?=[^\w\ue000-\ue1ff]*+\w)"
)
_QUOTATION = re.compile(
    r'"([^"\n]{0,300})"' + r"|(?<![\w'])'((?:[^'\n]|(?<=\w)'(?=\w)){0,300})'(?!\w)"
)
_QUOTES_ANSWER = re.compile(
    r"(?:\A|=|\n|\b(?:is|are|choose|pick|select|say)|\b(?:option|answer|choice|label|emotion"
    r"|response|output|verdict|class|final)[\s:]*)\s*\Z"
)
_OTHER_WORD = re.compile(r"\b(?!(?:options?|the|an?|answer)\b)[^\W\d_]")
_WORD_CHARACTER = re.compile(r"[^\W_]")


def read_choice(text: str, options: Options, *, cut_off: bool = False) -> str | None:
    """Read the one option that a reply chooses.

    Args:
        text: The reply as the model wrote it.
        options: Of the question.
        cut_off: Whether the reply ends where the limit of tokens cut it. One
            that was thinking or going through the options has then not chosen
            those it got to, unless it says so.

    Returns:
        Its letter; None if the reply chooses none, several, or something else.
    """
    return _read_options(text, options, yes_no=False, cut_off=cut_off)


def read_yes_no(text: str, options: Options, *, cut_off: bool = False) -> str | None:
    """Read the one option that a reply to a yes/no question chooses.

    As :func:`read_choice`; the words yes and no answer too, if the options are
    one yes and one no.
    """
    return _read_options(text, options, yes_no=True, cut_off=cut_off)


def read_label(
    text: str, labels: Sequence[str], *, broaden: bool = True, cut_off: bool = False
) -> str | None:
    """Read the one class that a reply names.

    Args:
        text: The reply as the model wrote it.
        labels: The classes of the task.
        broaden: Whether a class that the task lacks counts as its broader one.
        cut_off: As for :func:`read_choice`.

    Returns:
        The class; None if the reply names none or several ("unmapped").
    """
    return _read_label(text, tuple(labels), broaden=broaden, cut_off=cut_off)


@lru_cache(maxsize=_REMEMBERED)
def _read_label(text: str, labels: tuple[str, ...], *, broaden: bool, cut_off: bool) -> str | None:
    answers = tuple(labels)
    names = frozenset(label.lower() for label in labels)
    marker = partial(mark_emotions, labels=answers, broaden=broaden)
    number = _Reader(names, lambda reply: marker(reply.lower()), emotions=True).read(
        text, cut_off=cut_off
    )
    return None if number is None else answers[number]


@lru_cache(maxsize=_REMEMBERED)
def _read_options(text: str, options: Options, *, yes_no: bool, cut_off: bool) -> str | None:
    reader = _reader(options, yes_no=yes_no)
    only = _ONLY_LETTER.match(text)
    if only and only[1].upper() in options.letters:
        return only[1].upper()
    number = reader.read(text, cut_off=cut_off)
    return None if number is None else options.letters[number]


@lru_cache(maxsize=_REMEMBERED)
def _reader(options: Options, *, yes_no: bool) -> _Reader:
    names = {letter.lower() for letter in options.letters}
    names |= {text.strip() for text in options.texts}
    if yes_no:
        try:
            yes, no = (options.letters.index(letter) for letter in options.polarity())
        except ValueError:  # Not one yes and one no: they answer as the options of a choice.
            return _reader(options, yes_no=False)
        marker = partial(_mark_polar, options=options, yes=yes, no=no)
        return _Reader(frozenset(names | {"yes", "no"}), marker, options, polarity=(yes, no))
    emotions = are_emotions(options.texts)
    marker = partial(_mark_choice, options=options, emotions=emotions)
    return _Reader(frozenset(names), marker, options, emotions=emotions)


def _mark_choice(reply: str, options: Options, *, emotions: bool) -> str:
    reply = mark_letters(with_letters(reply, options.letters), options).lower()
    reply = mark_texts(reply, options)
    if emotions:
        reply = mark_emotions(reply, options.texts, broaden=False)
    return reply


def _mark_polar(reply: str, options: Options, yes: int, no: int) -> str:
    reply = mark_letters(with_letters(reply, options.letters), options).lower()
    if options.claims:
        reply = mark_texts(reply, options)
    return mark_yes_no(reply, yes, no)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads replies to one question.

    Attributes:
        names: What an answer may be called, in lower case.
        marker: Puts signs in the place of answers.
        options: Of the question; None for labels.
        emotions: Whether the answers are emotions.
        polarity: The numbers of yes and of no, for a yes/no question.
    """

    names: frozenset[str]
    marker: Callable[[str], str]
    options: Options | None = None
    emotions: bool = False
    polarity: tuple[int, int] | None = None

    def read(self, text: str, *, cut_off: bool) -> int | None:
        """Return the number of the answer; None if there is none or several."""
        if "{" in text or "[" in text or "dict(" in text:
            text = spell_out(first_turn(without_reasoning(text)), self.names)
        reply = clean(text)
        found = self._whole(reply)
        if found is None:
            marked = _without_quotations(self.marker(without_politeness(reply)))
            found = self._decide(marked, reply, cut_off=cut_off)
        return found if found != OFF_LIST else None

    def _whole(self, reply: str) -> int | None:
        """Read a reply that is nothing but the text of an option, or a part of it."""
        if self.options is None or len(reply) > 400 or _LED.match(reply):
            return None
        if self.polarity and not self.options.claims and len(reply) > 12:
            return None
        return self._number(text_of_whole(reply, self.options))

    def _number(self, letter: str | None) -> int | None:
        return (
            None if letter is None or self.options is None else self.options.letters.index(letter)
        )

    def _decide(self, marked: str, reply: str, *, cut_off: bool) -> int | None:
        signs = _SIGN.findall(marked)
        if not signs:
            return None if cut_off else self._unmarked(marked, reply)
        if not cut_off and len({number_of(sign) for sign in signs}) == 1 and "\n" not in marked:
            found = self._only(_merged(marked) if len(signs) > 1 else marked)
            return found if found is None else self._unless_claimed(found, signs, reply)
        if not cut_off and (found := _first_paragraph(marked)) is not None:
            return found
        walk = take_walk(self._without_echo(_merged(marked)))
        marked = _without_rejected(walk.rest)
        if not _WORD_CHARACTER.search(marked) and walk.found is None:
            return _one({number_of(sign) for sign in _SIGN.findall(marked) or signs})
        if cut_off:
            return self._cut_off(marked, reply)
        outside = _without_questions(_joined(marked))
        stated = self._stated(outside)
        if stated or walk.found is None:
            stated = stated or self._mentioned(outside, reply) or self._remaining(signs, outside)
            answer = _one(stated)
        else:
            answer = walk.found
        return answer if answer is None else self._unless_claimed(answer, signs, reply)

    def _only(self, marked: str) -> int | None:
        """Read a reply that names one answer and no other."""
        if is_refuted(marked):
            return None
        marked = _without_rejected(marked)
        sign = _SIGN.search(marked)
        if sign is None:
            return None
        is_read = _SIGN.search(_without_things(marked)) or _lead(marked) or self._stated(marked)
        return number_of(sign[0]) if is_read else None

    def _unless_claimed(self, answer: int, signs: Sequence[str], reply: str) -> int:
        """Turn a yes into none where the reply then claims what the no option says."""
        if self.options is None or not self.polarity or kind_of(signs[0]) != WORD:
            return answer
        claimed = self._number(claim_made(reply, self.options, alone=True))
        return answer if claimed in (None, answer) else OFF_LIST

    def _without_echo(self, marked: str) -> str:
        """Leave out the list of all options, quoted back in its order."""
        if self.options is None:
            return marked
        everything = range(len(self.options.letters))

        def drop(match: re.Match[str]) -> str:
            signs = _SIGN.findall(match[0])
            numbers = [number_of(sign) for sign in signs[: len(everything)]]
            rest = "\n".join(signs[len(everything) :])
            return f" . \n{rest}" if numbers == list(everything) else match[0]

        return verdicts.LISTED.sub(drop, marked)

    def _cut_off(self, marked: str, reply: str) -> int | None:
        """Read a reply that was cut off: what it announces, and does not take back."""
        marked = _joined(marked)
        compared = verdicts.COMPARED.search(marked)
        thinking = verdicts.THINKING.match(reply.lower())
        places = sorted(_cued(marked))
        if any(final for _, _, final in places):
            return _one({number for _, number, final in places if final})
        if thinking:
            return None
        lead = _lead(marked)
        if lead and not (compared and lead[0] > compared.start()):
            return _one(_latest(marked, [lead, *places]))
        if places:
            doubted = verdicts.DOUBT.search(marked, places[-1][0] + 1)
            if doubted and re.search(r"[.!?\n]", marked[: places[0][0]]):
                return None
            return _one(_latest(marked, places))
        return None if thinking or compared else _one(self._mentioned(marked, reply))

    def _stated(self, marked: str) -> set[int]:
        """Read what a reply begins with, ends with and announces."""
        cued = sorted(_cued(marked))
        places = sorted([*_uncued(marked), *cued])
        if any(number != OFF_LIST for _, number, _ in cued):
            places = [place for place in places if place[1] != OFF_LIST or place in cued]
        if self.emotions:
            places += _emotions_announced(marked)
        finals = [place for place in places if place[2]]
        if finals:
            return _latest(marked, finals)
        if not places and self.options:
            return self._partly_named(marked)
        return (
            _latest(marked, sorted(places))
            if len(places) < 2
            else _concluded(marked, sorted(places))
        )

    def _partly_named(self, marked: str) -> set[int]:
        """Read a part of an option's text where an answer is announced: "it's the trembling"."""
        if self.options is None or _SIGN.search(marked):
            return set()
        if not (self.options.claims or self.polarity is None) or not shares_words(
            marked, self.options
        ):
            return set()
        passages = [
            marked[cue.end() :].split("\n", maxsplit=1)[0].split(". ", maxsplit=1)[0]
            for cue in verdicts.CUE.finditer(marked)
        ]
        passages += [marked.rpartition("\n")[2], marked.partition("\n")[0]]
        if ": " in marked:
            passages.append(marked.rpartition(": ")[2])
        letters = {text_of_whole(passage, self.options) for passage in passages if passage.strip()}
        return {number for letter in letters if (number := self._number(letter)) is not None}

    def _mentioned(self, marked: str, reply: str) -> set[int]:
        """Read whatever a reply mentions: letters first, then words, texts and hints."""
        marked = _without_things(marked)
        hinted = verdicts.HINTED.sub(" ", marked)
        marked = hinted if _SIGN.search(hinted) else marked
        found = _by_kind(marked)
        if len(found) > 1:
            changes = [match.end() for match in verdicts.CHANGED_MIND.finditer(marked)]
            later = _by_kind(marked[changes[-1] :]) if changes else set()
            found = later or found
        return found or self._partly_named(marked) or self._claimed(reply)

    def _unmarked(self, marked: str, reply: str) -> int | None:
        found = self._partly_named(marked) or self._claimed(reply)
        return _one(found)

    def _remaining(self, signs: Sequence[str], marked: str) -> set[int]:
        """Return the one option that is left where a reply rejects all the others."""
        if self.options is None or _SIGN.search(marked) or marked.count(REJECTED) < 2:
            return set()
        left = set(range(len(self.options.letters))) - {number_of(sign) for sign in signs}
        return left if len(left) == 1 else set()

    def _claimed(self, reply: str) -> set[int]:
        """Read a sentence that says, or denies, what the yes or the no option claims."""
        if self.options is None:
            return set()
        if self.polarity is None:
            number = self._number(text_covered(reply, self.options))
            return set() if number is None else {number}
        number = None if is_refusal(reply) else self._number(claim_made(reply, self.options))
        return set() if number is None else {number}


def _by_kind(marked: str) -> set[int]:
    """Return the answers that are named most plainly."""
    found: dict[int, set[int]] = {}
    for sign in _SIGN.findall(marked):
        kind = LETTER if kind_of(sign) == BARE else kind_of(sign)
        found.setdefault(kind, set()).add(number_of(sign))
    return found[min(found)] if found else set()


def _one(found: set[int]) -> int | None:
    if not found:
        return None
    return next(iter(found)) if len(found) == 1 else OFF_LIST


def _merged(marked: str) -> str:
    """Write a letter with its own text as one sign."""

    def merge(match: re.Match[str]) -> str:
        first, second = (sign for sign in match.groups() if sign)
        if number_of(first) == number_of(second):
            return mark(LETTER, number_of(first))
        return match[0]

    return verdicts.ADJACENT.sub(merge, marked)


def _without_rejected(marked: str) -> str:
    """Strike out the answers that a reply rejects."""
    strike = partial(_SIGN.sub, REJECTED)
    if "?" in marked:
        marked = verdicts.ASKED_AND_AFFIRMED.sub(r" \1. ", marked)
    if ">" in marked or "→" in marked:
        marked = verdicts.CHANGED.sub(lambda match: strike(match[1]) + match[2], marked)
        marked = verdicts.RANKED.sub(r"\1", marked)
    if any(
        word in marked for word in ("rank", "order", "least", "descending", "likelihood", " to ")
    ):
        marked = verdicts.RANKING.sub(r"answer: \1", marked)
    marked = verdicts.REJECTED_AFTER.sub(lambda match: strike(match[0]), marked)
    if verdicts.REJECTS.search(marked):
        marked = verdicts.REJECTED_BEFORE.sub(lambda match: strike(match[0]), marked)
        marked = verdicts.SECOND.sub(lambda match: strike(match[0]), marked)
    return marked


def _first_paragraph(marked: str) -> int | None:
    """Return the answer that is a reply's first paragraph, which the model then goes beyond."""
    answer = _FIRST_PARAGRAPH.match(marked)
    if answer is None:
        return None
    return None if _TAKEN_BACK.search(marked, answer.end()) else number_of(answer[1])


def _is_told(marked: str) -> bool:
    """Return whether a reply tells so much that a letter in it may be one of a thing."""
    return len(marked) > _TOLD or _SENTENCE_END.search(marked) is not None


def _without_things(marked: str) -> str:
    """Leave out of a longer text the letters that nothing announces: "platform B"."""
    return _THING.sub("", marked) if _is_told(marked) else marked


def _without_quotations(marked: str) -> str:
    """Leave out what somebody says or what is written somewhere, but not a quoted answer."""

    def leave_out(match: re.Match[str]) -> str:
        quoted = match[match.lastindex or 0]
        signs = _SIGN.findall(quoted)
        if not signs:
            return match[0]
        is_answer = _QUOTES_ANSWER.search(marked, max(0, match.start() - 20), match.start())
        is_said = quoted.endswith((".", ",", "?", "!")) and marked[match.end() :].strip()
        if _OTHER_WORD.search(quoted) or (
            is_said and not _QUOTATION.sub("", marked[: match.start()]).strip()
        ):
            return " " if is_said or not is_answer else match[0]
        is_letter = any(kind_of(sign) in (LETTER, BARE) for sign in signs)
        return match[0] if is_answer or not is_letter else " "

    return _QUOTATION.sub(leave_out, marked) if '"' in marked or "'" in marked else marked


def _joined(marked: str) -> str:
    """Write answers named together as one sign: the same as itself, different ones as none."""

    def join(match: re.Match[str]) -> str:
        numbers = {number_of(sign) for sign in _SIGN.findall(match[0])}
        first = _SIGN.search(match[0])
        number = numbers.pop() if len(numbers) == 1 else OFF_LIST
        return mark(kind_of(first[0]) if first else LETTER, number)

    marked = verdicts.JOINED.sub(join, verdicts.COMPARED_PAIR.sub(" ", marked))
    marked = verdicts.CHOSEN_FROM.sub(" ", marked)
    return verdicts.ADJACENT.sub(_conflict, marked)


def _conflict(match: re.Match[str]) -> str:
    first, second = (sign for sign in match.groups() if sign)
    if ".." in match[0] or (match[5] and "(" not in match[0]):
        return match[0]
    return mark(LETTER, number_of(first) if number_of(first) == number_of(second) else OFF_LIST)


def _without_questions(marked: str) -> str:
    """Leave out questions, unless nothing else answers."""
    if "?" not in marked:
        return marked
    rest = _QUESTION.sub(" ", marked)
    return rest if _SIGN.search(rest) else marked


def _uncued(marked: str) -> Iterator[tuple[int, int, bool]]:
    """Find what a reply begins with, and answers that are a sentence of their own."""
    lead = _lead(marked)
    if lead:
        yield lead
    yield from _alone(marked)


def _concluded(marked: str, places: list[tuple[int, int, bool]]) -> set[int]:
    """Keep the answer that the last sentence of a reply concludes, where they differ."""
    found = _latest(marked, places)
    if len(found) == 1:
        return found
    end = max(marked.rfind(sign, 0, places[-1][0] - 1) for sign in ".!\n;") + 1
    last = {number for place, number, _ in places if place >= end}
    opening = marked[end : places[-1][0]]
    between = _WORD_CHARACTER.search(marked, places[0][0], places[-1][0])
    alone = (
        between and not _WORD_CHARACTER.search(opening) and kind_of(marked[places[-1][0]]) == WORD
    )
    if len(last) == 1 and end > 0 and (alone or verdicts.CONCLUDES.search(opening)):
        first = {
            number
            for place, number, _ in places
            if place < end and verdicts.CONCLUDES.search(marked, max(0, place - 30), place)
        }
        return last if first <= last else found
    return found


def _lead(marked: str) -> tuple[int, int, bool] | None:
    """Find the answer with which a reply begins."""
    lead = _LEADING.match(marked)
    if (
        not lead
        or _NOT_LEADING.match(marked, lead.end())
        or (
            kind_of(lead[1]) not in (LETTER, WORD)
            and not (_LEADS_ON.match(marked, lead.end()) or kind_of(lead[1]) == WEAK)
        )
    ):
        return None
    others = {number_of(sign) for sign in _SIGN.findall(marked) if kind_of(sign) != TEXT}
    if kind_of(lead[1]) == WEAK and len(others) > 1:
        return None
    return lead.start(1), number_of(lead[1]), False


def _cued(marked: str) -> Iterator[tuple[int, int, bool]]:
    """Find the answers that a reply announces or calls right."""
    for cue in verdicts.CUE.finditer(marked):
        sign = marked[cue.end() : cue.end() + 1]
        if not _SIGN.match(sign) or kind_of(sign) == WEAK:
            continue
        start = max(0, cue.start() - 60)
        if not verdicts.NOT_ASSERTED_BEFORE.search(marked, start, cue.start()):
            final = bool(cue["final"] or cue["last"] or cue[0].startswith("final"))
            yield cue.end(), number_of(sign), final
    for match in verdicts.VERDICT.finditer(marked):
        start = max(0, match.start() - 80)
        if not verdicts.NOT_ASSERTED_BEFORE.search(marked, start, match.start()):
            yield match.start(), number_of(match[1]), False


_TAKEN_BACK = re.compile(rf"\b(?:final|correct)\b|{verdicts.CHANGED_MIND.pattern}")
_ALONE = re.compile(
    rf"(?:\A|(?<=[.!:;\n])|(?<=[.!:;\n,-]\s))[ \"'(\[]*+(?:so\s|hence\s|then\s|thus\s|it's\s"
    rf"|option\s|answer\s)?({ANY})[\"')\].!]*+\s*(?=\Z|\n|(?<=[.!])\s)"
)
_INITIAL = re.compile(rf"(?:(?<=:)|(?<=: ))\W*{any_of(BARE)}\. [a-z]")


def _alone(marked: str) -> Iterator[tuple[int, int, bool]]:
    """Find answers that are a sentence or a line of their own."""
    for match in _ALONE.finditer(marked):
        if kind_of(match[1]) != WEAK and not _INITIAL.match(marked, match.start()):
            yield match.start(1), number_of(match[1]), False


def _emotions_announced(marked: str) -> Iterator[tuple[int, int, bool]]:
    for cue in verdicts.EMOTION_CUE.finditer(marked):
        yield cue.end(), number_of(marked[cue.end()]), False


def _latest(marked: str, places: list[tuple[int, int, bool]]) -> set[int]:
    """Keep the last answer where the reply changes its mind, and all answers otherwise."""
    found = {number for _, number, _ in places}
    if len(found) > 1 and verdicts.CHANGED_MIND.search(marked, 0, places[-1][0] + 20):
        return {places[-1][1]}
    if len(found) == 2 and places[0][1] != places[-1][1] and _BUT.search(marked, places[0][0]):
        return {places[-1][1]}
    return found
