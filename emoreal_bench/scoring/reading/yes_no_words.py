"""Find yes and no as answers: the words that answer, not the word "no" before a noun."""

from __future__ import annotations

import re

from emoreal_bench.scoring.reading.caseless import caseless

_YES = (
    r"yes+|yeah|yep|yup|yea|yah|aye|affirmative|indeed|true|correct|right|sí|si|oui|ja|da|sim|evet"
    r"|да|نعم|हाँ"
)
_NO = (
    r"no+|nope|nah|nay|negative|false|incorrect|wrong|non|nein|não|nao|niet|nee|nej|nie|hay[i\u0131]r"
    r"|нет|لا|नहीं"
)
_YES_SIGNS = r"是|对|對|はい|네|예|有"
_NO_SIGNS = r"不|否|没有|沒有|いいえ|아니|沒"
_PLAIN = r"yes|yeah|yep|yup|affirmative|no|nope|nah|negative"
_START = caseless(
    r"\W*+(?:\d+\s?%\s*)?(?:(?:well|[hm]+m|um|uh|okay|ok|so|oh|ah|and|i think|i believe"
    r"|i would say|i'd say|i vote|it is|it's|that's|that is|is|a|an|simply|just|probably|likely"
    r"|most likely|clearly|definitely|absolutely|certainly|thus|therefore|hence|then|answer"
    r"|the answer is|option|choice|:)\b[\s,:]*)*"
    rf"[\W_]*+(?:(?P<yes>{_YES})|(?P<no>{_NO}))(?![\w'])"
)
_SIGN_START = re.compile(rf"\W*(?:(?P<no>{_NO_SIGNS})|(?P<yes>{_YES_SIGNS}))")
_FIRM_NO = caseless(
    r"\W*(?:(?:definitely|absolutely|certainly|of course|probably|clearly|most certainly|surely"
    r"|i think|i'd say)\s+not\b|not\s+(?:really|at all|quite|necessarily|exactly)\b"
    r"|i (?:don't|do not) (?:think|believe) (?:so|that)\b|it (?:does not|doesn't|isn't|is not)\W*\Z"
    r"|(?:it|he|she|they) (?:does not|doesn't|did not|didn't|is not|isn't)\W*\Z)"
)
_FIRM_YES = caseless(
    r"\W*(?:(?:definitely|absolutely|certainly|of course|sure|surely|exactly|totally)"
    r"\s*(?:[.!,]|\Z)"
    r"|i (?:think|believe|guess) so\b|(?:it|he|she|they) (?:does|do|is|are)\W*\Z)"
)
_LOOSE = caseless(
    r"\W*(?:true|correct|right|false|incorrect|wrong|indeed|da|si|sim|nie|non)\b", re.I
)
_ENDS_CLAUSE = re.compile(r"\s*(?:[.,!;:)\]\"'-]|\Z|\n)")
_NO_PHRASE = re.compile(
    r"\W*no\s+(?:doubt|question|problem|idea|comment|clue|answer|clear answer|way to"
    r"|(?:video|audio|clip|image|file|sound|footage)s?\s+(?:(?:file|clip)\s+)?"
    r"(?:(?:was|were|is|are|has been|have been)\s+)?"
    r"(?:provided|attached|given|uploaded|supplied))\b",
    re.I,
)
_BOTH = re.compile(
    r"\b(?:either\s+|both\s+)?"
    r"(?:yes\W{0,2}\s*(?:/|or|and|\|)\s*\W{0,2}no|no\W{0,2}\s*(?:/|or|and|\|)\s*\W{0,2}yes)\b"
    r"|\Ayes\W+no\W*\Z|\A(?:yes\.\s+no|no\.\s+yes)\.",
    re.I,
)
_SENTENCE = re.compile(r"[.!?\n]+")
_CALLED = caseless(
    rf"(?:\b(?:a|an|is|say|answer|but)\s+|[,:;-]\s*)[\"']?({_PLAIN})[\"']?"
    r"(?=\s*(?:[.,!;\n]|from\b|to\b|\Z))"
)


def without_both(text: str) -> str:
    """Leave out "yes or no", which answers nothing."""
    has_yes = not text.isascii() or "yes" in text.lower()
    return _BOTH.sub(" ", text) if has_yes else text


def polarity_at_start(text: str) -> bool | None:
    """Return whether a passage begins by answering yes (True) or no (False)."""
    if _FIRM_NO.match(text):
        return False
    match = _START.match(text) or _SIGN_START.match(text)
    if match is None or _NO_PHRASE.match(text):
        return None
    # "Right eyebrow raised" and "True sadness" do not answer; "True." does.
    word_start = match.start("yes") if match["yes"] else match.start("no")
    if _LOOSE.match(text, word_start) and not _ENDS_CLAUSE.match(text, match.end()):
        return None
    return match["yes"] is not None


def polarities_in(text: str) -> set[bool]:
    """Return the answers with which sentences of a text begin, or which it names as answers.

    After the first sentence the word "no" must stand alone: "No tears are
    seen" further on is a statement.
    """
    found: set[bool] = set()
    for sentence in _SENTENCE.split(text):
        match = _START.match(sentence)
        if match is None or not _ENDS_CLAUSE.match(sentence, match.end()):
            continue
        found.add(match["yes"] is not None)
    for match in _CALLED.finditer(text):
        found.add(match[1].lower() in ("yes", "yeah", "yep", "yup", "affirmative"))
    return found or ({True} if _FIRM_YES.match(text) else set())
