"""Mark the letters of options in a reply; articles, names and things are none.

Options named by their place ("the third option", "option 2", "the latter") get their letter.
"""

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
    r"(?:(?:\A\W*+|\b(?:(?:pick|choice|guess|vote|selection)\sis|go(?:ing)?\s(?:with"
    r"|for))\s+(?:the\s+)?|\b(?:(?:answer|choice|option|it|that|which|be)\s(?:is|be)|be|it's"
    r"|choose|pick|select|right|correct|answer|option|é|es"
    r"|est|ist)\s+(?:the\s+|la\s+|a\s+|der\s+)?|:\s?)(?:letters?|letra|lettre|buchstabe)"
    r"|\b(?:options?|choices?|answers?(?:'s)?|opt|ans|opci[oó]n|op[cç][aã]o|respuesta"
    r"|antwort"
    r"|r[eé]ponse|risposta|resposta|opzione|ответ)|选项|选|選|答案|答え|正解"
    r"|回答|정답|답)[a-z]?"
    r"(?:\s*+(?:is|are|would be|should be|must be|:|=|-|->|→|\#|number|letter|es|est|ist|是|为|は"
    r"|은"
    r"|는)){0,2}"
    r"\s*+[\"'(\[]*+\Z",
    re.I,
)
_LAST_WORD = re.compile(r"[^\W\d_][\w'%]*\Z|%\Z")
_WORD_AFTER = re.compile(r"[ ]+([^\W\d_][\w']*)")
_ONE_OF_BEFORE = re.compile(
    r"\b(?:none|any|all|one|either|neither|each|both|instead) of\s*\Z|\bé\s+a\s*\Z", re.I
)
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
    lautete ante about that auf für pour por per con sur entweder würde dirais diría nicht pas
    sondern sino mais sage denke yet really suggests indicates
    favours means correction remains being wins let's marked entails implies becomes 'tis chose
    statement statements candidate possibility hypothesis eliminate st nd rd
    rule rules ruled ruling against unlike any versus vs over beats
"""
_MAY_PRECEDE = frozenset(_MAY_PRECEDE_WORDS.split())
_NOUN_ENDS_WORDS = """
option options choice choices answer answers answer's letter letters opt ans opcion opcao
respuesta letra antwort buchstabe reponse lettre risposta resposta opzione opción
opção réponse l'option is are be
number es est ist ans. opt.
"""
_NOUN_ENDS = frozenset(_NOUN_ENDS_WORDS.split())
_WRITTEN = frozenset(
    ("letter", "letters", "initial", "initials", "lettre", "letra", "buchstabe", "buchstaben")
)
"""What a letter is called that is written on a thing, and names no option."""
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
    out stays survives gets
    und et y e trifft passt stimmt convient corresponde correspond
"""
_MAY_FOLLOW = frozenset(_MAY_FOLLOW_WORDS.split())
_AFTER_I = ("because", "since", "as")
_STATES = re.compile(
    r" (?:is|was)(?! (?:the|a|my|clearly|definitely|probably|therefore|thus|also|both|still|then"
    r"|simply|indeed|an?|in|at|by|more|most|less|much|far|very|too|not|never"
    r"|correct|right|best|better|wrong|incorrect|true|false|likely|unlikely|out|ruled|excluded"
    r"|eliminated|supported|unsupported|plausible|implausible|possible|tempting"
    r"|appropriate|accurate|fitting|closest|close|chosen|visible|present|absent|mentioned"
    r"|contradicted|refuted|confirmed|rejected|justified|stronger|strongest|ambiguous|irrelevant"
    r"|what|consistent|hard|impossible|evident|clear"
    r"|no)\b) [a-z]"
    r"|\. [A-Z]\. ?[A-Z][a-z]"
)
"""A letter of which something else is said than whether it is right, or the first of initials."""
_PRAISED = re.compile(
    r" (?:the|a|an|my) (?:\w+ly )?(?:more |most |far |much )?(?:best|better|stronger"
    r"|strongest|right|correct|closer|closest|clearer|clearest|obvious|likel\w+|plausible|convincing|compelling"
    r"|fitting|suitable|accurate|safer|safest|natural|logical|reasonable|probable|winner|top)\b"
)
"""Behind a letter: "that makes D the stronger choice"."""
_MAKES = re.compile(r"\b(?:mak(?:es?|ing)|made|leaves?|leaving)\s(?:option\s)?\Z", re.IGNORECASE)
_CAPITAL = re.compile(r"[B-Z]\Z")
_MOST = 60
_FEW_WORDS = 4


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
            unquoted = match[3] and match[3].strip()[0] in "\"'" and not match[1]
            end = match.start(3) if unquoted else match.end()
            if len(parts) > 2 * _MOST:
                break
    return "".join(parts) + text[end:] if parts else text


