"""Take from a reply what is not its answer: hidden reasoning, later turns, tokens and markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_NAMES = (
    r"(?:internal_|inner_|seed:|ant)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|monologue"
    r"|analysis|scratch_?pad|rationale|deliberation|cot|思考)(?:_(?:process|content|block))?"
)
_MARK = re.compile(
    rf"""
    [<\[{{【〈\u25c1]\|?(?P<end>/\|?|end_(?:of_)?)?(?:(?:begin|start)_(?:of_)?)?
      (?:{_NAMES})(?:\s[^<>\[\]\n]{{0,80}})?\|?[>\]}}】〉\u25b7]
    | <\|?channel\|?>\s*+(?:(?P<final>final|response|answer)
        |(?P<hidden>analysis|commentary|thought|thinking
          |reasoning))(?:[^<>\n]{{0,60}}<\|message\|>)?
    | (?P<inner_end><\|(?:end|return|message)\|>|<turn\|>|<channel\|>|</details>)
    | \A\s*+\#{{1,6}}\s*+(?:thinking|thoughts?|reasoning)\W*\n
      (?=(?s:.*)^\#{{1,6}}\s*+(?:final\s+)?(?:response|answer)\b)
    | (?P<inner_close>^\#{{1,6}}\s*(?:final\s+)?(?:response|answer)\W*$)
    | <unused94>(?:thought)? | (?P<unused><unused95>)
    | <details\stype="reasoning"[^>\n]{{0,80}}>
    | (?P<said>\.\.\.\s?done\ thinking\.?|here\ is\ my\ (?:final\ )?response\s?:
        |(?-i:assistantfinal(?![a-z]))|【(?:答案|回答|答え)】)
    | \A\s*+(?:thinking(?:\.\.\.|…)\s*\n|here\ is\ my\ thought\ process\s?:
        |(?-i:analysis(?=[A-Z])|thought\n))
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
"""Where reasoning begins (no group) or ends (a group other than ``hidden``)."""
_MARK_HINTS = ("<", "[", "{", "【", "〈", "\u25c1", "hinking", "response", "assistantfinal")
_MARK_HINT = re.compile("|".join(map(re.escape, _MARK_HINTS)))
_MARK_START = re.compile(r"\W*+(?:analysis|thought|reasoning|here is my)", re.I)

_ROLES = (
    r"user|human|question|q|instruction|input|problem|task|exercise|next\s+(?:question|clip|video)"
    r"|new\s+(?:question|clip|video)|用户|人类|题目|问题|问|質問|ユーザー|질문|사용자|pregunta|usuario|frage|nutzer"
)
_TURN = re.compile(
    rf"""
    <\|(?:im_start|start_header_id|start|header_start)\|>\s*+(?P<token>\w*+)\s*+
      (?:<\|(?:end_header_id|message|header_end)\|>)?
    | <\|(?P<short>user|assistant|system|human)\|> | <start_of_turn>\s*+(?P<gemma>\w*+)
    | (?P<inst>\[INST\]) | \[/INST\]
    | <\|(?:eot_id|im_end|endoftext|end_of_text|end)\|>|<(?:end_of_turn|eos)>|</s>
      |</(?:final_)?answer>|<(?P<xml>question|user)>
    | ^(?P<phrase>(?:now,?\s+)?(?:(?:let's\s+)?consider|here\s+is|here's|next\s+is
      |let's\s+(?:look\s+at|move\s+on\s+to))\s+(?:the\s+|a\s+)?(?:another|new|following
        |next)\b[^\n]{{0,40}}?\bquestion)
    | ^[ \t>]*+(?:\#{{1,6}}[ \t]*+)?\**+(?:(?P<asked>(?:{_ROLES})(?:[ \t]?\#?\d+)?)
        |assistant|model|bot|助手)\**+[ \t]?[:\uff1a]\**+
    | ^\#{{1,6}}[ \t]*+(?P<heading>(?:{_ROLES}|example|exercise|task)\b[^\n]{{0,40}})$
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_LONE_LETTER_LINE = re.compile(r"\s*+(?:answer\s?:\s?)?[(\[*\"']*+[A-Z][)\].*\"']*+[ \t]*+\n", re.I)
_LISTED_LETTER = re.compile(r"^\W{0,3}([AB])[).:]", re.M)

_PUNCTUATION = str.maketrans(
    {
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        **dict.fromkeys("«»„‟「」『』", '"'),
        "\N{EN DASH}": "-",
        "\N{EM DASH}": " - ",
        "\N{IDEOGRAPHIC FULL STOP}": ".",
        "\N{IDEOGRAPHIC COMMA}": ",",
        "\N{VARIATION SELECTOR-16}": "",
        "\N{MUCH GREATER-THAN}": ">",
        "\N{THUMBS UP SIGN}": "✓",
        "\N{THUMBS DOWN SIGN}": "✗",
        "\N{FIRST PLACE MEDAL}": "Best: ",
        "\N{SECOND PLACE MEDAL}": "2nd: ",
        "\N{THIRD PLACE MEDAL}": "3rd: ",
        **dict.fromkeys("✖\N{MULTIPLICATION SIGN}\N{LARGE RED SQUARE}", "✗"),
        **dict.fromkeys("▢☐□⬜⬛◻◽▫🔲🔳\N{LARGE RED CIRCLE}\N{MEDIUM WHITE CIRCLE}", "✗"),
        **dict.fromkeys("☑☒◉🔘\N{LARGE GREEN CIRCLE}", "✓"),
        **dict.fromkeys("○◯⭕\N{LARGE GREEN SQUARE}", "✓"),
    }
)
_FULL_BOX = re.compile(r"[\[(][xX*•●✓✔][\])]")
_MARKED_ANSWER = re.compile(
    r"<\|begin_of_box\|>|<(final_answer|final|answer|choice|option|conclusion|response|output"
    r"|label|emotion)>",
    re.I,
)
_MARKED_END = re.compile(
    r"<\|end_of_box\|>|</(?:final_answer|final|answer|choice|option|conclusion|response|output"
    r"|label|emotion)>",
    re.I,
)
_TAG = re.compile(
    r"</?(?:p|b|i|u|br|em|strong|span|div|li|ul|ol|code|pre|center|h[1-6]|table|tr|td|summary"
    r"|caption)\s?/?>",
    re.I,
)
_LATEX_TEXT = re.compile(
    r"\\(?:text|mathrm|mathbf|textbf|textit|mathsf|operatorname)\s*\{([^{}]*)\}"
)
_BOXED = re.compile(r"\${0,2}\\(?:boxed|fbox)\s?\{([^{}]*)\}\${0,2}|\\[()\[\]]")
_ROW_END = re.compile(r"</(?:tr|li|p|div)>|<br\s?/?>", re.I)
_CELL = re.compile(r"<([A-Z])>([^<>\n]{1,20})</\1>")
_STRUCK_OUT = re.compile(r"~~[^~]*~~")
_MARKDOWN = re.compile(
    r"```(?:json|text|plaintext|python|yaml|markdown)?|[*`$]|(?<![^\W_])_+|_+(?![^\W_])"
)
_MARKDOWN_SIGN = re.compile(r"[*`$_~]")
_TABULATOR = re.compile(r"(?<=[\w.)\]])\t++(?=\S)")
_READ_AT_EACH_END = 4000
_FOUR_SIGNS = re.compile(r"[^0-9A-Za-z_]{4}")
_RUN_OF_SIGNS = re.compile(r"([^\w\s])\1{3,}+")
_RUN_OF_BLANKS = re.compile(r"(\s{3})\s++")
_CYRILLIC_LETTER = re.compile("(?<!\\w)[\u0410\u0412\u0421\u0415](?=\\s*(?:[)\\].:,]|$))", re.M)
_LOOK_ALIKES = {"\u0410": "A", "\u0412": "B", "\u0421": "C", "\u0415": "E"}
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_NEXT_TO_IDEOGRAPH = re.compile(
    rf"(?<=[{_IDEOGRAPHS}])(?=[A-Za-z])|(?<=[A-Za-z])(?=[{_IDEOGRAPHS}])"
)
_QUESTION_ECHO = re.compile(r"(\W{0,8}Q(?:uestion)?\s?:[^\n]*?\n?\s?)\bA\s?:")
_SHORTEST_ECHO = 12
_SINGLE_QUOTES = re.compile(
    r"(?<![\w'])'(?!\s)((?:[^'\"\n]|(?<=\w)'(?=\w)){1,80})(?<!\s)'(?![\w'])"
)
_NOT_APPLICABLE = re.compile(r"\bn/a\b", re.I)
_STARS = re.compile("([\N{BLACK STAR}\N{WHITE MEDIUM STAR}]*+)\N{WHITE STAR}*+(?<=[★☆⭐])")
_BLANKS = re.compile(r"[^\S\n]++")
_AT_HAND = 16
"""Replies whose cleaned text is kept, since one is read, then perhaps tested for a refusal."""
_POLITE_WORDS = ("happy", "glad", "pleased", "delighted", "sorry", "afraid", "sad")
_POLITE_WORD = re.compile("|".join(_POLITE_WORDS))
_POLITE = re.compile(
    r"\b(?:i'd|i would|i'm|i am|we'd|we would)\s+(?:be\s+)?(?:more\s+than\s+|very\s+"
    r"|so\s+)?(?:happy|glad|pleased|delighted|sorry|afraid|sad)\b"
    r"|\b(?:happy|glad|pleased) to (?:help|assist)\b",
    re.I,
)


@lru_cache(maxsize=_AT_HAND)
def without_reasoning(text: str) -> str:
    """Set aside what a model wrote to itself before it replied.

    A mark that ends reasoning without one that begins it belongs to reasoning
    that began with the reply; reasoning without an end lasts to the end.
    """
    if not _MARK_HINT.search(text) and not _MARK_START.match(text):
        return text
    kept: list[str] = []
    start, inside = 0, False
    for mark in _MARK.finditer(text):
        opens = mark.lastgroup in (None, "hidden")
        if mark.lastgroup in ("inner_end", "inner_close") and not inside:
            continue
        if opens and not inside:
            kept.append(text[start : mark.start()])
        elif not opens:
            if not inside and not re.search(r"\w", text[mark.end() :]):
                continue  # A mark too many at the end.
            if not inside:
                kept.clear()
            start = mark.end()
        inside = opens
    return "".join(kept if inside else [*kept, text[start:]])


def first_turn(text: str) -> str:
    """Cut a reply where the model goes on with turns of its own making.

    A reply that begins by quoting the question back is read from there on.
    """
    if "\n" not in text and "<" not in text and "[" not in text and ":" not in text[:20]:
        return text
    question, start, asked = "", 0, False
    for mark in _TURN.finditer(text):
        piece = text[start : mark.start()]
        if re.search(r"\w", piece):
            if not asked:
                return piece
            question = question or piece
        role = (mark["token"] or mark["short"] or mark["gemma"] or "").lower()
        asked = role in ("user", "human", "think", "thinking", "analysis") or any(
            mark[group] for group in ("asked", "heading", "inst", "xml", "phrase")
        )
        start = mark.end()
    rest = text[start:] if start else text
    if question and (asked or not re.search(r"\w", rest)):
        return question
    lone = _LONE_LETTER_LINE.match(rest)
    if lone and {"A", "B"} <= set(_LISTED_LETTER.findall(rest, lone.end())):
        return lone[0]
    return rest


@lru_cache(maxsize=_AT_HAND)
def clean(text: str) -> str:
    """Return the words of a reply, line by line.

    Hidden reasoning, later turns and struck-out text go, full-width signs
    become plain ones, and an answer set apart by markup is introduced in
    words. Of what remains the first and the last 4,000 characters are read,
    so that no reply can hold scoring up.

    Args:
        text: The reply as the model wrote it.
    """
    text = _ends_of(text)
    # Most replies are plain: each check saves them a pass with a pattern.
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION)
        text = _CYRILLIC_LETTER.sub(lambda match: _LOOK_ALIKES[match.group()], text)
    if "[ ]" in text or "( )" in text:
        text = _FULL_BOX.sub("✓", text.replace("[ ]", "✗").replace("( )", "✗"))
    text = _without_markup(text)
    if not text.isascii():
        text = _NEXT_TO_IDEOGRAPH.sub(" ", text)
    if not text.isprintable():
        text = _TABULATOR.sub(" | ", text) if "\t" in text else text
        text = _BLANKS.sub(" ", _without_controls(text))
    if text.count("'") > 1:
        text = _SINGLE_QUOTES.sub(r'"\1"', text)
    if "/" in text:
        text = _NOT_APPLICABLE.sub("", text)
    return text.strip()


_NEXT_QUESTION = re.compile(
    r"""
    \n[ \t]*+(?:(?:user|human|assistant|model|bot)[ \t]*+(?=\n)
      |[^\w\n(]{0,6}(?:(?:(?:next|new|another|follow-?up|second|related)\s++)?question
        |follow-?up|(?:next|new|another)\s++(?:clip|video)|(?:clip|video|sample
          |utterance)[ ]?[:\#]?[ ]?(?=\d)|q)\b[ \t]?\#?\d{0,3}[^\n:.?]{0,20}[:.?]
      |(?:\d{1,2}[.)]\s)?(?:which|what|who|whose|whom|why|how|where|when|is|are|was|were|do|does
        |did|can|could
        |would|at\s+what|in\s+(?:what|which)|on\s+a|name|choose|pick|select)\b[^\n?]{15,300}\?
        [^\S\n]*+(?=\n|\Z))
    | \n[ \t]*+\n\W{0,4}(?:clip|video|audio|sample|utterance|item|example|case|segment)[ ]?\#?
      \d{1,3}[ ]?(?:[:.)-]|(?=\n))
    | (?<=[\w.!)\]])\s(?:\[(?:sep|eos|end)\]|(?:user|human|question|q\d?)\s?:\s)
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Where a reply may go on with a question of its own making: the answer is before it."""


def next_questions(reply: str) -> Iterator[int]:
    """Yield where a cleaned reply asks something itself, after it has said something."""
    if "\n" in reply or ":" in reply or "]" in reply:
        for match in _NEXT_QUESTION.finditer(reply):
            if match.start() > 0:
                yield match.start()


def without_echo(reply: str, question: str) -> str:
    """Leave out the question with which a cleaned reply begins, and a list that goes on with it."""
    asked = question.strip(" .?!:").casefold()
    if len(asked) < _SHORTEST_ECHO or reply[: len(asked)].casefold() != asked:
        return reply
    rest = reply[len(asked) :]
    if rest.startswith(":"):
        rest = rest.partition("\n")[2]
    return rest.lstrip(" .?!") if re.search(r"\w", rest) else reply


def _ends_of(text: str) -> str:
    """Return both ends of what a reply answers, without long runs of one sign."""
    text = without_reasoning(text)
    echo = _QUESTION_ECHO.match(text) if "Q" in text else None
    if echo:
        text = f"{echo[1]}Answer:{text[echo.end() :]}"
    text = first_turn(text)
    if len(text) > 2 * _READ_AT_EACH_END:
        text = f"{text[:_READ_AT_EACH_END]}\n{text[-_READ_AT_EACH_END:]}"
    if not text.isascii():
        text = _STARS.sub(lambda match: str(len(match[1])), text)
    if _FOUR_SIGNS.search(text):
        text = _RUN_OF_BLANKS.sub(r"\1", _RUN_OF_SIGNS.sub(r"\1\1\1", text))
    return text


def _without_markup(text: str) -> str:
    """Leave out tags, LaTeX and Markdown, and introduce in words an answer that they set apart."""
    if "<" in text:
        text = _CELL.sub(r"\n\1: \2\n", text)
        text = _ROW_END.sub("\n", text.replace("</td>", " | "))
        text = _MARKED_END.sub("\n", _MARKED_ANSWER.sub("\nFinal answer: ", text))
        text = _TAG.sub(" ", text)
    if "\\" in text:
        text = _BOXED.sub(_introduced, _LATEX_TEXT.sub(r"\1", text))
    if _MARKDOWN_SIGN.search(text):
        text = _MARKDOWN.sub("", _STRUCK_OUT.sub("", text))
    return text


def _introduced(match: re.Match[str]) -> str:
    return " " if match[1] is None else f"\nFinal answer: {match[1]}\n"


def _without_controls(text: str) -> str:
    """Leave out signs that are neither printed nor blank."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(sign for sign in text if sign.isprintable() or sign.isspace())


def without_politeness(text: str) -> str:
    """Leave polite phrases out of a cleaned reply: "I'd be happy to help"."""
    return _POLITE.sub(" ", text) if _POLITE_WORD.search(text) else text
