"""Read one reply to one question, stage by stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from emoreal_bench.choices import words_of
from emoreal_bench.scoring.reading import verdicts
from emoreal_bench.scoring.reading.about import emotions_said_of, without_others, yes_no_said_of
from emoreal_bench.scoring.reading.cleaning import (
    clean,
    first_turn,
    next_questions,
    without_echo,
    without_politeness,
    without_reasoning,
)
from emoreal_bench.scoring.reading.marks import (
    ANY,
    BARE,
    LETTER,
    OFF_LIST,
    REJECTED,
    SIGN,
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
    content_of,
    option_of_key,
    shares_words,
    text_covered,
    text_of_whole,
)
from emoreal_bench.scoring.reading.options import Options, values_in
from emoreal_bench.scoring.reading.passages import (
    are_said,
    joined,
    merged,
    without_asides,
    without_questions,
    without_quotations,
    without_rejected,
    without_things,
)
from emoreal_bench.scoring.reading.refusals import is_refusal
from emoreal_bench.scoring.reading.structured import spell_out
from emoreal_bench.scoring.reading.walks import is_refuted, take_walk, with_keys

_ASKS_FOR_NOT = re.compile(
    r"\bNOT\b|\b(?i:except|excluding|not (?:shown|expressed|present|heard))\b"
)
_REJECTED = re.compile(REJECTED)
_LED = re.compile(r"[\s(\[\"'*]*+[A-Z][)\]\"']?\s?[)\].:,;-]")
_LEADING = re.compile(
    r"\A[\W_]*?(?:(?:well|h+m+|okay|ok|oh|so|sure|thus|then|most likely|likely|probably|clearly"
    r"|obviously|definitely|surely|certainly|i think|i guess|i believe|i'd say|it's|it is|that's"
    r"|this is|that is|maybe|perhaps|possibly|my answer|mostly|mainly|primarily|predominantly|the"
    r"|option|choice|answer|letter|it looks like|looks like|most probably|absolutely|of course"
    r"|both|great question|\d+\s?%|going with|let me go with|let's go with|es|ist|c'est|la|die|der"
    r"|je choisis|a|an)\b[\s,:!]*+)*+"
    rf"[\s\"'(\[]*+({ANY})"
)
_LEADS_ON = re.compile(
    r"[)\]}\"'*]*\s*(?:[.,;:!)\-=/|(\n\u2026]|\Z|(?:because|since|as|due|given|is|for|with|but"
    r"|though|it)\b|[^\x00-\x7f])"
)
_BUT = re.compile(r"\b(?:but|yet|however|instead)\b[^.!?\n]{0,120}?[\ue000-\ue13f]")
_ONLY_ASKED = re.compile(rf"\W*{ANY}\W*?\?+\W*\Z")
_SENTENCES = re.compile(r"(?<=[.!?;])\s|\n")
_KEYED = re.compile(r"(?!(?:this|s?he|it|they|so|the answer)\b)[^:→]{1,40}\s?(?:[:→]|is|=)")
_HEDGED = re.compile(
    r"\b(?:could|might|may|would|possibl[ey]|possible|perhaps|maybe|too|also|either|or|if|second"
    r"|alternatives?|backup|previously|close|last|least|lowest|worst|once|sometimes|partly|third"
    r"|next|other|another|both|pas|ne|rather|depends?|can't|cannot)\b|\?"
)
_ONE_SENTENCE = 80
_CLAUSE_END = re.compile(r"[:;]\s|\s-\s|\b(?:because|since)\b")
_UNDECIDED = re.compile(
    r"\b(?:can't|cannot|could not|couldn't|unable to|not able to|hard to|difficult to"
    r"|impossible to) (?:tell|decide|choose|say) (?:which|between|whether)|\bmake up my mind"
    r"|\bundecided\b|\bcan(?:'t|not) decide\b"
)
_FIRST_PARAGRAPH = re.compile(
    rf"[^\w\n\ue000-\ue1ff]*+(?:(?:the\s|my\s)?(?:final\s|correct\s)?(?:answer|option|choice"
    rf"|emotion|label"
    rf"|sentiment)(?:\sis|:)[^\w\n\ue000-\ue1ff]*+)?({ANY})[^\w\n\ue000-\ue1ff]*\n[^\w\n\ue000-"
    rf"\ue1ff]*\n"
    rf"(?=[^\w\ue000-\ue1ff]*+\w)"
)
_WORD_CHARACTER = re.compile(r"[^\W_]")
_TAKEN_BACK = re.compile(rf"\b(?:final|correct)\b|{verdicts.CHANGED_MIND.pattern}")
_ALONE = re.compile(
    rf"(?:\A|(?<=[.!:;\n])|(?<=[.!:;\n,-]\s))[ \"'(\[]*+(?:so\s|hence\s|then\s|thus\s|it's\s"
    rf"|option\s|answer\s)?({ANY})[\"')\].!]*+\s*(?=\Z|\n|(?<=[.!])\s)"
)
_INITIAL = re.compile(rf"(?:(?<=:)|(?<=: ))\W*{any_of(BARE)}\. [a-z]")


@dataclass(frozen=True, slots=True)
class Reader:
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
            marked = without_quotations(self.marker(listed))
            if self.emotions:
                marked = without_others(marked, question)
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
        signs = SIGN.findall(marked)
        if not signs:
            return None if cut_off else self._unmarked(marked, reply)
        if self._is_open(marked, signs, question):
            return OFF_LIST
        if not cut_off and len({*map(number_of, signs)}) == 1 and "\n" not in marked:
            found = self._only(merged(marked) if len(signs) > 1 else marked)
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
        return bool(undecided) and not SIGN.search(marked, marked.rfind(" but ") % len(marked))

    def _weigh(self, marked: str, reply: str, question: str, *, cut_off: bool) -> int | None:
        """Read a reply that names several answers, or has several lines."""
        signs = SIGN.findall(marked)
        if not cut_off and (found := _first_paragraph(marked)) is not None:
            return found
        wanted_is_not = _ASKS_FOR_NOT.search(question) is not None
        walk = take_walk(merged(marked), wanted_is_not=wanted_is_not)
        marked = without_rejected(walk.rest)
        if not _WORD_CHARACTER.search(marked) and walk.found is None:
            return _one({number_of(sign) for sign in SIGN.findall(marked) or signs})
        if cut_off:
            return self._cut_off(marked, reply)
        if divided := self._divided(marked, question):
            return _one(divided)
        return self._concluded(marked, reply, signs, walk.found)

    def _concluded(
        self, marked: str, reply: str, signs: Sequence[str], listed: int | None
    ) -> int | None:
        """Read the answer that a reply states, lists, mentions, leaves over or ends with."""
        marked = without_asides(without_questions(joined(marked)))
        stated = self._stated(marked)
        if listed is not None:
            return _one(stated) if stated else listed
        found = _one(stated or self._mentioned(marked, reply) or self._remaining(signs, marked))
        if found in (None, OFF_LIST) or verdicts.CHANGED_MIND.search(marked):
            last = _one(self._last_said(marked))
            return found if last is None else last
        return found

    def _divided(self, marked: str, question: str) -> set[int]:
        """Read what is said of what is asked, where something else is said of others."""
        if self.emotions:
            return emotions_said_of(marked, question)
        return yes_no_said_of(marked, question) if self.polarity and question else set()

    def _only(self, marked: str) -> int | None:
        """Read a reply that names one answer and no other."""
        if is_refuted(marked):
            return None
        marked = without_rejected(marked)
        sign = SIGN.search(marked)
        if sign is None:
            return None
        is_read = (
            _lead(marked) or are_said(without_things(marked), self.long) or self._stated(marked)
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
        marked = joined(marked)
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
        if self.options is None or SIGN.search(marked):
            return set()
        if not (self.options.claims or self.polarity is None) or not shares_words(
            marked, self.options
        ):
            return set()
        passages = [
            marked[cue.end() :].split("\n", maxsplit=1)[0].split(". ", maxsplit=1)[0]
            for cue in verdicts.CUE.finditer(marked)
        ]
        first = marked.partition("\n")[0]
        passages += [marked.rpartition("\n")[2], first, first.partition(". ")[0]]
        if ": " in marked:
            passages.append(marked.rpartition(": ")[2])
        letters = {text_of_whole(passage, self.options) for passage in passages if passage.strip()}
        return {number for letter in letters if (number := self._number(letter)) is not None}

    def _mentioned(self, marked: str, reply: str) -> set[int]:
        """Read whatever a reply mentions: letters first, then words, texts and hints."""
        marked = without_things(marked)
        hinted = verdicts.HINTED.sub(" ", marked)
        marked = hinted if SIGN.search(hinted) else marked
        found = _by_kind(marked)
        if len(found) > 1:
            changes = [match.end() for match in verdicts.CHANGED_MIND.finditer(marked)]
            later = _by_kind(marked[changes[-1] :]) if changes else set()
            # What is rejected in one sentence is no candidate in another.
            kept = found - {number_of(sign) for sign in _REJECTED.findall(marked)}
            found = later or kept or found
        if len(found) == 1 and not found <= are_said(marked, self.long):
            return set()
        return found or self._partly_named(marked) or self._claimed(reply)

    def _unmarked(self, marked: str, reply: str) -> int | None:
        found = self._partly_named(marked) or self._claimed(reply if self.polarity else marked)
        return _one(found)

    def _last_said(self, marked: str) -> set[int]:
        """Read the one answer that the last sentence with an answer commits itself to."""
        sentences = [text for text in _SENTENCES.split(marked) if SIGN.search(text)]
        if len(sentences) < 2 or _HEDGED.search(marked, marked.rfind(sentences[-1])):
            return set()
        if (
            kind_of(SIGN.findall(sentences[-1])[-1])
            == WEAK
            > min(map(kind_of, SIGN.findall(marked)))
        ):
            return set()
        shapes = [SIGN.sub("_", text).strip(" .!") for text in sentences]
        if shapes[-1] in shapes[:-1] or all(map(_KEYED.match, sentences)):
            return set()
        said = are_said(sentences[-1].strip(), ())
        return (
            said if len({*map(number_of, SIGN.findall(sentences[-1]))}) == len(said) == 1 else set()
        )

    def _remaining(self, signs: Sequence[str], marked: str) -> set[int]:
        """Return the one option that is left where a reply rejects all the others."""
        if len(_REJECTED.findall(marked)) < 2:
            return set()
        left = {number_of(sign) for sign in SIGN.findall(marked)}
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


def _by_kind(marked: str) -> set[int]:
    """Return the answers that are named most plainly."""
    found: dict[int, set[int]] = {}
    for sign in SIGN.findall(marked):
        kind = LETTER if kind_of(sign) == BARE else kind_of(sign)
        found.setdefault(kind, set()).add(number_of(sign))
    return found[min(found)] if found else set()


def _one(found: set[int]) -> int | None:
    if not found:
        return None
    return next(iter(found)) if len(found) == 1 else OFF_LIST


def _first_paragraph(marked: str) -> int | None:
    """Return the answer that is a reply's first paragraph, which the model then goes beyond."""
    answer = _FIRST_PARAGRAPH.match(marked)
    if answer is None:
        return None
    return None if _TAKEN_BACK.search(marked, answer.end()) else number_of(answer[1])


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
        or verdicts.NOT_LEADING.match(marked, lead.end())
        or (
            kind_of(lead[1]) not in (LETTER, WORD)
            and not (_LEADS_ON.match(marked, lead.end()) or kind_of(lead[1]) == WEAK)
        )
    ):
        return None
    others = {number_of(sign) for sign in SIGN.findall(marked) if kind_of(sign) != TEXT}
    if kind_of(lead[1]) == WEAK and len(others) > 1:
        return None
    return lead.start(1), number_of(lead[1]), False


def _cued(marked: str) -> Iterator[tuple[int, int, bool]]:
    """Find the answers that a reply announces or calls right."""
    for cue in verdicts.CUE.finditer(marked):
        sign = marked[cue.end() : cue.end() + 1]
        if not SIGN.match(sign) or kind_of(sign) == WEAK:
            continue
        start = max(0, cue.start() - 60)
        if not verdicts.NOT_ASSERTED_BEFORE.search(marked, start, cue.start()):
            final = bool(cue["final"] or cue["last"] or cue[0].startswith("final"))
            yield cue.end(), number_of(sign), final
    for match in verdicts.VERDICT.finditer(marked):
        start = max(0, match.start() - 80)
        if not verdicts.NOT_ASSERTED_BEFORE.search(marked, start, match.start()):
            yield match.start(), number_of(match[1]), False


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