def _kind(text: str, match: re.Match[str], options: Options) -> int | None:
    """Return how a letter names an option; None if it does not."""
    opening, letter, closing = match[1] or "", match[2], match[3] or ""
    before = text[max(0, match.start() - 40) : match.start()]
    first = not before.strip(" \n:-.>")
    may_be_noun = not first and _may_be_noun(before)
    noun = may_be_noun and _NOUN_BEFORE.search(before) is not None
    is_word = letter.islower() and not (may_be_noun or first or opening or closing)
    if is_word or (not noun and _last_of(before) in _WRITTEN):
        return None
    closed = closing.strip()[:1] in (")", "]", "}", ">") and bool(closing)
    quoted = bool(closing) and closing[0] in "\"'" and opening[-1:] == closing[0]
    dressed = quoted or (closed and (bool(opening) or letter not in "Ii"))
    if letter.upper() not in options.letters:
        plain = closed or text[match.end() :].lstrip()[:1] in ("", ".", ",", ":")
        return LETTER if letter.upper() in "ABCDEFGH" and plain and (first or noun) else None
    if dressed and (letter.isupper() or noun or first or before.endswith("\n")):
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
    is_bare = noun and letter != "A"
    if _PRAISED.match(text, match.end()):
        is_bare = letter != "A" or _MAKES.search(before) is not None
    bare = BARE if is_bare else _bare_kind(text, match, options, word)
    return LETTER if noun and bare is not None else bare


def _bare_kind(text: str, match: re.Match[str], options: Options, word: str) -> int | None:
    """Return how a capital that nothing sets apart names an option; None if it does not.

    A word behind it must be one that can follow an option, or begin its text,
    and a word before it one that can lead up to it.
    """
    letter = match[2]
    before = text[max(0, match.start() - 40) : match.start()]
    first = not before.strip(" \n:-.>")
    if (
        letter == "A"
        and first
        and word in ("best", "better", "most", "final", "still", "correct", "clearly")
    ):
        return None
    if word and word.lower() not in _MAY_FOLLOW and word.isascii():
        if first and letter not in "AI" and text.count(" ") < _FEW_WORDS:
            return LETTER
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


def _last_of(before: str) -> str:
    return before.rstrip(" \"'([").rpartition(" ")[2].lower()


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


