"""Mark yes and no where they answer; "no sound", "it is true that" and "negative" do not."""

from __future__ import annotations

import re

from emoreal_bench.scoring.reading.marks import WEAK, WORD, mark

_WORDS = re.compile(
    r"(?<![\w/-])(?<!\w')(?:(?P<yes>yes+|yeah+|yep|yup|yea|yah|aye|oui|sí|sì|evet|да|نعم|हाँ)"
    r"|(?P<no>nope|nah|nay|nein|não|nao|niet|nee|nej|hay[i\u0131]r|нет|لا|नहीं)"
    r"|(?P<bare_no>no+n?)"
    r"|(?P<loose_yes>true|correct|right|indeed|affirmative|si|ja|da|sim|accurate|absolutely"
    r"|certainly|definitely"
    r"|exactly|surely|of course|sure(?: thing| does| is)?|totally|claro que sí|claro"
    r"|bien sûr|natürlich"
    r"|doch|richtig|korrekt|das stimmt|stimmt|exact|vrai|correcto|cierto|esatto|certo)"
    r"|(?P<loose_no>false|incorrect|wrong|negative|untrue|inaccurate|falsch|faux|falso"
    r"|incorrecto|nie|nicht wirklich|pas du tout|claro que no))"
    r"(?![\w/-])(?!'\w)"
)
_ENDS = re.compile(r"\s*+(?:[.,!;:)\]\"'\n\u2026✅✓✔❌✗✘]|-|\Z|[\ue000-\ue13f(])")
_GOES_ON = re.compile(
    r"\s+(?:if|because|since|as|but|it|he|she|they|there|this|that|the|i|we|not|from|in|at"
    r"|during|after|until|here|then|again|to the|way"
    r"|sir|for sure|indeed|yes"
    r"|while|although|though|given|due|definitely|absolutely|really|both|porque|car|parce|denn"
    r"|weil|his|her|their"
    r"|no se|no hay|il|elle|er|sie|es|ella|él)\b(?!\s+(?:one|more|longer)\b)"
)
_ONE_CLAIM = 80
_NEXT_SENTENCE = re.compile(r"[.!?]\s*\w|\n")
_CALLED = re.compile(r"\b(?:answer|verdict|result|conclusion|decision)\s?:\s?\Z")
_NO_PHRASE = re.compile(
    r"\.\s?\d|\s*+(?:fewer|less|more than|sooner|estoy segur[oa]|lo sé|se sabe|puedo|podemos"
    r"|me es posible|está claro|es posible|se puede|doubt|question|problem|idea|comment|clue"
    r"|answer|clear answer|way to|one|worries|need|matter"
    r"|(?:video|audio|clip|image|file|sound|footage)s?\s+(?:(?:file|clip)\s+)?"
    r"(?:(?:was|were|is|are|has been|have been)\s+)?(?:provided|attached|given|uploaded|supplied"
    r"|available))\b"
)
_REPORTED = re.compile(
    r"(?:\b(?:as if to|seems? to|heard to|hear (?:him|her|them|someone|people)|to hear \w+) say"
    r"|(?<!i )(?<!'d )(?<!would )(?<!have to )(?<!must )(?<!want to )(?<!like to )(?<!inclined t"
    r"o )\bsay|\b(?:says|said|saying|nods?|nodding|answers|answered|replies|replied|shouts"
    r"|(?<!i )(?<!would )(?<!to )(?:shout|yell|whisper|scream|chant|repeat|call)"
    r"|shouted|whispers|yells|screams|repeats|repeating|mouths|means|meaning|nodded|head|and no"
    r"|called|named|titled|reads|of(?=\s)))[\s,:]*+[\"']?\Z"
)
_CLAIM = re.compile(
    r"\b(?:(?:statement|claim|assertion|description|hypothesis|proposition|premise"
    r"|interpretation|inference"
    r"|conclusion|caption|answer|response|verdict)\s+(?:is|would be|seems|appears(?:\s+to\s+be)?"
    r"|holds)"
    r"|(?:that|this|it)(?:'s|\s+is)|das\s+ist|c'est|(?:eso\s+)?es|answer|verdict"
    r"|response)\s*:?\s*[\"']?(?:\w+ly\s+)?\Z"
)
_BOTH = re.compile(
    r"\b(?:either\s+|both\s+)?(?:yes[\"'*]?\s?(?:/|or|and|\|)\s?[\"'*]?no|no[\"'*]?\s?(?:/|or"
    r"|and|\|)\s?[\"'*]?yes)\b"
    r"|\byes-no\b"
)
_FIRM = re.compile(
    r"\A(?:[^.?!\n\ue000-\ue13f]{1,60}\?)?[^\w\ue000-\ue13f]*+(?:(?:well|h+m+|um|uh|okay|ok|so"
    r"|oh|ah|and|but|no|honestly"
    r"|overall)\b[\s,:.]*+)*+(?:"
    r"(?P<no>(?:definitely|absolutely|certainly|of course|probably|clearly|most certainly|surely"
    r"|i think|i'd say"
    r"|likely|apparently|i guess|i'm afraid|obviously"
    r"|unfortunately)\s+not(?=[^\w\ue000-\ue13f]*\Z|\s*[.,!;:\n-]|\s+(?:because|since|as)\b)"
    r"|je ne (?:pense|crois) pas|ich (?:glaube|denke) nicht|non credo|non penso|não creio"
    r"|no lo creo|creo que no|that(?:'s"
    r"| is) not (?:the case|true|correct|right|accurate)|(?:this|it)(?:'s| is) not (?:the case"
    r"|true|correct|right)|i (?:highly |really )?doubt (?:it|that|so)|(?:hardly|not likely"
    r"|not in this (?:clip|video)|not that i can \w+|not as far as i can \w+)(?=\W*\Z|[.,])"
    r"|i'm afraid not|para nada|desde luego que no|claro que no|auf keinen fall|absolument pas"
    r"|das stimmt nicht|by no means|not (?:in the least|a chance|even close|one bit)"
    r"|(?:far from it|no way)(?=\W*\Z|[.,!])|in no way|en absoluto|keineswegs|überhaupt nicht"
    r"|pas du tout"
    r"|nada de eso|de ninguna manera|absolutamente no|全然|まったく違"
    r"|yo no diría|eher nicht|wohl nicht"
    r"|plutôt non"
    r"|not (?:really|at all|quite|necessarily|exactly|likely|true|correct|so)\b"
    r"|(?:i|we) (?:don't|do not|wouldn't) (?:really )?(?:think|believe) (?:so|that)\b"
    r"|(?:it|he|she|they|there) (?:does not|doesn't|did not|didn't|do not|don't|is not|isn't"
    r"|are not|aren't|was not|wasn't)\W*+\Z)"
    r"|(?P<yes>(?:undoubtedly|you bet|very much(?: so)?)"
    r"[.!\s]*+\Z|i'd say so|i would say so|it (?:would |does )?(?:seem|appear)s? so|desde luego"
    r"|por supuesto que sí|without (?:a |any )?(?:doubt|question)\b(?=\W*\Z|[.,!])"
    r"|no doubt(?: about it)?(?=\W*\Z)|por supuesto|auf jeden fall|en effet|tout à fait"
    r"|(?:of course|certainly|absolutely|definitely|surely),? (?:he|she|it|they|there) (?:is"
    r"|does|do|are|did"
    r"|was|has)\W*+\Z|creo que sí|je (?:pense|crois) que oui|ich (?:glaube|denke) (?:ja|schon)"
    r"|eher ja|(?:i"
    r"|we) (?:think|believe|guess|suppose) so\b"
    r"|(?:it|he|she|they|there) (?:(?:certainly|definitely|really|clearly|absolutely) )?(?:does"
    r"|do|is|are|did|was)(?: indeed| so)?\W*+\Z))"
)
_SIGNS = re.compile(
    r"[\N{THUMBS UP SIGN}\N{WHITE HEAVY CHECK MARK}✔✓]|[\N{THUMBS DOWN SIGN}\N{CROSS MARK}✗✘]"
)
_GOOD = "\N{THUMBS UP SIGN}\N{WHITE HEAVY CHECK MARK}✔✓"

