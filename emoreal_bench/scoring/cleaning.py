"""Take from a reply what is dress and not words: markup, special tokens, hidden reasoning."""

from __future__ import annotations

import re
import unicodedata

_PUNCTUATION = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "。": ".", "、": ","}
)
_REASONING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)|\A.*</think(?:ing)?>", re.S)
_SPECIAL_TOKEN = re.compile(
    r"<\|[^|>\n]{1,40}\|>|</?s>|<(?:unk|pad|eos|bos|end_of_turn|start_of_turn)>", re.I
)
_MARKED_ANSWER = re.compile(r"<(answer|final_answer)>\s*(.*?)\s*(?:</\1>|\Z)", re.S | re.I)
_LATEX_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}")
_BOXED = re.compile(r"\$*\\boxed\s*\{([^{}]*)\}\$*")
_STRUCK_OUT = re.compile(r"~~.*?~~", re.S)
_MARKDOWN = re.compile(r"```(?:json|text|plaintext|python)?|[*`$]|(?<![^\W_])_+|_+(?![^\W_])")
_LINE_DRESS = re.compile(r"^[^\w(\[{\"'<\n]+", re.M)
_CYRILLIC_LETTER = re.compile(r"(?<!\w)[АВСЕ](?=\s*(?:[)\].:,]|$))", re.M)
_LOOK_ALIKES = {"А": "A", "В": "B", "С": "C", "Е": "E"}
_BLANKS = re.compile(r"[^\S\n]+")


def clean(text: str) -> str:
    """Give the words of a reply, line by line.

    Full-width signs become plain ones, hidden reasoning and struck-out text
    go, and an answer set apart by markup is introduced in words.

    Args:
        text: The reply as the model wrote it.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION)
        text = _CYRILLIC_LETTER.sub(lambda match: _LOOK_ALIKES[match.group()], text)
    if "<" in text:
        text = _REASONING.sub("", text)
        text = _SPECIAL_TOKEN.sub(" ", text)
        text = _MARKED_ANSWER.sub(r"\nFinal answer: \2\n", text)
    if "\\" in text:
        text = _LATEX_TEXT.sub(r"\1", text)
        text = _BOXED.sub(r"\nFinal answer: \1\n", text)
    text = _MARKDOWN.sub("", _STRUCK_OUT.sub("", text))
    if not text.isprintable():
        text = "".join(sign for sign in text if sign.isprintable() or sign.isspace())
    return _LINE_DRESS.sub("", _BLANKS.sub(" ", text)).strip()
