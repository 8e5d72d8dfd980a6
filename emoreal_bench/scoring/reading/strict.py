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
from collections.abc import Sequence
from functools import lru_cache, partial

from emoreal_bench.choices import words_of
from emoreal_bench.scoring.reading.emotions import are_emotions, mark_emotions
from emoreal_bench.scoring.reading.letters import mark_letters, with_letters
from emoreal_bench.scoring.reading.option_texts import is_long, mark_texts
from emoreal_bench.scoring.reading.options import Options
from emoreal_bench.scoring.reading.reader import Reader
from emoreal_bench.scoring.reading.yes_no_words import mark_yes_no

_REMEMBERED = 16_384
_SHORT_REPLY = 64
"""Characters of a reply whose reading is remembered: a key holds its reply, and a run must not."""
_READERS = 4_096
"""Readers to keep, two kilobytes each: those of a large task, which model after model answers."""
_ONLY_LETTER = re.compile(r"[\s(\[\"'*]*+([A-Za-z])(?:\s\1)*+[\s)\].\"'*:,]*+\Z")


def read_choice(
    text: str, options: Options, *, question: str = "", cut_off: bool = False
) -> str | None:
    """Read the one option that a reply chooses.

    Args:
        text: The reply as the model wrote it.
        options: Of the question.
        question: Its text, which a reply may repeat; whether it asks for what is
            *not* so decides what a list of verdicts chooses.
        cut_off: Whether the reply ends where the limit of tokens cut it. One
            that was thinking or going through the options has then not chosen
            those it got to, unless it says so.

    Returns:
        Its letter; None if the reply chooses none, several, or something else.
    """
    return _read_options(text, options, question, yes_no=False, cut_off=cut_off)


def read_yes_no(
    text: str, options: Options, *, question: str = "", cut_off: bool = False
) -> str | None:
    """Read the one option that a reply to a yes/no question chooses.

    As :func:`read_choice`; the words yes and no answer too, if the options are
    one yes and one no.
    """
    return _read_options(text, options, question, yes_no=True, cut_off=cut_off)


def read_label(
    text: str,
    labels: Sequence[str],
    *,
    question: str = "",
    broaden: bool = True,
    cut_off: bool = False,
) -> str | None:
    """Read the one class that a reply names.

    Args:
        text: The reply as the model wrote it.
        labels: The classes of the task.
        question: Its text, which a reply may repeat.
        broaden: Whether a class that the task lacks counts as its broader one.
        cut_off: As for :func:`read_choice`.

    Returns:
        The class; None if the reply names none or several ("unmapped").
    """
    read = _read_short_label if len(text) <= _SHORT_REPLY else _read_label
    return read(text, tuple(labels), question, broaden=broaden, cut_off=cut_off)


def _read_label(
    text: str, labels: tuple[str, ...], question: str, *, broaden: bool, cut_off: bool
) -> str | None:
    answers = tuple(labels)
    names = frozenset(label.lower() for label in labels)
    keys = tuple(words_of(label).strip() for label in labels)
    marker = partial(mark_emotions, labels=answers, broaden=broaden)
    number = Reader(names, answers, keys, lambda reply: marker(reply.lower()), emotions=True).read(
        text, question, cut_off=cut_off
    )
    return None if number is None else answers[number]


_read_short_label = lru_cache(maxsize=_REMEMBERED)(_read_label)


def _read_options(
    text: str, options: Options, question: str, *, yes_no: bool, cut_off: bool
) -> str | None:
    read = _read_short_reply if len(text) <= _SHORT_REPLY else _read_reply
    return read(text, options, question, yes_no=yes_no, cut_off=cut_off)


def _read_reply(
    text: str, options: Options, question: str, *, yes_no: bool, cut_off: bool
) -> str | None:
    reader = _reader(options, yes_no=yes_no)
    only = _ONLY_LETTER.match(text)
    if only and only[1].upper() in options.letters:
        return only[1].upper()
    number = reader.read(text, question, cut_off=cut_off)
    return None if number is None else options.letters[number]


_read_short_reply = lru_cache(maxsize=_REMEMBERED)(_read_reply)


@lru_cache(maxsize=_READERS)
def _reader(options: Options, *, yes_no: bool) -> Reader:
    names = {letter.lower() for letter in options.letters}
    keys = tuple(text.strip() for text in options.texts)
    names |= {*keys}
    answers = tuple(f"({letter})" for letter in options.letters)
    long = frozenset(n for n, text in enumerate(options.texts) if is_long(text))
    if yes_no:
        try:
            yes, no = (options.letters.index(letter) for letter in options.polarity())
        except ValueError:  # Not one yes and one no: they answer as the options of a choice.
            return _reader(options, yes_no=False)
        marker = partial(_mark_polar, options=options, yes=yes, no=no)
        return Reader(
            frozenset(names | {"yes", "no"}),
            answers,
            keys,
            marker,
            options,
            polarity=(yes, no),
            long=long,
        )
    emotions = are_emotions(options.texts)
    marker = partial(_mark_choice, options=options, emotions=emotions)
    return Reader(frozenset(names), answers, keys, marker, options, emotions=emotions, long=long)


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
