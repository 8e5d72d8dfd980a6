"""Take from a reply what is dress and not words: markup, special tokens, hidden reasoning."""

from __future__ import annotations

import re
import unicodedata

_PUNCTUATION = str.maketrans(
    {
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{IDEOGRAPHIC FULL STOP}": ".",
        "\N{IDEOGRAPHIC COMMA}": ",",
    }
)
_REASONING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)|\A.*</think(?:ing)?>", re.S)
_SPECIAL_TOKEN = re.compile(
    r"<\|[^|>\n]{1,40}\|>|</?s>|<(?:unk|pad|eos|bos|end_of_turn|start_of_turn)>", re.I
)
_MARKED_ANSWER = re.compile(r"<(answer|final_answer)>\s*(.*?)\s*(?:</\1>|\Z)", re.S | re.I)
_TAG = re.compile(r"</?(?:p|b|i|u|br|em|strong|span|div|li|ul|ol|code|pre|center|h[1-6])\s*/?>")
_LATEX_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}")
_BOXED = re.compile(r"\$*\\boxed\s*\{([^{}]*)\}\$*")
_STRUCK_OUT = re.compile(r"~~.*?~~", re.S)
_MARKDOWN = re.compile(r"```(?:json|text|plaintext|python)?|[*`$]|(?<![^\W_])_+|_+(?![^\W_])")
_READ_AT_EACH_END = 2000
_FOUR_SIGNS = re.compile(r"[^0-9A-Za-z_]{4}")
_RUN_OF_SIGNS = re.compile(r"([^\w\s])\1{3,}")
_RUN_OF_BLANKS = re.compile(r"(\s{3})\s+")
_MARKDOWN_SIGNS = "*`$_~"
_LINE_DRESS = re.compile(r"^[^\w(\[{\"'<\n]+", re.M)
_CYRILLIC_LETTER = re.compile("(?<!\\w)[\u0410\u0412\u0421\u0415](?=\\s*(?:[)\\].:,]|$))", re.M)
_LOOK_ALIKES = {"\u0410": "A", "\u0412": "B", "\u0421": "C", "\u0415": "E"}
_NEXT_TO_IDEOGRAPH = re.compile(
    r"(?<=[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])(?=[A-Za-z])"
    r"|(?<=[A-Za-z])(?=[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"
)
_QUESTION_ECHO = re.compile(r"(\W*Q(?:uestion)?\s*:.*?)\bA\s*:", re.S)
_NOT_APPLICABLE = re.compile(r"\bn/a\b", re.I)
_BLANKS = re.compile(r"[^\S\n]+")


def clean(text: str) -> str:
    """Return the words of a reply, line by line.

    Full-width signs become plain ones, hidden reasoning and struck-out text
    go, and an answer set apart by markup is introduced in words. Of a reply
    over 4,000 characters the first and the last 2,000 are read, and long runs
    of one sign are cut, so that no reply can hold scoring up.

    Args:
        text: The reply as the model wrote it.
    """
    if len(text) > 2 * _READ_AT_EACH_END:
        text = f"{text[:_READ_AT_EACH_END]}\n{text[-_READ_AT_EACH_END:]}"
    # Most replies are plain: each check saves them a pass with a pattern.
    if _FOUR_SIGNS.search(text):
        text = _RUN_OF_BLANKS.sub(r"\1", _RUN_OF_SIGNS.sub(r"\1\1\1", text))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION)
        text = _CYRILLIC_LETTER.sub(lambda match: _LOOK_ALIKES[match.group()], text)
        text = _NEXT_TO_IDEOGRAPH.sub(" ", text)
    if "<" in text:
        text = without_reasoning(text)
        text = _SPECIAL_TOKEN.sub(" ", text)
        text = _MARKED_ANSWER.sub(r"\nFinal answer: \2\n", text)
        text = _TAG.sub(" ", text)
    if "\\" in text:
        text = _LATEX_TEXT.sub(r"\1", text)
        text = _BOXED.sub(r"\nFinal answer: \1\n", text)
    if not text.isprintable():
        text = _BLANKS.sub(" ", _without_controls(text))
    if any(sign in text for sign in _MARKDOWN_SIGNS):
        text = _MARKDOWN.sub("", _STRUCK_OUT.sub("", text))
    if "/" in text:
        text = _NOT_APPLICABLE.sub("", text)
    echo = _QUESTION_ECHO.match(text) if "Q" in text else None
    if echo:
        text = f"{echo[1]}Answer:{text[echo.end() :]}"
    return _without_line_dress(text).strip()


def _without_controls(text: str) -> str:
    """Leave out signs that are neither printed nor blank."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(sign for sign in text if sign.isprintable() or sign.isspace())


def _without_line_dress(text: str) -> str:
    """Leave out what lines begin with before their words."""
    if "\n" in text:
        return _LINE_DRESS.sub("", text)
    dress = _LINE_DRESS.match(text)
    return text[dress.end() :] if dress else text


def without_reasoning(text: str) -> str:
    """Set aside what a model wrote to itself before it replied."""
    return _REASONING.sub("", text)
