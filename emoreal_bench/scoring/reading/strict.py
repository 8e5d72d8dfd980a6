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
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from emoreal_bench.choices import words_of
from emoreal_bench.scoring.reading import verdicts
from emoreal_bench.scoring.reading.cleaning import (
    clean,
    first_turn,
    next_questions,
    without_echo,
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
    rejected,
)
from emoreal_bench.scoring.reading.option_texts import (
    claim_made,
    content_of,
    is_long,
    mark_texts,
    option_of_key,
    shares_words,
    text_covered,
    text_of_whole,
)
from emoreal_bench.scoring.reading.options import Options, values_in
from emoreal_bench.scoring.reading.refusals import is_refusal
from emoreal_bench.scoring.reading.structured import spell_out
from emoreal_bench.scoring.reading.walks import is_refuted, take_walk, with_keys
from emoreal_bench.scoring.reading.yes_no_words import mark_yes_no

_REMEMBERED = 16_384
_SHORT_REPLY = 64
"""Characters of a reply whose reading is remembered: a key holds its reply, and a run must not."""
_READERS = 4_096
"""Readers to keep, two kilobytes each: those of a large task, which model after model answers."""
_ASKS_FOR_NOT = re.compile(
    r"\bNOT\b|\b(?i:except|excluding|not (?:shown|expressed|present|heard))\b"
)
_ONLY_LETTER = re.compile(r"[\s(\[\"'*]*+([A-Za-z])(?:\s\1)*+[\s)\].\"'*:,]*+\Z")
_SIGN = re.compile(ANY)
_RANKS = re.compile("rank|order|least|descending|likelihood| to ")
_REJECTED = re.compile(REJECTED)
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
_PART_END = re.compile(r";|,\s(?:and\b|but\b|perhaps\b|maybe\b|[\ue080-\ue0bf])|\sand\s|\Z")
_PARTS = re.compile(r"[.;\n]|,\s(?:and|but|while|whereas)\s|,\s(?=the\b)")
_PARTLY = re.compile(
    r"\b(?:question|otherwise|depend(?:s|ing)|parts?|half|some\w*|rest|first|second|last|partly|perhaps|maybe)\b"
)
_IF = re.compile(r"\bif\b")
_TURNS = re.compile(
    rf"\b(?:but|yet|however|so|still|though|although|then|therefore|thus|hence|rather|actually"
    rf"|well)\b"
    rf"|->|→|=>|{verdicts.CHANGED_MIND.pattern}"
)
_IS_A_NAME = re.compile(
    r"\s*(?:is|was)\s+(?:for\b|(?:the|a|an|his|her|their|our)\s+(?:first\s+|last\s+)?"
    r"(?:name|title|brand|place|town|nickname)\b)"
)
_NOT_LEADING = re.compile(
    rf"\s*(?:would|could|might|may|says|states|if|comes|when)\b|{_IS_A_NAME.pattern}"
)
_QUESTION = re.compile(r"(?:\A|(?<=[.!?\n]))[^.!?\n]*+\?++")
_ASKED = re.compile(rf"([^.?!\n:]{{0,80}})\?\W*?({any_of(WORD)})")
_ONLY_ASKED = re.compile(rf"\W*{ANY}\W*?\?+\W*\Z")
_FEW_WORDS = 3
_SENTENCES = re.compile(r"(?<=[.!?;])\s|\n")
_KEYED = re.compile(r"(?!(?:this|s?he|it|they|so|the answer)\b)[^:→]{1,40}\s?(?:[:→]|is|=)")
_HEDGED = re.compile(
    r"\b(?:could|might|may|would|possibl[ey]|possible|perhaps|maybe|too|also|either|or|if|second"
    r"|alternatives?|backup"
    r"|previously|close|last|least|lowest|worst|once|sometimes|partly|third|next|other|another"
    r"|both|pas|ne|rather|depends?|can't|cannot)\b|\?"
)
_ASIDE = re.compile(r"\([^()\n]*\w\s[^()\n]*\)")
_ONE_SENTENCE = 80
_CLAUSE_END = re.compile(r"[:;]\s|\s-\s|\b(?:because|since)\b")
_UNDECIDED = re.compile(
    r"\b(?:can't|cannot|could not|couldn't|unable to|not able to|hard to|difficult to"
    r"|impossible to)"
    r" (?:tell|decide|choose|say) (?:which|between|whether)|\bmake up my mind|\bundecided\b"
    r"|\bcan(?:'t|not) decide\b"
)
_TOLD = 110
"""Characters: a reply longer than this may mention a letter by the way."""
_SENTENCE_END = re.compile(r"[.!?]\s+\S|\n|[.!?][\u3040-\ud7af]|[\u3040-\ud7af][^\n]{28}")
_THING = re.compile(
    rf"(?<!only )(?<!is )(?<!choose )(?<!= )(?<!\n)(?<!\| )(?<!es )(?<!est )(?<!ist )"
    rf"{any_of(BARE)}(?!\s?[:=])"
    rf"|{any_of(BARE)}(?= \d)|{any_of(WEAK)}|{any_of(LETTER)}(?![)\]\"'*]*(?:[.!,]|\s*(?:\Z|\n)))"
)
_EAST_ASIAN = re.compile("[\u3040-\u9fff\uac00-\ud7af]")
_SAID_BEFORE = re.compile(
    r"(?:(?:\A\s*|[^\w\s'%/]\s*|[^\x00-\x7f]\s*)(?:[\w'%-]{1,24}+\s{1,3}){0,2}?|\b(?:is|are|was"
    r"|were|be|been"
    r"|being|(?:s?he|it|that|there|what|who|here)'s|isn't|seem(?:s|ed)?|look(?:s|ed)?"
    r"|sound(?:s|ed)?|appear(?:s|ed)?|feel(?:s|ing)?|felt|remains?|stays?|becomes?|turns?|gets?"
    r"|show(?:s|n|ing)?|display(?:s|ing)?|express(?:es|ing)?|convey(?:s|ing)?|suggests?|indicates?"
    r"|reveals?|reflects?|signals?|means?|implies|hear[sd]?|sees?|detect|has|have|had|fits|matches"
    r"|supports?|label(?:led)?|rate|call|read|experiencing|to|as|hid(?:es|ing)|there|prevails|best"
    r"|only|just|simply|but|more|not|full|prefer|choose|tells?|say|betrays?|on|by|of|points?"
    r"|contrasts|est|es|está|ist|zeigt|klingt|wirkt|scheint|empfindet|hat|ha|air|siente"
    r"|sente|parece|semble|montre|exprime|muestra|mostra|mais|sondern|sino|ma|di"
    r"|eher)\s{1,3}(?:[\w'%-]{1,24}+\s{1,3}){0,4}?)[\"'(\[]*\Z"
)
_CALLED = re.compile(
    r"\b(?:called|named|(?:en)?titled|reads?|says|spell(?:s|ed)|written|known\s+as"
    r"|words?|(?:title|name)(?:\s+is)?)\s*[:,]?\s*[\"'(]*\Z"
)
_SAID_AFTER = re.compile(
    r"[\"')\]}|>]*+(?:\s*+(?:\Z|[^\w\s'-]|['-](?!\w))|\s+(?:expressions?|fac(?:es?|ial)|voices?"
    r"|tone|vocal|persons?"
    r"|men|man|wom[ae]n|looks?|moods?|emotions?|emotional|states?|demeanou?rs?|feelings?|speakers?"
    r"|one|options?|and|or|but|is|are|was|because|as|since|labels?|class|sentiments?|attitudes?"
    r"|manner|in|on|at|of|that|than|when|with|for|from|to|rather|instead|not|while|though|due|about"
    r"|over|then|which|who|he|she|they|it|can|could|seems?|comes|here|throughout|by|after|until"
    r"|intensity|category|fits|best|shows?|supports?|indicates?|suggests?|how|what|first|stands"
    r"|beats|the|all|every|this|his|her|their|our"
    r"|matches|carries|gives|hides|follows|people|times?|years?|prevails|dominates|scarf|remains"
    r"|sich|als|que|ce|more)\b)"
)
"""What stands before and behind an answer where a sentence says it of something: "she looks B"."""
_FIRST_PARAGRAPH = re.compile(
    rf"[^\w\n\ue000-\ue1ff]*+(?:(?:the\s|my\s)?(?:final\s|correct\s)?(?:answer|option|choice"
    rf"|emotion|label"
    rf"|sentiment)(?:\sis|:)[^\w\n\ue000-\ue1ff]*+)?({ANY})[^\w\n\ue000-\ue1ff]*\n[^\w\n\ue000-"
    rf"\ue1ff]*\n"
    rf"(?=[^\w\ue000-\ue1ff]*+\w)"
)
_QUOTATION = re.compile(
    r'"([^"\n]{0,300})"' + r"|(?<![\w'])'((?:[^'\n]|(?<=\w)'(?=\w)){0,300})'(?!\w)"
)
_QUOTES_ANSWER = re.compile(
    r"(?:\A|=|\n|\b(?:is|are|choose|pick|select|say)|\b(?:option|answer|choice|label|emotion"
    r"|response|output|verdict|class|final)[\s:]*)\s*\Z"
)
_IS_NAME = re.compile(
    r"\b(?:title|name|song|film|movie|book|poster|sign|banner|programme|show"
    r"|caption)s?\b[^.;\n]{0,24}\Z"
)
_OTHER_WORD = re.compile(r"\b(?!(?:options?|the|an?|answer)\b)[^\W\d_]")
_WORD_CHARACTER = re.compile(r"[^\W_]")


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
    number = _Reader(names, answers, keys, lambda reply: marker(reply.lower()), emotions=True).read(
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
def _reader(options: Options, *, yes_no: bool) -> _Reader:
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
        return _Reader(
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
    return _Reader(frozenset(names), answers, keys, marker, options, emotions=emotions, long=long)


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
        answers: How each is written.
        keys: Its text, in lower case.
        marker: Puts signs in the place of answers.
        options: Of the question; None for labels.
        emotions: Whether the answers are emotions.
        polarity: The numbers of yes and of no, for a yes/no question.
        long: The numbers of the answers of more than one telling word.
    """

    names: frozenset[str]
    answers: tuple[str, ...]
    keys: tuple[str, ...]
    marker: Callable[[str], str]
    options: Options | None = None
    emotions: bool = False
    polarity: tuple[int, int] | None = None
    long: frozenset[int] = frozenset()

    def read(self, text: str, question: str, *, cut_off: bool) -> int | None:
        """Return the number of the answer; None if there is none or several."""
        if "{" in text or "[" in text or "dict(" in text:
            text = spell_out(first_turn(without_reasoning(text)), self.names)
        reply = without_echo(clean(text), question)
        if self.options:
            reply = self.options.without_list(reply)
        for end in next_questions(reply):
            found = self._read_turn(reply[:end].rstrip(), question, cut_off=False)
            if found is not None:
                return found if found != OFF_LIST else None
        found = self._read_turn(reply, question, cut_off=cut_off)
        first, _, rest = reply.partition("\n\n")
        if found == OFF_LIST and rest and not _TAKEN_BACK.search(rest.lower()):
            # The reply answered in its first paragraph, and then went on to something else.
            lead = _lead(self.marker(first))
            found = self._read_turn(first, question, cut_off=False) if lead else found
        return found if found != OFF_LIST else None

    def _read_turn(self, reply: str, question: str, *, cut_off: bool) -> int | None:
        """Read a cleaned reply; :data:`OFF_LIST` if it names several answers."""
        found = self._whole(reply)
        if found is None:
            listed = with_keys(without_politeness(reply), self._number_for, self.answers)
            marked = _without_quotations(self.marker(listed))
            found = self._decide(marked, reply, question, cut_off=cut_off)
        return found

    def _number_for(self, key: str) -> int | None:
        """Return the number of the one answer that the key of a list means."""
        said = words_of(key).strip()
        if said in self.keys:
            return self.keys.index(said)
        if self.options is None or not said:
            near = [n for n, its in enumerate(self.keys) if len(said) > 2 and its.startswith(said)]
            return near[0] if len(near) == 1 else None
        letter = option_of_key(said, self.options)
        return None if letter is None else self.options.letters.index(letter)

    def _whole(self, reply: str) -> int | None:
        """Read a reply that is nothing but the text of an option, or a part of it."""
        if self.options is None or len(reply) > 400 or reply.endswith("?") or _LED.match(reply):
            return None
        if self.polarity and not self.options.claims and len(reply) > 12:
            return None
        return self._number(text_of_whole(reply, self.options))

    def _number(self, letter: str | None) -> int | None:
        return (
            None if letter is None or self.options is None else self.options.letters.index(letter)
        )

    def _decide(self, marked: str, reply: str, question: str, *, cut_off: bool) -> int | None:
        signs = _SIGN.findall(marked)
        if not signs:
            return None if cut_off else self._unmarked(marked, reply)
        if self._is_open(marked, signs, question):
            return OFF_LIST
        if not cut_off and len({*map(number_of, signs)}) == 1 and "\n" not in marked:
            found = self._only(_merged(marked) if len(signs) > 1 else marked)
        else:
            found = self._weigh(marked, reply, question, cut_off=cut_off)
        return found if found is None or cut_off else self._unless_claimed(found, signs, reply)

    def _is_open(self, marked: str, signs: Sequence[str], question: str) -> bool:
        """Return whether a reply asks back, cannot decide, or says no of something else."""
        if _ONLY_ASKED.match(marked):
            return True
        if self.polarity and question and {*signs} == {mark(WEAK, self.polarity[1])}:
            # "No tears" answers what is asked about tears.
            said = content_of(marked)
            return bool(said) and said.isdisjoint(content_of(question))
        undecided = len({*map(number_of, signs)}) > 1 and _UNDECIDED.search(marked)
        return bool(undecided) and not _SIGN.search(marked, marked.rfind(" but ") % len(marked))

    def _weigh(self, marked: str, reply: str, question: str, *, cut_off: bool) -> int | None:
        """Read a reply that names several answers, or has several lines."""
        signs = _SIGN.findall(marked)
        if not cut_off and (found := _first_paragraph(marked)) is not None:
            return found
        wanted_is_not = _ASKS_FOR_NOT.search(question) is not None
        walk = take_walk(_merged(marked), wanted_is_not=wanted_is_not)
        marked = _without_rejected(walk.rest)
        if not _WORD_CHARACTER.search(marked) and walk.found is None:
            return _one({number_of(sign) for sign in _SIGN.findall(marked) or signs})
        if cut_off:
            return self._cut_off(marked, reply)
        if divided := self._divided(marked, question):
            return _one(divided)
        return self._concluded(marked, reply, signs, walk.found)

    def _concluded(
        self, marked: str, reply: str, signs: Sequence[str], listed: int | None
    ) -> int | None:
        """Read the answer that a reply states, lists, mentions, leaves over or ends with."""
        marked = _without_asides(_without_questions(_joined(marked)))
        stated = self._stated(marked)
        if listed is not None:
            return _one(stated) if stated else listed
        found = _one(stated or self._mentioned(marked, reply) or self._remaining(signs, marked))
        if found in (None, OFF_LIST) or verdicts.CHANGED_MIND.search(marked):
            last = _one(self._last_said(marked))
            return found if last is None else last
        return found

    def _divided(self, marked: str, question: str) -> set[int]:
        """Read yes of one thing and no of another as that which is said of what is asked."""
        asked = content_of(question)
        if self.emotions:
            return _said_of(marked, asked)
        if self.polarity is None or not question:
            return set()
        if beside := _beside_other_questions(marked, asked):
            return beside
        said = _ASKED.findall(marked) if marked.count("?") > 1 else []
        if not _differ(said) or _SIGN.search(marked, marked.rfind("?") + 8):
            said = _said_of_parts(marked)
        if any(_PARTLY.search(part) for part, _ in said):
            return {*self.polarity} if _differ(said) else set()
        shared = [(len(content_of(part) & asked), number_of(sign)) for part, sign in said]
        most = max(shared, default=(0, 0))[0]
        return {number for count, number in shared if count == most} if _differ(said) else set()

    def _only(self, marked: str) -> int | None:
        """Read a reply that names one answer and no other."""
        if is_refuted(marked):
            return None
        marked = _without_rejected(marked)
        sign = _SIGN.search(marked)
        if sign is None:
            return None
        is_read = (
            _lead(marked) or _are_said(_without_things(marked), self.long) or self._stated(marked)
        )
        return number_of(sign[0]) if is_read else None

    def _unless_claimed(self, answer: int, signs: Sequence[str], reply: str) -> int:
        """Turn a yes into none where the reply then claims what the no option says."""
        if self.options is None or not self.polarity or kind_of(signs[0]) != WORD:
            return answer
        claimed = self._number(claim_made(reply, self.options, alone=True))
        return answer if claimed in (None, answer) else OFF_LIST

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
            # What is rejected in one sentence is no candidate in another.
            kept = found - {number_of(sign) for sign in _REJECTED.findall(marked)}
            found = later or kept or found
        if len(found) == 1 and not found <= _are_said(marked, self.long):
            return set()
        return found or self._partly_named(marked) or self._claimed(reply)

    def _unmarked(self, marked: str, reply: str) -> int | None:
        found = self._partly_named(marked) or self._claimed(reply if self.polarity else marked)
        return _one(found)

    def _last_said(self, marked: str) -> set[int]:
        """Read the one answer that the last sentence with an answer commits itself to."""
        sentences = [text for text in _SENTENCES.split(marked) if _SIGN.search(text)]
        if len(sentences) < 2 or _HEDGED.search(marked, marked.rfind(sentences[-1])):
            return set()
        shapes = [_SIGN.sub("_", text).strip(" .!") for text in sentences]
        if shapes[-1] in shapes[:-1] or all(map(_KEYED.match, sentences)):
            return set()
        said = _are_said(sentences[-1].strip(), self.long)
        return (
            said
            if len({*map(number_of, _SIGN.findall(sentences[-1]))}) == len(said) == 1
            else set()
        )

    def _remaining(self, signs: Sequence[str], marked: str) -> set[int]:
        """Return the one option that is left where a reply rejects all the others."""
        if len(_REJECTED.findall(marked)) < 2:
            return set()
        left = {number_of(sign) for sign in _SIGN.findall(marked)}
        if left:
            return left if len({*map(number_of, signs)}) == len(self.answers) else set()
        left = set(range(len(self.answers))) - {number_of(sign) for sign in signs}
        return left if len(left) == 1 else set()

    def _claimed(self, reply: str) -> set[int]:
        """Read a sentence that says, or denies, what the yes or the no option claims."""
        if self.options is None:
            return set()
        if self.polarity is None:
            said = values_in(reply) if self.options.values and len(reply) < _ONE_SENTENCE else set()
            if len(said) == 1 and (value := said.pop()) in self.options.values:
                return {self.options.values.index(value)}
            clauses = _CLAUSE_END.split(reply) if "\n" not in reply else []
            for passages in ([reply], *((clauses[:1], clauses[-1:]) if clauses[1:] else ())):
                found = {self._number(text_covered(text, self.options)) for text in passages} - {
                    None
                }
                if found:
                    # What a single word for an emotion says has been marked.
                    return {
                        x for x in found if x is not None and (x in self.long or not self.emotions)
                    }
            return set()
        number = None if is_refusal(reply) else self._number(claim_made(reply, self.options))
        return set() if number is None else {number}


def _differ(said: Sequence[tuple[str, str]]) -> bool:
    return len({number_of(sign) for _, sign in said}) > 1


def _beside_other_questions(marked: str, asked: frozenset[str]) -> set[int]:
    """Return what a reply answers beside one question of its own about something else."""
    pairs = _ASKED.findall(marked) if marked.count("?") == 1 else []
    if len(pairs) != 1:
        return set()
    about = content_of(pairs[0][0])
    is_other = bool(about) and about.isdisjoint(asked)
    return {*map(number_of, _SIGN.findall(_ASKED.sub(" ", marked)))} if is_other else set()


def _said_of(marked: str, asked: frozenset[str]) -> set[int]:
    """Return what the one part says that is about what is asked, where each says something else."""
    if "?" in marked:
        return set()
    parts = [(part, {*map(number_of, _SIGN.findall(part))}) for part in _PARTS.split(marked)]
    said = [(len(content_of(part) & asked), found) for part, found in parts if found]
    if (
        len(said) < 2
        or any(len(found) > 1 for _, found in said)
        or {*map(kind_of, _SIGN.findall(marked))} != {TEXT}
    ):
        return set()
    if len(set().union(*(found for _, found in said))) < len(said):
        return set()
    most = max(said, key=lambda one: one[0])
    return most[1] if sum(count == most[0] for count, _ in said) == 1 else set()


def _said_of_parts(marked: str) -> list[tuple[str, str]]:
    """Return each yes and no of a sentence that turns nowhere, with the part it is said of."""
    if _SENTENCE_END.search(marked) or _TURNS.search(marked):
        return []
    words = [
        match
        for match in _SIGN.finditer(marked)
        if kind_of(match[0]) == WORD and not _NOT_LEADING.match(marked, match.end())
    ]
    said: list[tuple[str, str]] = []
    start = 0
    for word in words:
        end = _PART_END.search(marked, word.end())
        stop = end.start() if end else len(marked)
        said.append((marked[start:stop], word[0]))
        start = stop
    certain = [(part, sign) for part, sign in said if not _IF.search(part)]
    return certain if len(certain) == 1 else said


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
    strike = partial(_SIGN.sub, lambda match: rejected(match[0]))
    if "?" in marked:
        marked = verdicts.ASKED_AND_AFFIRMED.sub(r" \1. ", marked)
    if ">" in marked or "→" in marked or " then " in marked or "followed by" in marked:
        marked = verdicts.CHANGED.sub(lambda match: strike(match[1]) + match[2], marked)
        marked = verdicts.RANKED.sub(r"\1", marked)
    if _RANKS.search(marked):
        marked = verdicts.RANKED_UPWARDS.sub(r"answer: \1", marked)
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


def _are_said(marked: str, long: Collection[int]) -> set[int]:
    """Return the answers that some sentence says of something; others are "a joy ride".

    Args:
        marked: The reply.
        long: The answers whose texts are so long that they are meant wherever they stand.
    """
    if _EAST_ASIAN.search(marked) or marked.count(" ") < _FEW_WORDS:
        return {number_of(sign) for sign in _SIGN.findall(marked)}
    return {
        number_of(match[0])
        for match in _SIGN.finditer(marked)
        if kind_of(match[0]) in (LETTER, WORD, WEAK)
        or (kind_of(match[0]) == TEXT and number_of(match[0]) in long)
        or (
            not _CALLED.search(marked, max(0, match.start() - 40), match.start())
            and not _IS_A_NAME.match(marked, match.end())
            and _SAID_BEFORE.search(marked, max(0, match.start() - 60), match.start())
            and _SAID_AFTER.match(marked, match.end())
        )
    }


def _without_quotations(marked: str) -> str:
    """Leave out what somebody says or what is written somewhere, but not a quoted answer."""

    def leave_out(match: re.Match[str]) -> str:
        quoted = match[match.lastindex or 0]
        signs = _SIGN.findall(quoted)
        if not signs:
            return match[0]
        is_answer = _QUOTES_ANSWER.search(marked, max(0, match.start() - 20), match.start())
        is_said = quoted.endswith((".", ",", "?", "!")) and marked[match.end() :].strip()
        is_name = _IS_NAME.search(marked, max(0, match.start() - 40), match.start())
        if (
            is_name
            or _OTHER_WORD.search(quoted)
            or (is_said and not _QUOTATION.sub("", marked[: match.start()]).strip())
        ):
            return " " if is_name or is_said or not is_answer else match[0]
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


def _without_asides(marked: str) -> str:
    """Leave out what stands in brackets beside an answer, unless nothing else answers."""
    if "(" not in marked:
        return marked
    rest = _ASIDE.sub(" ", marked)
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
