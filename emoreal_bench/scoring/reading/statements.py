"""Tell a statement about what a yes/no question asks from a text that answers nothing.

"The man is shouting and looks furious." holds no answer word, yet takes up what
"Is the man angry?" asks about; "A man sits at a table." does not. No reading is
taken from it: which answer a statement amounts to is not for rules to say.

The content words of the question, and of its options where they hold more than
yes and no, are compared with those of each clause of the reply. Words count as
equal by their stem, or where they belong to one *topic*: all emotions are one
topic, since "he is calm" takes up "is he angry". The lists of words are in
``statement_words.json``. In Chinese, Japanese and Korean the pieces compared are
Chinese characters, katakana, and beginnings of words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from emoreal_bench.choices import split_choice
from emoreal_bench.scoring.reading.cleaning import clean
from emoreal_bench.scoring.reading.emotions import WORDS_FILE as EMOTION_WORDS_FILE

# All texts are compared in lower case.
WORDS_FILE = Path(__file__).with_name("words") / "statement_words.json"
_EMOTION, _AGREEMENT = "emotion", "agreement"
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_RUN = re.compile("[\u3400-\u9fff]+|[\u30a0-\u30ff]{2,}|[\uac00-\ud7af]{2,}")
"""Hiragana is left out: it is grammar for the most part."""
_HANGUL = "\uac00"
_CLAUSE = re.compile("[^.!?;:\n\u3002\uff01\uff1f\uff1b]+[?\uff1f]?")
_CONJUNCTION = re.compile(r"(?<!nothing),?\s+(?:but|while|whereas|although|though|however)\s+")
_QUOTED = re.compile('"[^"\n]*"|\u300c[^\u300d\n]*\u300d|\u00ab[^\u00bb\n]*\u00bb')
_IN_THE_CLIP = re.compile(
    r"\s(?:in|from|of|during|throughout) (?:the|this|that) (?:\w+ )?"
    r"(?:video|audio|clip|scene|footage|recording|picture|image|sound|film|segment)\b"
)
_CIRCUMSTANCE = re.compile(
    r"\s(?:(?:in|on|at|behind|near|beside|under|during|throughout|of|from|to|with|about|for|by)"
    r" (?=(?:the|an?|his|her|their|this)\b)"
    r"|(?:while|when|as|because|after|before|since|despite|due to)\s)"
)
_SEEMS = re.compile(
    r"\b(?:sound|look|seem|appear|feel)s?\s"
    r"(?!(?:at|for|out|to|around|into|through|down|up|away|the|an?|of)\b)"
)
"""Says how somebody seems, which answers "does she sound tired?" whatever the word."""
_IS_SO = re.compile(
    r"\b(\w+)\s(?:is|are|was|were|seems?|sounds?|looks?|remains?|stays?|becomes?|gets?)\s"
    r"(?!(?:that|heard|audible|recorded|coming|from|of)\b)"
)
"""Says how the word before it is."""
_ONLY = re.compile(r"\b(?:nothing but|only|no such)\b")
_PRESENCE = frozenset({"sight", "sound"})
_SUBJECT = re.compile(
    r"\W*(?:is|are|was|were|does|do|did|has|have|can|could|will|would)\s+(?:the|an?|his|her|their)"
    r"\s+(?!\w+(?:ing|ed)\b)(\w+)"
)
"""Whom or what a question asks of: "the dog is brown" says nothing of its barking."""

_ANSWER_WORD = re.compile(
    r"\b(?:yes|yeah|yep|nope|affirmative|oui|nein|sí)\b|\bno(?=\s*(?:[,.;:!)\n]|\Z))"
    r"|\([a-z]\)|(?:\A|\n)\s*[a-z][).:]|\b[a-z]\s+(?:or|and)\s+[a-z]\b"
)
"""Where one of these stands and no single answer was read, the reply contradicts itself."""

_NOT_ASSERTED = re.compile(
    r"\A\W*(?:an? )?(?!(?:he|she|it|this|that|they|there|one)\b)\w+ (?:is|are|has|have|can be)"
    r" (?:an?|one|part|many|always|never)\b"
    r"|\b(?:whether|(?<!as )(?<!even )if|unclear|unsure|uncertain|ambiguous|insufficient|impossible"
    r"|(?:hard|difficult|possible|enough|unable|needs?|have|try|trying|order|going) to"
    r"|not (?:sure|certain|clear)|depends?|either|or not|the question|asked to"
    r"|(?:do not|don't|cannot|can't|could not|couldn't) (?:be )?"
    r"(?:know|tell|say|determined?|judged?|inferred)"
    r"|let(?:'s| us| me)|should|would (?:have|need)|we (?:need|must)|(?:look|listen) for"
    r"|in general|generally|typically|usually|people (?:often|may|can (?!be\b))|one of the"
    r"|(?:can|could|may|might) (?:also |often )?"
    r"(?:indicate|mean|suggest|signal|show|express|convey|be an? (?:sign|cue|indicat))"
    r"|unklar|ob|si|incierto|no (?:está claro|se puede|sé)|pas (?:clair|possible))\b"
    "|是否|无法|無法|不确定|不清楚|不知道|难以|かどうか|わから|分から|不明|모르|알 수 없|확실하지"
)
"""A clause with one of these doubts, supposes, asks, or says what holds in general."""

_EAST_ASIAN_FILLER = re.compile(
    "这个|这位|那个|女子|男子|女人|男人|女孩|男孩|女士|男士|女性|男性|说话者|人物|视频|音频|画面|表达|表现"
    "|看起来|听起来|显得|彼女|彼|動画|映像|音声|話者|[中里的地得了着过在是否能对有和与吗呢吧啊她他它们这那个位名一不没很非常为人]"
    r"|여자\w?|남자\w?|사람\w?|화자\w?|있\w*|영상\w*|오디오\w*"
)
_ENDINGS = ("ingly", "edly", "iness", "ness", "ings", "ing", "ied", "ed", "ies", "es", "ly", "s")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks about.

    Attributes:
        concepts: Stems and topics, of which a clause has to take up one topic or
            every second.
        manners: Words for how somebody speaks, looks or acts that it holds.
        is_of_seeming: Whether it asks how somebody sounds, looks or seems.
        is_of_presence: Whether it asks if something is there, seen or heard.
        is_male: Whether it asks of men, and of no woman.
        is_female: The other way round.
        filler: Words that are left out of its words and a reply's.
    """

    concepts: frozenset[str]
    manners: frozenset[str]
    is_of_seeming: bool
    is_of_presence: bool
    is_male: bool
    is_female: bool
    filler: frozenset[str]


