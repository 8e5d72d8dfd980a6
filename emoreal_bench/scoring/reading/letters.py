"""Mark the letters of options in a reply; articles, names and things are none."""

from __future__ import annotations

import re

from emoreal_bench.scoring.reading.marks import BARE, LETTER, OFF_LIST, mark
from emoreal_bench.scoring.reading.option_texts import text_at_start
from emoreal_bench.scoring.reading.options import Options

_LETTER = re.compile(
    r"(?<![\w'&])(?<!\w[.-])(?:([\"'(\[{<]{1,4}+)\s?)?([A-Za-z])(?![\w'&])(?!\.[a-z0-9])(?!\.[A-"
    r"Z]\b)(?!-[a-z])"
    r"(?![ ](?:major|minor|sharp|flat|personality)\b)(\s?[)\]}]++|>(?!\s*\w)|[\"']++)?"
)
_NOUN_BEFORE = re.compile(
    r"(?:(?:\A\W*+|\b(?:is|be|choose|pick|select|right|correct|answer|option)\s+(?:the\s+)?"
    r"|:\s?)letters?|\b(?:options?|choices?|answers?|opt|ans|opci[oó]n|op[cç][aã]o|respuesta"
    r"|letra|antwort"
    r"|buchstabe|r[eé]ponse|lettre|risposta|resposta|opzione|ответ)|选项|选|選|答案|答え|正解"
    r"|回答|정답|답)[a-z]?"
    r"(?:\s*+(?:is|are|would be|should be|must be|:|=|-|->|→|\#|number|letter|es|est|ist|是|为|は"
    r"|은"
    r"|는)){0,2}"
    r"\s*+[\"'(\[]*+\Z",
    re.I,
)
_LAST_WORD = re.compile(r"[^\W\d_][\w'%]*\Z|%\Z")
_WORD_AFTER = re.compile(r"[ ]+([^\W\d_][\w']*)")
_ONE_OF_BEFORE = re.compile(r"\b(?:none|any|all|one|either|neither|each|both) of\s*\Z", re.I)
_TITLE_BEFORE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|Sgt|Capt)\.\s*\Z")
_INITIAL_BEFORE = re.compile(r"(?<!\w)[A-Z]\.\s?\Z")
_SURNAME_AFTER = re.compile(r"\.\s?(?:[A-Z]\.\s?)?[A-Z][a-z]+")
_MAY_PRECEDE_WORDS = """
    is are be was were it's that's this's it with by to and or not nor than for say choose chose
    pick picked picking select selected go either both between neither only just so hence thus
    therefore then clearly probably likely definitely obviously surely perhaps maybe possibly
    actually leaves leaving match matches supports support favor favour favors rather reject exclude
    excludes eliminate eliminates eliminating out answer answered mean meant guess think believe
    vote voting favoring considered consider considering tempted thought from while though although
    but if because since as like prefer fits fit mark settle opt on instead choosing selecting wait
    no yes most best option choice one among like called sure certain y und et o e oder ou ist
    est es è la l' das die der c'est wähle elijo elegiría choisis choisirais nehme sería serait
    wäre scelgo escolho also correct now still again final first me % towards toward lautet
    lautete ante about that auf für pour sur entweder würde dirais diría nicht pas sondern sino
    mais sage denke yet really suggests indicates
    favours means correction remains being wins let's marked entails implies becomes 'tis chose
    rule rules ruled ruling against unlike any versus vs over beats
"""
_MAY_PRECEDE = frozenset(_MAY_PRECEDE_WORDS.split())
_NOUN_ENDS_WORDS = """
option options choice choices answer answers letter letters opt ans opcion opcao respuesta letra
antwort buchstabe reponse lettre risposta resposta opzione opción opção réponse l'option is are be
number es est ist ans. opt.
"""
_NOUN_ENDS = frozenset(_NOUN_ENDS_WORDS.split())
_MAY_LEAD = _MAY_PRECEDE | _NOUN_ENDS
_MAY_FOLLOW_WORDS = """
    is was because since as and or seems appears would fits fit matches best but due for given based
    which describes corresponds not nor rather instead over than isn't doesn't can't cannot
    contradicts suggests says states mentions claims looks sounds also can could may might must
    should remains represents captures aligns reflects implies indicates requires does has if it
    beats wins
    accurately most clearly definitely probably then with wins by it's when where being still too
    perhaps maybe either that's here please final sounds stands makes explains better requires so
    however while though although from ist est es è porque weil denn parce porque puisque ou o oder
    und et y e
"""
_MAY_FOLLOW = frozenset(_MAY_FOLLOW_WORDS.split())
_AFTER_I = ("because", "since", "as")
_STATES = re.compile(
    r" (?:is|was)(?! (?:the|a|my|clearly|definitely|probably|therefore|thus|also|both|still|then"
    r"|simply|indeed|an?|in|at|by|more|most|less|much|far|very|too|not|never"
    r"|correct|right|best|better|wrong|incorrect|true|false|likely|unlikely|out|ruled|excluded"
    r"|eliminated|supported|unsupported|plausible|implausible|possible|tempting"
    r"|appropriate|accurate|fitting|closest|close|chosen|visible|present|absent|mentioned"
    r"|stronger|strongest|ambiguous|irrelevant|what|for|consistent|hard|impossible|evident|clear"
    r"|no)\b) [a-z]"
    r"|\. [A-Z]\. ?[A-Z][a-z]"
)
"""A letter of which something else is said than whether it is right, or the first of initials."""
_CAPITAL = re.compile(r"[B-Z]\Z")
_MOST = 60


