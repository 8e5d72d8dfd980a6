"""Find announced answers in a reply: "the answer is B", "I would choose (C)", "so, yes"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from emoreal_bench.scoring.reading.caseless import caseless

_NOUN = (
    r"(?:(?=a)(?<!wrong\s)(?<!incorrect\s)(?<!other\s)(?<!possible\s)answers?"
    r"|(?=[co])(?<!each\s)(?<!every\s)(?:choice|option)|selection|response|prediction"
    r"|conclusion|verdict|label|letter)"
)
_PRAISE = (
    r"(?:final|correct|right|best"
    r"|most\s+(?:likely|appropriate|suitable|accurate|fitting|plausible))"
)
_IS = r"(?:is|'s|must\s+be|would\s+be|should\s+be|has\s+to\s+be)"
_HEDGE = (
    r"(?:(?:that|to\s+be|as\s+follows|likely|probably|most\s+likely|clearly|definitely|therefore"
    r"|thus|simply|indeed|obviously|certainly|still|then|option|choice|letter|either)\b[\s:,]*)*"
)
_OTHER_LANGUAGES = r"""
    (?=[acjors\u043e])\b(?:respuesta|réponse|antwort|resposta|risposta|ответ|cevap|jawaban|odpowied[źz]|antwoord
        |svar)\b
      (?:\s+(?:final|finale|correcta|correcte|correta|corretta|richtige))?
      \s*(?:(?:est|es|ist|lautet|é|è|is|adalah)\b|:|-)?\s*
    | (?=[^\x00-\x7f])(?:正确答案|正確答案|答案|答え|回答|正解|정답|답)
      \s*(?:应该|應該)?(?:是|为|為|は|은|는)?\s*:?\s*
    | (?=[^\x00-\x7f])(?:我?(?:选择|選擇|选|選))\s*(?:项)?\s*
"""
_CUE = caseless(
    rf"""
    (?:\b(?=[a-z])|(?=[^\x00-\x7f]))  # At once done with the middle of a word.
    (?P<final>final\s*)?
    (?:  # Each way is tried only where one of its first letters stands.
      (?=[abcflmoprsv])\b(?:{_PRAISE}[\s_]+)*{_NOUN}\b["']?\s*
        (?: (?:[\w']+\s+){{0,5}}?(?:is|are|be|was|seems|appears)\b\s*:?\s*
          | \s*(?::|=>?|->|→)\s*)
    | (?=[bcfmr])\b{_PRAISE}\s+(?:(?:one|{_NOUN})\s+(?=[(\["'a-z])
        | (?:(?:one|match|fit|guess|candidate|description|explanation|interpretation)\s+
          (?:here\s+)?)?is\s+)
    | \bi(?:'d|'ll|'m|\ would|\ will|\ am|\ must|\ have\ to)?\s+
        (?:(?:therefore|thus|still|now|then|definitely|probably|would|go)\s+)*
        (?:choose|choosing|select|pick|go\ with|going\ with|with|say|answer|opt\ for|guess
          |vote\ for|lean(?:ing)?\ towards?|leaning|think|believe|conclude|settle\ on
          |stick\ with)\s+
        (?:(?:that|it's|it\ is|it\ would\ be|this\ is|the\ answer\ is)\s+)*:?
    | (?=[acfhimostuw])\b(?:so|therefore|thus|hence|overall|ultimately|in\ conclusion|in\ summary
          |to\ conclude|consequently|accordingly|finally|making\ it|which\ makes\ it|it\ must\ be
          |it\ has\ to\ be|it\ should\ be)\b[,:]?\s*
        (?:(?:it|this|that|my\ answer|i'd\ say|i\ say)\s*{_IS}?\s+)?:?
    | (?=[acinosw])\b(?:actually|wait|correction|oops|i\ mean|scratch\ that|no,?\ sorry
          |on\ second\ thought)\b[,:.!]*\s*(?:no,\s+)?
    | (?=[dhnu])\b(?:not\ (?:\w+\ )?(?:sure|certain)|(?:hard|difficult)\ to\ \w+|unclear
          |uncertain)\b
        [^.;\n]{{0,60}}?\bbut[ ]
    | (?=[crsu])\b(?:chang(?:e|ing)|switch(?:ing)?|updat(?:e|ing)|revis(?:e|ing))\s+
        (?:(?:my|the|it|answer|choice|selection)\s+)*to\b\s*
    | {_OTHER_LANGUAGES}
    )
    {_HEDGE}
    """,
    re.VERBOSE,
)
_CHANGED_MIND = caseless(
    r"\b(?:actually|wait|correction|on second thought|let me re\w+|i mean|sorry|reconsider\w*"
    r"|chang\w+ my \w+|revis\w+ my|scratch that|at first|initially|first glance|hold on"
    r"|first thought)\b"
)
_COMPARED = (
    r"(?:(?:each|every|by|of\s+the)\s+(?:[a-z]+\s+)?"
    r"(?:option|choice|candidate|answer|possibility|alternative|statement|description|one)"
    r"|options|choices|candidates|answers|possibilities|alternatives|statements|descriptions)"
)
_COMPARISON = caseless(
    rf"""
    \b(?:analy\w+|examin\w+|evaluat\w+|consider\w*|assess\w*|compar\w+|review\w*|check\w*
        |weigh\w*|inspect\w*|discuss\w*|look\w*|match\w*|break\w*|eliminat\w+|test(?:ing)?|think\w*\s+about
        |(?:go|going|walk|walking|work|working|run|running|step)\s+(?:through|over))
      \s+(?:[\w']+\s+){{0,4}}?{_COMPARED}\b
    | \b(?:one\s+by\s+one|one\s+at\s+a\s+time|option\s+by\s+option|each\s+in\s+turn
        |process\s+of\s+elimination)\b
    """,
    re.VERBOSE,
)
_SUPPOSED_BEFORE = re.compile(r"\b(?:if|whether)\s+(?:(?:the|my|your)\s+)?\Z", re.I)


@dataclass(frozen=True, slots=True)
class Cue:
    """A place where an answer is announced.

    Attributes:
        start: Where the announcement begins.
        end: Where the answer should begin.
        final: Whether it says that it is final.
    """

    start: int
    end: int
    final: bool


def cues_in(text: str) -> Iterator[Cue]:
    """Find the announcements in a cleaned reply, except supposed ones: "if the answer is yes"."""
    for match in _CUE.finditer(text):
        if not _SUPPOSED_BEFORE.search(text[max(0, match.start() - 12) : match.start()]):
            yield Cue(match.start(), match.end(), match["final"] is not None)


def comparison_in(text: str) -> int | None:
    """Find where a reply sets out to go through the options: "let us examine each choice"."""
    match = _COMPARISON.search(text)
    return None if match is None else match.start()


def changes_mind(text: str) -> bool:
    """Return whether a passage takes back what was said before."""
    return _CHANGED_MIND.search(text) is not None
