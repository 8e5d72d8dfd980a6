"""Refusals written in plain text."""

from __future__ import annotations

import re

from emoreal_bench.choices import straight_quotes
from emoreal_bench.scoring.reading.caseless import caseless

_DO = r"""
    (?:help|assist|answer|determine|identify|provide|comply|tell|say|see|hear|view|watch|listen
    |access|process|analy[sz]e|infer|judge|make|give|discuss|do|comment|respond|speculate|engage
    |recogni[sz]e|complete|fulfil|fulfill|play|open|perceive)
"""
_CANNOT = r"(?:can't|cannot|can\ not|couldn't|could\ not|won't|will\ not)"
_MODALITY = r"(?:video|audio|clip|image|media)"
_REFUSAL = caseless(
    rf"""
    (?:\b(?=[a-z])|(?=[^\x00-\x7f]))  # At once done with the middle of a word.
    (?:
      \b(?:i(?:'m|\ am)|we(?:'re|\ are))\s+(?:(?:very|so|really|truly)\s+)?
        (?:sorry|unable|not\s+able|afraid)\b
    | \b(?:sorry|unfortunately|apologi[sz]e|apologies)\b.{{0,60}}
        \b(?:{_CANNOT}|unable|not\s+able|don't|do\s+not|not\s+possible|impossible)\b
    | \b(?:i|we)\s+(?:(?:simply|really|just|honestly)\s+)?{_CANNOT}\s+(?:\w+\s+)?{_DO}
    | \b(?:i|we)\s+(?:don't|do\s+not)\s+(?:have|possess)\s+(?:\w+\s+){{0,3}}
        (?:access|ability|capability|information|video|audio|context)
    | \b(?:i|we)\s+(?:must|have\s+to|need\s+to|would|will)\s+(?:respectfully\s+)?
        (?:decline|refuse)
    | \bas\s+an?\s+(?:\w+\s+){{0,3}}(?:ai|language\s+model|assistant|model)\b
    | \b(?:no|without)\s+{_MODALITY}\s+(?:\w+\s+){{0,2}}
        (?:provided|attached|given|available|access|was|is)
    | \bagainst\s+my\s+(?:\w+\s+)?(?:guidelines|policy|policies|programming)\b
    | \bi\s+(?:prefer|would\s+prefer|'d\s+prefer)\s+not\s+to\b
    | 抱歉|对不起|無法|无法|不能回答|申し訳|できません|お答えでき|죄송|할\s?수\s?없
    | \blo\s+siento\b|\bno\s+puedo\b|\bje\s+suis\s+désolée?\b|\bje\s+ne\s+peux\b
    | \bes\s+tut\s+mir\s+leid\b|\btut\s+mir\s+leid\b|\bich\s+kann\b.{{0,60}}\bnicht\b
    | \bdesculpe\b|\bnão\s+posso\b|\bnon\s+posso\b|извините|не\s+могу
    )
    """,
    re.VERBOSE | re.DOTALL,
)


def is_refusal(text: str) -> bool:
    """Return whether a reply without an answer declines to give one.

    Args:
        text: The reply as the model wrote it.
    """
    return _REFUSAL.search(straight_quotes(text)) is not None