_POLITE = re.compile(
    r"absolutely|certainly|surely|definitely|of course|sure|exactly|totally"
    r"|sure thing"
)
_OFFER = re.compile(
    r"[\s!.,]*+(?:here(?:'s| is| are)|let me|i'd be (?:happy|glad)|i can|below|happy to"
    r"|the (?:video|clip|image|audio) (?:shows|features|depicts|begins|opens|captures)|\w+ is a)\b"
)

_UNDECIDED = (
    r"是否|是不是|是[^,.!?]{0,30}还是|有没有|有沒有|有无|有可能|有人问|能不能|会不会|对不对|对于|对话|对方|对比|对不起|对此|是什么|是谁|是哪"
    r"|不(?:太)?(?:能|好|可能)?(?:确定|確定|知道|清楚|明确|肯定|好说|一定|判断|明|明显)|没法|没办法|沒辦法|没有(?:办法|足够|提供|明确|答案|收到"
    r"|看到视频)"
    r"|无法|無法|いいえない|はいか|わかりません|分かりません|아니면|네가|예를|모르"
)
_TELLS = re.compile(r"(?:没有|沒有|有|不(?![是对對会會匹一相符同可行能存支]))(?=[\u3400-\u9fff])")
"""What begins a clause of its own: "有人" and "没有其他人" answer only where they are the reply."""
_ONE_CLAUSE = 16
_CJK_TURN = re.compile(
    "等等|不对|所以|因此|但|ので|いや|でも|しかし|ですが|따라서|그래서|하지만|지만"
)
_IDEOGRAPH = re.compile("[\u2600-\ud7ff\U0001f300-\U0001faff]")
_CJK = re.compile(
    rf"""
    (?:\A|(?<=[,.!?:;("\n])|(?<=[\ue000-\ue13f]\s)|(?<=[,.!?:;]\s))(?:(?:我(?:认为|觉得|想|的答案是)|所以|因此
      |答案(?:应该)?(?:是|为|:)?
      |回答(?:是|:)?|结论(?:是|为|:)?
      |应该(?:是)?(?=[是否不没])|那么|嗯|视频中的?答案是|答えは|答え:|정답은|답은|답:?)[\s,:"]*+)*+
    (?:(?P<undecided>{_UNDECIDED})
    |(?P<no>当然不|不是|不对|不對|不会|不會|不匹配|不一致|不相符|不符|不可以|不行|不能|不同|不存在|不支持|不相同|不(?=[,.!\s"]|\Z)|没有|沒有
      |没(?=[,.!\s]|\Z)|否(?=[,.!\s"认定)]|\Z)|并没有|并不|并非|錯|错误|错(?=[,.!\s]|\Z)|无(?=[,.!\s]|\Z)
        |不[^,.!?]{{0,12}}|ない(?=[.!]|\Z)|全然
      |いいえ|いや(?=[,.\s]|\Z)|ううん|ちがいます|違います|違う|ありません|そうではありません|そうは思いません
      |아니(?:요|오|에요|야|다|ㅇ)?(?![가-힣])|아뇨|아닙니다|없습니다|없어요|그렇지\s?않|맞지\s?않|일치하지\s?않)
    |(?P<yes>是的|是(?=[,.!\s")]|\Z)|对的|對的|[对對](?=[,.!\s"]|\Z)|没错|沒錯|当然(?!不)|确实|そう思い|もちろん|그런\s?것\s?같
      |물론(?!\s?아)|正确|正確|匹配|一致(?=[,.!\s]|\Z)|相符|相同(?=[,.!\s]|\Z)|可以(?=[,.!\s]|\Z)
      |会的|能(?=[,.!\s]|\Z)|能[听看]|有的|有(?=[,.!\s]|\Z)|有[^,.!?]{{1,12}}|存在(?=[,.!\s]|\Z)|確かに|はい|ええ
        |うん(?=[,.\s]|\Z)|そうです|その通り|あります
      |그렇습니다|그래요|그렇다|네(?![가-힣])|넵|예(?![가-힣])|맞습니다|맞아요|맞다|있습니다|있어요|일치합니다|일치해요))
    """,
    re.VERBOSE,
)