def is_statement(text: str, question: str, choices: Sequence[str]) -> bool:
    """Return whether a reply without an answer states something of what is asked.

    Args:
        text: The reply as the model wrote it, in which no answer was found.
        question: The question's text.
        choices: Its two options, letters included.
    """
    asked = _asked(question.casefold(), tuple(choices))
    if not asked.concepts or _ANSWER_WORD.search(reply := clean(text).casefold()):
        return False
    clauses = [clause for clause in _clauses(reply) if _is_about(clause, asked)]
    if _AGREEMENT in asked.concepts:
        # "The face is happy. The voice is angry.": it takes both to answer.
        clauses = [" ".join(clauses)]
    return any(_takes_up(clause, asked) for clause in clauses)


def _clauses(reply: str) -> Iterator[str]:
    """Return the clauses that state something."""
    for sentence in _CLAUSE.findall(_QUOTED.sub(" ", reply)):
        if not sentence.endswith(("?", "\uff1f")):
            for clause in _CONJUNCTION.split(sentence):
                if not _NOT_ASSERTED.search(clause):
                    yield clause


def _is_about(clause: str, asked: _Asked) -> bool:
    """Return whether a clause may be about the person that is asked about."""
    words = _words(clause)
    men, women = bool(words & _listed("men")), bool(words & _listed("women"))
    return not ((asked.is_male and women and not men) or (asked.is_female and men and not women))


def _takes_up(clause: str, asked: _Asked) -> bool:
    said = set(_concepts(clause, asked.filler))
    taken = asked.concepts & said
    if _AGREEMENT in asked.concepts:
        words = _words(clause)
        is_of_both = len(words & _listed("modalities")) > 1 or bool(words & _listed("both"))
        return _AGREEMENT in taken or (_EMOTION in said and is_of_both)
    if (taken & _topic_names()) - _PRESENCE or _takes_up_the_way(clause, asked):
        return True
    # "afraid of dogs": half of it is not enough where the other half is what is asked.
    return 2 * len(taken) >= len(asked.concepts) + (_EMOTION in asked.concepts)