_ORDINALS = (
    ("first", "1st", "erste", "première", "premier", "primera", "primeira", "prima", "一", "1"),
    ("second", "2nd", "zweite", "deuxième", "seconde", "segunda", "seconda", "二", "2"),
    ("third", "3rd", "dritte", "troisième", "tercera", "terceira", "terza", "三", "3"),
    ("fourth", "4th", "vierte", "quatrième", "cuarta", "quarta", "四", "4"),
    ("fifth", "5th", "fünfte", "cinquième", "quinta", "五", "5"),
    ("sixth", "6th", "sechste", "sixième", "sexta", "sesta", "六", "6"),
)
_NUMBERS = (
    ("one", "eins", "un", "uno"),
    ("two", "zwei", "deux", "dos"),
    ("three", "drei", "trois", "tres"),
    ("four", "vier", "quatre", "cuatro"),
    ("five", "fünf", "cinq", "cinco"),
    ("six", "sechs", "seis"),
)
_PLACES = {
    word: place
    for names in (_ORDINALS, _NUMBERS)
    for place, words in enumerate(names)
    for word in words
} | {
    "last": -1,
    "final": -1,
    "letzte": -1,
    "dernière": -1,
    "última": -1,
    "最后一": -1,
    "latter": -1,
    "former": 0,
    "첫": 0,
    "두": 1,
    "세": 2,
    "네": 3,
    "다섯": 4,
}
_ORDINAL = "|".join(
    word for words in _ORDINALS for word in words if word.isascii() and len(word) > 1
)
_FOREIGN_ORDINAL = "|".join(word for words in _ORDINALS for word in words if not word.isdigit())
_NUMBER = "|".join(word for words in _NUMBERS for word in words)
_PLACE = re.compile(
    rf"""
    \b(?:the\s+(?:very\s+)?)?(?P<english>{_ORDINAL}|last)\s+(?:answer\s+)?(?:option|choice
      |alternative)\b(?!s)(?!\s*(?::|is|would\s+be)\s*\W?[A-Z]\b)
    | \A\W*(?:the\s+)?(?P<whole>{_ORDINAL}|last)(?:\s+(?:one|answer))?\W*\Z
    | \b(?:die|der|la|a)\s+(?P<before>{_FOREIGN_ORDINAL}|letzte|dernière|última)\s+
        (?:option|antwort(?:möglichkeit)?|réponse|opción|respuesta|opção|opzione|risposta)\b
    | \b(?:options?|choice|alternative|opción|opção|opzione)\s+
        (?:number\s+|no\.?\s*|nr\.?\s*|\#\s*)?
        (?P<after>{_NUMBER}|[1-6])\b(?![.,]\d|\s+(?:people|seconds|by\b|at\s+a\b|after\b))
    | \banswer\s+(?:number\s+|no\.\s*|\#\s*)(?P<answer>{_NUMBER}|[1-6])\b
    | (?P<jp>[1-6一二三四五六])番目(?:の(?:選択肢|もの))?
    | (?P<ko>첫|두|세|네|다섯)\s?번째(?:\s?(?:보기|선택지|옵션|것))?
    | 第(?P<sign>[一二三四五六1-6])\s*(?:个|個|项|項)?\s*(?:选项|選項|答案|(?=\W*\Z))
    | (?P<last>最后一)(?:个|項|项)\s*(?:选项|選項)?
    | 选项\s*(?P<item>[一二三四五六1-6])
    | (?:[;:]\s|\A\W*+(?:(?:it's|it\ is|definitely|probably|clearly|most\ likely)\s+)?
        |\b(?:is|it's|be|but|pick|choose|select|with|say)\s+|\b(?:choice|answer|pick):\s*)
      (?:the\s+(?:(?P<one>{_ORDINAL}|last)(?:\s+(?:one|answer))?|(?P<pair>former|latter)(?:\s+one)?)
        |(?P<bare>{_ORDINAL}|last)\s+one|number\s+(?P<number>{_NUMBER}|[1-6]))
      (?=\W*\Z|[.,;:!]|\s+(?:because|since|as|is\s+(?:correct|right|the\s+best|most))\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HINT = re.compile(
    r"[#番번第]|option|choice|alternative|number|no\.|answer n|antwort|resp|risp|opzione|opç"
    r"|r[ée]ponse"
    r"|opci|选项"
    r"|選項|最后一|the (?:very|[fstl1-6])| one|\A\W*\w+\W*\Z",
    re.I,
)
"""Parts of words of which a text that names a place holds one; most replies hold none."""
_NUMBER_WORD = re.compile(rf"\b(?:{_NUMBER}|[1-6])\b", re.I)
_LISTED = re.compile(
    rf"\b(?:options|choices)\s+(?:{_NUMBER}|[1-6])"
    rf"(?:\s*(?:,\s*(?:and\b)?|and\b|or\b|&)\s*(?:{_NUMBER}|[1-6])\b)++",
    re.I,
)
_PAIR = re.compile(
    rf"\bthe\s+({_ORDINAL})\s+(?:and|or)\s+(?:the\s+)?({_ORDINAL}|last)"
    r"\s+(?:options?|choices?|answers?)\b",
    re.I,
)


def with_letters(text: str, letters: tuple[str, ...]) -> str:
    """Write "option (B)" for "the second option", "option two" or "the latter".

    Args:
        text: Cleaned reply.
        letters: Of the options, in their order.
    """
    if not _HINT.search(text):
        return text

    def letter_of(match: re.Match[str]) -> str:
        letter = _at(match[match.lastgroup or 0], letters)
        if letter is None or (match["pair"] and len(letters) != 2):
            return match.group()
        return (
            match.group()[: match.start(match.lastgroup or 0) - match.start()].removesuffix("the ")
            + f" option ({letter}) "
        )

    text = _PAIR.sub(lambda match: _both(match, letters), text)
    text = _LISTED.sub(lambda match: _spelt(match, letters), text)
    return _PLACE.sub(letter_of, text)


def _both(match: re.Match[str], letters: tuple[str, ...]) -> str:
    """Write two ordinals with one noun as letters: "the first and the third option"."""
    first, second = _at(match[1], letters), _at(match[2], letters)
    return f"option ({first}) and option ({second}) " if first and second else match[0]


def _spelt(match: re.Match[str], letters: tuple[str, ...]) -> str:
    """Write the numbers of a list as letters: "options 1 and 4"."""
    return _NUMBER_WORD.sub(lambda number: _at(number[0], letters) or number[0], match[0])


def _at(word: str, letters: tuple[str, ...]) -> str | None:
    place = _PLACES.get(word.lower(), len(letters))
    return letters[place] if place < len(letters) else None