def mark_letters(text: str, options: Options) -> str:
    """Put signs in the place of the letters that name options.

    Args:
        text: Cleaned reply.
        options: Of the question.
    """
    parts: list[str] = []
    end = 0
    for match in _LETTER.finditer(text):
        kind = _kind(text, match, options)
        if kind is not None:
            letter = match[2].upper()
            known = letter in options.letters
            number = options.letters.index(letter) if known else OFF_LIST
            parts += [text[end : match.start()], mark(kind, number)]
            end = match.end()
            if len(parts) > 2 * _MOST:
                break
    return "".join(parts) + text[end:] if parts else text


def _kind(text: str, match: re.Match[str], options: Options) -> int | None:
    """Return how a letter names an option; None if it does not."""
    opening, letter, closing = match[1] or "", match[2], match[3] or ""
    before = text[max(0, match.start() - 40) : match.start()]
    first = not before.strip(" \n:-.>")
    noun = not first and _may_be_noun(before)
    if letter.islower() and not (noun or first or opening or closing):
        return None
    noun = noun and _NOUN_BEFORE.search(before) is not None
    closed = closing.strip()[:1] in (")", "]", "}", ">") and bool(closing)
    quoted = bool(closing) and closing[0] in "\"'" and opening[-1:] == closing[0]
    dressed = quoted or (closed and (bool(opening) or letter not in "Ii"))
    if letter.upper() not in options.letters:
        plain = closed or text[match.end() :].lstrip()[:1] in ("", ".", ",", ":")
        return LETTER if letter.upper() in "ABCDEFGH" and plain and (first or noun) else None
    if dressed and (letter.isupper() or opening or noun or first or before.endswith("\n")):
        return LETTER
    follower = _WORD_AFTER.match(text, match.end())
    word = follower[1] if follower and len(follower[1]) > 1 else ""
    if letter.islower() or letter == "I":
        whole = first and text[match.end() :].lstrip()[:1] in ("", ".", ")", ":", ",")
        allowed = _AFTER_I if letter == "I" else _MAY_FOLLOW
        named = (noun or (whole and letter != "I")) and (not word or word in allowed)
        return LETTER if named else None
    if _STATES.match(text, match.end()) or (not noun and _is_name(text, match, before)):
        return None
    bare = BARE if noun and letter != "A" else _bare_kind(text, match, options, word)
    return LETTER if noun and bare is not None else bare


def _bare_kind(text: str, match: re.Match[str], options: Options, word: str) -> int | None:
    """Return how a capital that nothing sets apart names an option; None if it does not.

    A word behind it must be one that can follow an option, or begin its text,
    and a word before it one that can lead up to it.
    """
    letter = match[2]
    before = text[max(0, match.start() - 40) : match.start()]
    first = not before.strip(" \n:-.>")
    if word and word.lower() not in _MAY_FOLLOW and word.isascii():
        begins = text_at_start(text[match.end() :], options) == letter
        starts = letter != "A" and word[0].isupper() and (first or before.endswith("\n"))
        if not begins and not starts and (letter == "A" or not _word_before(before)):
            return None
    preceding = _word_before(before)
    if not preceding or not preceding[-1].isascii() or _CAPITAL.match(preceding):
        return BARE
    if preceding.lower() in _MAY_LEAD or _ONE_OF_BEFORE.search(before):
        return BARE
    return LETTER if text_at_start(text[match.end() :], options) == letter else None


def _word_before(before: str) -> str:
    """Return the word with which a passage ends; nothing after a sign or a line break."""
    tail = before.rstrip(" ").rpartition(" ")[2]
    match = _LAST_WORD.search(tail) if tail else None
    return match[0] if match else ""


def _may_be_noun(before: str) -> bool:
    """Return whether a passage can end in "option" or "answer is", at less than trying costs."""
    tail = before.rstrip(" \"'([")
    return (
        tail[-1:] in ":=>#-" or tail[-1:] > "\x7f" or tail.rpartition(" ")[2].lower() in _NOUN_ENDS
    )


def _is_name(text: str, match: re.Match[str], before: str) -> bool:
    """Return whether a letter is an initial: "Dr. A. Nolan", "J. B. Stone"."""
    if not before.rstrip().endswith("."):
        return False
    if _TITLE_BEFORE.search(before):
        return True
    return bool(_INITIAL_BEFORE.search(before) and _SURNAME_AFTER.match(text, match.end()))