def mark_yes_no(text: str, yes: int, no: int) -> str:
    """Put signs in the place of the words that answer yes or no.

    Args:
        text: Cleaned reply in lower case, without quoted speech.
        yes: The number of the yes option.
        no: The number of the no option.
    """
    firm = _FIRM.match(text)
    if firm:
        return mark(WORD, no if firm["no"] else yes) + text[firm.end() :]
    if len(text) == 1 and text in "yn":
        return mark(WORD, yes if text == "y" else no)
    if "yes" in text and "no" in text:
        text = _BOTH.sub(" ", text)

    def sign_of(match: re.Match[str]) -> str:
        kind = _kind(text, match)
        if kind is None:
            return match[0]
        return mark(kind, yes if match["yes"] or match["loose_yes"] else no)

    marked = _WORDS.sub(sign_of, text)
    if marked == text and _IDEOGRAPH.search(text):
        marked = _mark_ideographs(text, yes, no)
    return marked


def _kind(text: str, match: re.Match[str]) -> int | None:
    """Return how a word answers; None if it does not."""
    before = text[max(0, match.start() - 60) : match.start()]
    if _REPORTED.search(before):
        return None
    if match["yes"] or match["no"]:
        return WORD
    if match["bare_no"]:
        return _kind_of_no(text, match)
    ends = _ENDS.match(text, match.end()) is not None
    first = not before.strip() or before.rstrip()[-1] in ".!?\n:-("
    if match[0] == "negative" and before.rstrip().endswith(":"):
        first = _CALLED.search(before) is not None
    if first and _POLITE.fullmatch(match[0]):
        leads_on = _OFFER.match(text, match.end()) or text[match.end() + 1 :][:1] >= "\ue000"
        if ends and before.rstrip().endswith("?"):
            return WORD
        return WEAK if ends and not leads_on else None
    if match[0] in ("ja", "si", "sim", "da", "doch") and before.rstrip().endswith(","):
        first = True
    answers = ends or match[0] == "indeed" if first else ends and _CLAIM.search(before)
    return WORD if answers else None


