"""Refusals written in plain text."""

from __future__ import annotations

import re

from emoreal_bench.choices import straight_quotes
from emoreal_bench.scoring.reading.cleaning import without_reasoning

_DO = r"""
    (?:help|assist|answer|determine|identify|provide|comply|tell|say|see|hear|view|watch|listen
    |access|process|analy[sz]e|infer|judge|make|give|discuss|do\b|comment|respond|speculate|engage
    |recogni[sz]e|complete|fulfil|fulfill|play|open|perceive|assess|evaluate|label|classify
    |offer|share|interpret|read|guess|continue|proceed|support|perform|verify|assign|detect
      |describe|rate)
"""
_CANNOT = (
    r"(?:can't|cannot|can\ not|couldn't|could\ not|won't|will\ not|shouldn't|should\ not"
    r"|wouldn't|am\ not\ going\ to|'m\ not\ going\ to)"
)
_MODALITY = r"(?:video|audio|clip|image|media|footage|recording|file|sound)"
_KNOWN = r"(?:determined|known|said|told|judged|decided|identified|inferred|established)"
_BASIS = r"(?:information|context|evidence|details?|data|material)"
_REFUSAL = re.compile(
    rf"""
    (?:\b(?=[a-z])|(?=[^\x00-\x7f]))  # At once done with the middle of a word.
    (?:
      \b(?:i(?:'m|\ am)|we(?:'re|\ are))\s+(?:(?:very|so|really|truly|just|simply|currently)\s+)?
        (?:sorry|unable|not\s+able|afraid|not\s+(?:allowed|permitted|comfortable|in\s+a\s+position
          |equipped|designed|going\s+to|qualified|programmed|willing|authori[sz]ed)|uncomfortable
            |incapable|obliged\s+to\s+decline|prohibited)\b
    | \b(?:sorry|unfortunately|apologi[sz]e|apologies|regret(?:fully|tably)?)\b.{{0,60}}?
        \b(?:{_CANNOT}|unable|not\s+able|don't|do\s+not|not\s+possible|impossible|decline)\b
    | \b(?:i|we)\s?(?:(?:simply|really|just|honestly|also|still)\s+)?{_CANNOT}\s+(?:\w+\s+)?{_DO}
    | \b(?:i|we)\s+(?:don't|do\s+not|lack)\s+(?:(?:have|possess)\s+)?(?:\w+\s+){{0,3}}?
        (?:access|ability|capability|capabilities|information|video|audio|context|means|permission)
    | \b(?:i|we)\s+(?:don't|do\s+not)\s+(?:feel\s+comfortable|think\s+it\s+(?:is
      |would\s+be)\s+appropriate|(?:identify|infer|analy[sz]e|judge|answer|comment|do|make|engage
        |speculate|label|watch|process|provide|assign)\b)
    | \b(?:i|we)(?:'ll|'d)?\s?(?:(?:must|have\s+to|need\s+to|would|will|shall|am\s+going\s+to
      |respectfully|choose\s+to|'d|would\s+like\s+to|want\s+to|can\s+only|politely|'m\s+going\s+to
        |am\s+required\s+to)\s+){{0,3}}
        (?:decline|refuse|refrain|abstain|pass\b|skip\b|avoid\s+(?:answering|making|guessing))
    | \b(?:i|we)(?:'d|\ would|\ will|'ll)?\s+(?:rather|prefer|have\s+to\s+prefer)\s+not\b
    | \b(?:i'd|i\ would)\s+(?:rather|prefer)\s+not\b
    | \bas\s+an?\s+(?:\w+\s+|\w+-\w+\s+){{0,3}}(?:ai|language\s+model|assistant|model)\b
    | \b(?:no|without)\s+{_MODALITY}\s+(?:\w+\s+){{0,2}}(?:provided|attached|given|available
      |access|was|is)
    | \b(?:against|violat\w+|outside|goes\s+beyond|not\s+(?:consistent|compatible)\s+with)\s+(?:my
      |our|the|openai's|usage)\s+(?:\w+\s+){{0,2}}(?:guidelines?|polic(?:y|ies)|programming|rules
        |principles|capabilities|scope)\b
    | \b(?:my|our)\s+(?:\w+\s+){{0,2}}(?:guidelines?|polic(?:y|ies)|programming
      |rules)\s+(?:do(?:es)?\s+not|don't|prevents?|prohibits?|forbids?)
    | \b(?:this|that|the|your)\s+(?:request|question|task)\s+(?:cannot\s+be\s+(?:fulfilled
      |completed|processed)|can't\s+be\s+(?:fulfilled|completed)|has\s+been\s+(?:declined|refused
        |blocked)|is\s+(?:declined|refused|outside|not\s+something))
    | \A\W*(?:(?:request|answer)\s+)?(?:declined?|refused|refuse|denied|pass|no\s+comment
      |unable\s+to\s+\w+|not\s+able\s+to\s+\w+|not\s+allowed|not\s+permitted|i\s+pass|i\s+refuse
        |can't\s+(?:do|answer|help|say|comply)|cannot\s+(?:comply|answer|help|assist|provide
          |process|complete|determine\s+from)|won't\s+answer|sorry)\b(?=[^a-z]|\s)
    | \b(?:it\s+(?:is|would\s+be|isn't|wouldn't\s+be)|it's)\s+(?:not\s+)?(?:inappropriate
      |unethical|appropriate|ethical|possible\s+for\s+me)\b
    | \b(?:i|we)\s+(?:don't|do\s+not)\s+(?:know|see\s+any\s+(?:{_MODALITY}|attachment))\b
    | \b(?:i|we)\s+have\s+no\s+(?:access|way|means|information|{_MODALITY})\b
    | \b(?:can't|cannot|could\s+not|couldn't)\s+be\s+{_KNOWN}\b
    | \b(?:impossible|not\s+possible)\s+(?:for\s+me\s+)?to\s+(?:tell|say|know|determine|judge
      |decide|answer|identify|infer)\s(?:\w+\s){{0,2}}?(?:from|by|without|based)\b
    | \b(?:not|n't|no)\s+(?:\w+\s+)?(?:enough|sufficient)\s+{_BASIS} | \binsufficient\s+{_BASIS}
    | \b(?:please|could\s+you|can\s+you)\s+(?:please\s+|first\s+)?(?:provide|upload|share|attach
      |send|resend)\s+(?:\w+\s+){{0,2}}{_MODALITY}\b
    | \b(?:i'm|i\s+am)\s+(?:just\s+|only\s+)?an?\s+(?:\w+[-\s]+){{0,3}}?ai\b
    | \A\W*(?:no\s+answer|unknown)\W*\Z
    | \bthat(?:'s|\s+is)\s+not\s+something\s+i\b | \b(?:not|isn't)\s+something\s+i\s+(?:can|am
      |will|could)\b
    | \bcan't\s+help\s+(?:you\s+)?with\b | \bcannot\s+help\s+(?:you\s+)?with\b
    | \bi\s+(?:refuse|decline)\b | \bmust\s+decline\b
    | 抱歉|对不起|對不起|無法|无法|不能回答|不便回答|拒绝回答|不能提供
    | 不能判断|我不能|不会回答|不予回答|恕我|不方便
    | 申し訳|できません|お答えでき|お断り|差し控え|ごめんなさい|すみません
    | 答えられ|できかね|控えさせ
    | 죄송|할\s?수\s?(?:는\s?)?없|미안|답변(?:을\s|이\s)?(?:드릴|거부|어렵|불가)|거절|어렵습니다
    | \blo\s+siento\b|\b(?:no|nunca)\s+(?:me\s+es\s+posible|puedo|podemos
      |estoy\s+(?:en\s+condiciones|autorizad\w))\b|\blamento\b|\bme\s+niego\b|\bprefiero\s+no\b
        |\bdisculp\w+
    | \bje\s+suis\s+d[eé]sol[eé]e?\b|\bd[eé]sol[eé]e?\b|\bje\s+(?:ne\s+(?:peux|suis\s+pas|souhaite
      |veux|pourrai|saurais)|refuse|pr[eé]f[eè]re\s+ne\s+pas|m'abstien\w+)\b
        |\bil\s+ne\s+m'est\s+pas\s+possible\b|\bje\s+m'excuse
    | \btut\s+mir\s+(?:sehr\s+)?leid\b|\bleider\s+(?:kann|darf|ist)\b|\bich\s+(?:kann|darf|möchte
      |werde)\b.{{0,60}}?\bnicht\b|\bentschuldigung\b|\b(?:kann|darf)\s+ich\b.{{0,40}}?\bnicht\b
        |\bich\s+(?:lehne|weigere|muss\s+ablehnen)\b|nicht\s+in\s+der\s+lage|\bich\s+bin\s+nicht\b
    | \bdesculpe\b|\bnão\s+posso\b|\bnon\s+posso\b|\bmi\s+dispiace\b|извините|не\s+могу
    )
    """,
    re.VERBOSE | re.DOTALL,
)


def is_refusal(text: str) -> bool:
    """Return whether a reply without an answer declines to give one.

    Args:
        text: The reply as the model wrote it.
    """
    return _REFUSAL.search(straight_quotes(without_reasoning(text)[:4000]).lower()) is not None
