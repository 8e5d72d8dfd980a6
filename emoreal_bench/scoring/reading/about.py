"""Tell what a reply says of what is asked from what it says of somebody or something else.

"The caller stays calm although the operator is irritated" answers a question about the
caller. Of emotions the first person that a clause names is whom they are said of; a
pronoun goes on with whom the clause before was about. Of other answers that counts which
stands beside the most words of the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal

from emoreal_bench.scoring.reading.marks import SIGN, TEXT, WEAK, WORD, any_of, kind_of, number_of
from emoreal_bench.scoring.reading.option_texts import content_of
from emoreal_bench.scoring.reading.verdicts import CHANGED_MIND, NOT_LEADING, SENTENCE_END

_EMOTION = re.compile(any_of(TEXT, WEAK))
_WHEN = re.compile(r"\A\W*(?:when|while|as|after|before|in)\b[^,]{1,80},")
_NAME = re.compile(r"[^\W\d_][\w-]*")
_SUBJECTS = frozenset(("he", "she", "they"))
_PRONOUNS = _SUBJECTS | {"his", "her", "their", "him", "them"}
_DETERMINERS = frozenset(
    ("the", "a", "an", "his", "her", "their", "another", "one", "its", "our", "my", "this", "that")
)
_PERSON = re.compile(
    r"(?:wo)?m[ae]n|guys?|boys?|girls?|child(?:ren)?|kids?|bab(?:y|ies)|toddlers?|lad(?:y|ies)"
    r"|persons?|people|others|fathers?|mothers?|dad|mom|mum|sons?|uncle|aunt|wife|husband|friends?"
    r"|dogs?|cats?|horses?|crowd|guests?|hosts?|bride|groom|nurses?|clerks?|coach|chef|judge"
    r"|pupils?|police\w*|(?:stud|pati|cli|par|ag|presid|oppon|resid)ents?|(?:applic|assist|particip"
    r"|attend|contest|account|inf|serv)ants?|\w{3,}(?:er|or|ist|ee|man|woman|men|women)s?"
)
_THINGS_WORDS = """
anger laughter whisper letter letters corner corners number paper floor door mirror color colors
colour colours humor humour terror horror error shoulder shoulders finger fingers manner matter
banter order center water weather computer monitor river summer winter poster border cover power
tower flower flowers dinner counter chatter behavior behaviour tremor factor later former latter
tender eager proper other rather either neither another whether however over under after further
together coffee committee degree disorder viewer viewers observer observers
"""
_THINGS = frozenset(_THINGS_WORDS.split())
_ANYBODY_WORDS = """
man men woman women person persons people speaker speakers character characters individual guy
lady gentleman subject protagonist boy girl child
"""
_ANYBODY = frozenset(_ANYBODY_WORDS.split())
"""Words that may mean somebody whom the reply calls otherwise too."""
_CLAUSE = re.compile(
    r"[.;:!?\n]+\s*|,\s(?:(?:and|but|yet)\s)?(?=(?:the|an?|his|her|their|he|she|they|while|whereas"
    r"|although|though|because|since|even|who|for)\b)|\s(?=(?:while|whereas|although|though|because"
    r"|since|but|even\sthough|and\s(?:the|an?|his|her|their|he|she|they))\s)"
)
_RELATIVE = re.compile(r"\W*who\b")
_UNSEEN = re.compile(
    r"(?:\bnot|n't|\bnever|\bcannot|\bhardly|\bbarely)\s(?:\w+ly\s|be\s){0,2}(?:visible|seen|shown"
    r"|heard|appear|see|hear|show|make\sout|in\s(?:view|frame|sight|shot)|recogni[sz]able)"
    r"|\b(?:hidden|off-?screen|invisible|obscured|out\sof\s(?:frame|view|sight|shot)"
    r"|turned\saway)\b"
)
_Whom = Literal["asked", "other", "somebody"]
"""Whom a clause is about: ``somebody`` may be the one asked about by another name."""


def without_others(marked: str, question: str) -> str:
    """Leave out the emotions of others than the one whom a question asks about.

    They go where the reply says one of that person too, or speaks of that person without any.
    Where "the man" may be the one asked about by another name, it takes a word that the one
    asked about cannot be seen.

    Args:
        marked: The reply, whose emotions are signs.
        question: Its text.
    """
    asked = _asked(question) if _CLAUSE.search(marked) else frozenset()
    clauses = list(_clauses(marked, asked)) if asked else []
    others = [
        n for n, (whom, _, said) in enumerate(clauses) if said and whom not in (None, "asked")
    ]
    if not others:
        return marked
    is_said = any(
        said and (whom == "asked" or (whom is None and place < others[0]))
        for place, (whom, _, said) in enumerate(clauses)
    )
    silent = [clause for whom, clause, said in clauses if whom == "asked" and not said]
    are_told_apart = not asked & _anybody() and all(clauses[n][0] == "other" for n in others)
    if is_said or (silent and (are_told_apart or any(map(_UNSEEN.search, silent)))):
        return "".join(
            _EMOTION.sub(" ", clause) if place in others else clause
            for place, (_, clause, _) in enumerate(clauses)
        )
    return marked


@cache
def _anybody() -> frozenset[str]:
    return content_of(" ".join(_ANYBODY))


@lru_cache(maxsize=4096)
def _asked(question: str) -> frozenset[str]:
    """Return the root of the first person of a question; nothing if it names none."""
    words = _NAME.findall(_WHEN.sub("", question.casefold()))
    return content_of(next((person for person, _ in _persons(words, frozenset())), ""))


def _clauses(marked: str, asked: frozenset[str]) -> Iterator[tuple[_Whom | None, str, bool]]:
    """Return each clause, whom it is about, and whether it says an emotion."""
    whom: _Whom | None = None
    last: _Whom | None = None
    ends = [*(match.end() for match in _CLAUSE.finditer(marked)), len(marked)]
    for start, end in pairwise((0, *ends)):
        clause = marked[start:end]
        before, *said = _EMOTION.split(clause, maxsplit=1)
        words = _NAME.findall(before)
        named = next(_persons(words, asked), None)
        if named and _SUBJECTS.isdisjoint(words[: words.index(named[0])]):
            whom = named[1]
        elif _PRONOUNS.isdisjoint(words):
            whom = None
        yield last if _RELATIVE.match(clause) else whom, clause, bool(said)
        *_, last = [last, *(whose for _, whose in _persons(_NAME.findall(clause), asked))]


def _persons(words: list[str], asked: frozenset[str]) -> Iterator[tuple[str, _Whom]]:
    """Return the persons among words, each with whether it is the one asked about."""
    kinds = [*(_kind(word, asked) for word in words), None]
    for place, word in enumerate(words):
        kind = kinds[place]
        # "The older man" and "the taxi driver" are one person each.
        led = not _DETERMINERS.isdisjoint(words[max(0, place - 4) : place])
        if kind and led and not kinds[place + 1]:
            yield word, kind


@lru_cache(maxsize=8192)
def _kind(word: str, asked: frozenset[str]) -> _Whom | None:
    if asked and content_of(word) & asked:
        return "asked"
    if not _PERSON.fullmatch(word) or word in _THINGS:
        return None
    return "somebody" if word in _ANYBODY else "other"


_PARTS = re.compile(r"[.;\n]|,\s(?:and|but|while|whereas)\s|,\s(?=the\b)")
_PART_END = re.compile(r";|,\s(?:and\b|but\b|perhaps\b|maybe\b|[\ue080-\ue0bf])|\sand\s|\Z")
_PARTLY = re.compile(
    r"\b(?:question|otherwise|depend(?:s|ing)|parts?|half|some\w*|rest|first|second|last|partly"
    r"|perhaps|maybe)\b"
)
_IF = re.compile(r"\bif\b")
_TURNS = re.compile(
    rf"\b(?:but|yet|however|so|still|though|although|then|therefore|thus|hence|rather|actually"
    rf"|well)\b|->|→|=>|{CHANGED_MIND.pattern}"
)
_ASKED = re.compile(rf"([^.?!\n:]{{0,80}})\?\W*?({any_of(WORD)})")


def emotions_said_of(marked: str, question: str) -> set[int]:
    """Return what the one part says that is about what is asked, where each says something else."""
    if "?" in marked:
        return set()
    asked = content_of(question)
    parts = [(part, {*map(number_of, SIGN.findall(part))}) for part in _PARTS.split(marked)]
    said = [(len(content_of(part) & asked), found) for part, found in parts if found]
    if (
        len(said) < 2
        or any(len(found) > 1 for _, found in said)
        or {*map(kind_of, SIGN.findall(marked))} != {TEXT}
    ):
        return set()
    if len(set().union(*(found for _, found in said))) < len(said):
        return set()
    most = max(said, key=lambda one: one[0])
    return most[1] if sum(count == most[0] for count, _ in said) == 1 else set()


def yes_no_said_of(marked: str, question: str) -> set[int]:
    """Return which of a yes of one thing and a no of another is said of what is asked."""
    asked = content_of(question)
    if beside := _beside_other_questions(marked, asked):
        return beside
    said: Sequence[tuple[str, str]] = _ASKED.findall(marked) if marked.count("?") > 1 else []
    if not _differ(said) or SIGN.search(marked, marked.rfind("?") + 8):
        said = _said_of_parts(marked)
    if not _differ(said):
        return set()
    shared = [(len(content_of(part) & asked), number_of(sign)) for part, sign in said]
    most = max(shared)[0]
    is_partial = any(_PARTLY.search(part) for part, _ in said)
    return {number for count, number in shared if is_partial or count == most}


def _differ(said: Sequence[tuple[str, str]]) -> bool:
    return len({number_of(sign) for _, sign in said}) > 1


def _beside_other_questions(marked: str, asked: frozenset[str]) -> set[int]:
    """Return what a reply answers beside one question of its own about something else."""
    pairs = _ASKED.findall(marked) if marked.count("?") == 1 else []
    if len(pairs) != 1:
        return set()
    about = content_of(pairs[0][0])
    is_other = bool(about) and about.isdisjoint(asked)
    return {*map(number_of, SIGN.findall(_ASKED.sub(" ", marked)))} if is_other else set()


def _said_of_parts(marked: str) -> list[tuple[str, str]]:
    """Return each yes and no of a sentence that turns nowhere, with the part it is said of."""
    if SENTENCE_END.search(marked) or _TURNS.search(marked):
        return []
    words = [
        match
        for match in SIGN.finditer(marked)
        if kind_of(match[0]) == WORD and not NOT_LEADING.match(marked, match.end())
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