def _kind_of_no(text: str, match: re.Match[str]) -> int | None:
    """Return how the word no answers: alone, before a noun at the beginning, or not at all."""
    if _NO_PHRASE.match(text, match.end()):
        return None
    if _ENDS.match(text, match.end()) or _GOES_ON.match(text, match.end()):
        return WORD
    called = _CALLED.search(text, max(0, match.start() - 20), match.start())
    # At the head of a description "no" says what the clip lacks, not what is asked.
    leads = match.start() == 0 and len(text) < _ONE_CLAIM and not _NEXT_SENTENCE.search(text)
    return WEAK if (leads or called) and match[0] == "no" else None


def _mark_ideographs(text: str, yes: int, no: int) -> str:
    """Mark the first clause that answers in Chinese, Japanese or Korean, or by a sign alone."""
    found: list[tuple[re.Match[str], int]] = []
    for match in _CJK.finditer(text):
        answer = match["yes"] or match["no"] or ""
        told = _TELLS.match(text, match.end() - len(answer))
        if told and (match.end() - len(answer) > 1 or len(text) > _ONE_CLAUSE):
            continue
        if answer:
            found.append((match, yes if match["yes"] else no))
    if found:
        first, last = found[0], found[-1]
        turned = first[1] != last[1] and _CJK_TURN.search(text, first[0].end(), last[0].end())
        match, number = last if turned else first
        return text[: match.start()] + mark(WORD, number) + text[match.end() :]
    signs = {sign in _GOOD for sign in _SIGNS.findall(text)}
    if len(signs) == 1 and not re.search(r"\w{2}", text):
        return mark(WORD, yes if signs.pop() else no)
    return text