def _takes_up_the_way(clause: str, asked: _Asked) -> bool:
    """Return whether a clause answers by its form: "she sounds fine", "only rain is heard"."""
    return (
        (asked.is_of_seeming and _SEEMS.search(clause) is not None)
        or (asked.is_of_presence and _ONLY.search(clause) is not None)
        or any(match[1] in asked.manners for match in _IS_SO.finditer(clause))
    )


@lru_cache(maxsize=4096)
def _asked(question: str, choices: tuple[str, ...]) -> _Asked:
    words = _words(question)
    men, women = bool(words & _listed("men")), bool(words & _listed("women"))
    options = " ".join(split_choice(choice)[1] for choice in choices).casefold()
    is_english = not words.isdisjoint(_listed("english"))
    filler = _listed("filler") if is_english else _listed("filler_elsewhere")
    # "Is there a man?" asks about persons, where most questions only speak of them.
    if any(_concepts(f"{question} {options}", filler | _persons())):
        filler |= _persons()
    found = [*_main_concepts(question, filler), *_concepts(options, filler)]
    found = [concept for concept in found if concept not in _listed("carriers")] or found
    subject = _SUBJECT.match(question)
    of_subject = set(_concepts(subject[1], filler)) if subject else set()
    telling = [one for one in found if one not in of_subject or one in _topic_names()] or found
    return _Asked(
        frozenset(telling),
        manners=words & _listed("manners"),
        is_of_seeming=_SEEMS.search(question) is not None,
        is_of_presence="there" in words or not _PRESENCE.isdisjoint(_concepts(question, filler)),
        is_male=men and not women,
        is_female=women and not men,
        filler=filler,
    )


def _main_concepts(question: str, filler: frozenset[str]) -> list[str]:
    """Return what a question asks about before it says where: "a dog | in the kitchen"."""
    question = _IN_THE_CLIP.sub("", question)
    main = [*_concepts(_CIRCUMSTANCE.split(question)[0], filler)]
    is_telling = any(concept not in _listed("carriers") for concept in main)
    return main if is_telling else [*_concepts(question, filler)]


def _words(text: str) -> frozenset[str]:
    return frozenset(word.removesuffix("'s") for word in _WORD.findall(text))


def _concepts(text: str, filler: frozenset[str]) -> Iterator[str]:
    """Return the stems and topics of a text in their order, without filler."""
    if _EAST_ASIAN.search(text):
        yield from _east_asian_concepts(text)
        return
    topics = _topics()
    for written in _WORD.findall(text):
        word = written.removesuffix("'s")
        if word not in filler:
            stem = _stem(word)
            yield topics.get(word) or topics.get(stem) or stem


def _east_asian_concepts(text: str) -> Iterator[str]:
    """Return topics, Chinese characters alone and in twos, and beginnings of Korean words."""
    for word, topic in _topics().items():
        if _EAST_ASIAN.match(word) and word in text:
            yield topic
            text = text.replace(word, " ")
    for run in _RUN.findall(_EAST_ASIAN_FILLER.sub(" ", text)):
        if run[0] >= _HANGUL:
            yield run[:2]
        else:
            yield from run
            yield from (run[at : at + 2] for at in range(len(run) - 1))


@lru_cache(maxsize=16384)
def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending) + ("y" if ending in ("ied", "ies", "iness") else "")
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


@cache
def _topics() -> Mapping[str, str]:
    """Return the topic of each word that has one."""
    emotions = json.loads(EMOTION_WORDS_FILE.read_text(encoding="utf-8"))["classes"]
    topics = {word: _EMOTION for words in emotions.values() for word in words}
    for topic, words in _content()["topics"].items():
        topics |= dict.fromkeys(words, topic)
        # "caring" does not make a topic of "car".
        topics |= {stem: topic for word in words if len(stem := _stem(word)) > 3}
    return topics


@cache
def _topic_names() -> frozenset[str]:
    return frozenset(_topics().values())


@cache
def _persons() -> frozenset[str]:
    return _listed("men") | _listed("women") | _listed("persons")


@cache
def _listed(name: str) -> frozenset[str]:
    return frozenset(_content()[name])


@cache
def _content() -> Any:
    return json.loads(WORDS_FILE.read_text(encoding="utf-8"))
