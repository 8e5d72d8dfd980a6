"""Mark yes and no where they answer; "no sound", "it is true that" and "negative" do not."""

from __future__ import annotations

import re

from emoreal_bench.scoring.reading.marks import SIGN, WEAK, WORD, mark

_WORDS = re.compile(
    r"(?<![\w/-])(?<!\w')(?:(?P<yes>yes+|yeah+|yep|yup|yea|yah|aye|oui|sí|sì|evet|да|نعم|हाँ)"
    r"|(?P<no>nope|nah|nay|nein|não|nao|niet|nee|nej|hay[i\u0131]r|нет|لا|नहीं)|(?P<bare_no>no+n?)"
    r"|(?P<loose_yes>true|correct|right|indeed|affirmative|si|ja|da|sim|accurate|absolutely"
    r"|certainly|definitely|exactly|surely|of course|sure(?: thing| does| is)?|totally"
    r"|claro que sí|claro|bien sûr|natürlich|doch|richtig|korrekt|das stimmt|stimmt|exact|vrai"
    r"|correcto|cierto|esatto|certo)|(?P<loose_no>false|incorrect|wrong|negative|untrue|inaccurate"
    r"|falsch|faux|falso|incorrecto|nie|nicht wirklich|pas du tout|claro que no))(?![\w/-])(?!'\w)"
)
_ENDS = re.compile(r"\s*+(?:[.,!;:)\]\"'\n\u2026✅✓✔❌✗✘]|-|\Z|[\ue000-\ue13f(])")
_GOES_ON = re.compile(
    r"\s+(?:if|because|since|as|but|it|he|she|they|there|this|that|the|i|we|not|from|in|at|during"
    r"|after|until|here|then|again|to the|way|sir|for sure|indeed|yes|while|although|though|given"
    r"|due|definitely|absolutely|really|both|porque|car|parce|denn|weil|his|her|their|no se|no hay"
    r"|il|elle|er|sie|es|ella|él)\b(?!\s+(?:one|more|longer)\b)"
)
_ONE_CLAIM = 80
_NEXT_SENTENCE = re.compile(r"[.!?]\s*\w|\n")
_CALLED = re.compile(r"\b(?:answer|verdict|result|conclusion|decision)\s?:\s?\Z")
_NO_PHRASE = re.compile(
    r"\.\s?\d|\s*+(?:fewer|less|more than|sooner|estoy segur[oa]|lo sé|se sabe|puedo|podemos"
    r"|me es posible|está claro|es posible|se puede|doubt|question|problem|idea|comment|clue"
    r"|answer|clear answer|way to|one|worries|need|matter|(?:video|audio|clip|image|file|sound"
    r"|footage)s?\s+(?:(?:file|clip)\s+)?(?:(?:was|were|is|are|has been|have been)\s+)?(?:provided"
    r"|attached|given|uploaded|supplied|available))\b"
)
_REPORTED = re.compile(
    r"(?:\b(?:as if to|seems? to|heard to|hear (?:him|her|them|someone|people)|to hear \w+) say"
    r"|(?<!i )(?<!i now )(?<!'d )(?<!would )(?<!have to )(?<!must )(?<!want to )(?<!like to )"
    r"(?<!inclined to )\bsay|\b(?:says|said|saying|nods?|nodding|answers|answered|replies|replied"
    r"|shouts|(?<!i )(?<!would )(?<!to )(?:shout|yell|whisper|scream|chant|repeat|call)|shouted"
    r"|whispers|yells|screams|repeats|repeating|mouths|means|meaning|nodded|head|and no|called"
    r"|named|titled|reads|of(?=\s)))[\s,:]*+[\"']?\Z"
)
_CLAIM = re.compile(
    r"\b(?:(?:statement|claim|assertion|description|hypothesis|proposition|premise|interpretation"
    r"|inference|conclusion|caption|answer|response|verdict)\s+(?:is|would be|seems"
    r"|appears(?:\s+to\s+be)?|holds)|(?:that|this|it)(?:'s|\s+is)|das\s+ist|c'est|(?:eso\s+)?es"
    r"|answer|verdict|response)\s*:?\s*[\"']?(?:\w+ly\s+)?\Z"
)
_BOTH = re.compile(
    r"\b(?:either\s+|both\s+)?(?:yes[\"'*]?\s?(?:/|or|and|\|)\s?[\"'*]?no|no[\"'*]?\s?(?:/|or|and"
    r"|\|)\s?[\"'*]?yes)\b|\byes-no\b"
)
_FIRM = re.compile(
    r"\A(?:[^.?!\n\ue000-\ue13f]{1,60}\?)?[^\w\ue000-\ue13f]*+(?:(?:well|h+m+|um|uh|okay|ok|so|oh"
    r"|ah|and|but|no|honestly|overall)\b[\s,:.]*+)*+(?:(?P<no>(?:definitely|absolutely|certainly"
    r"|of course|probably|clearly|most certainly|surely|i think|i'd say|likely|apparently|i guess"
    r"|obviously|it (?:would )?(?:seem|appear)s?|unfortunately)\s+not(?=[^\w\ue000-\ue13f]*\Z"
    r"|\s*[.,!;:\n-]|\s+(?:because|since|as)\b)|je ne (?:pense|crois) pas|ich (?:glaube"
    r"|denke) nicht|non credo|non penso|não creio|no lo creo|creo que no|i (?:highly "
    r"|really )?doubt (?:it|that|so)|(?:hardly|not likely|not in this (?:clip|video)"
    r"|not that i can \w+|not as far as i can \w+)(?=\W*\Z|[.,])|not(?=\W*\Z)|para nada"
    r"|desde luego que no|claro que no|auf keinen fall|absolument pas|das stimmt nicht|by no means"
    r"|not (?:in the least|a chance|even close|one bit)|(?:far from it|no way)(?=\W*\Z|[.,!])"
    r"|in no way|en absoluto|keineswegs|überhaupt nicht|pas du tout|nada de eso|de ninguna manera"
    r"|absolutamente no|全然|まったく違|yo no diría|eher nicht|wohl nicht|plutôt non"
    r"|not (?:really|at all"
    r"|quite|necessarily|exactly|likely|true|correct|so)\b|(?:i|we) (?:don't|do not"
    r"|wouldn't) (?:really )?(?:think|believe|say) (?:so|that)\b)|(?P<yes>(?:undoubtedly|you bet"
    r"|very much(?: so)?)[.!\s]*+\Z|i'd say so|i would say so|it (?:would |does )?(?:seem"
    r"|appear)s? so|desde luego|por supuesto que sí|without (?:a |any )?(?:doubt"
    r"|question)\b(?=\W*\Z|[.,!])|no doubt(?: about it)?(?=\W*\Z)|por supuesto|auf jeden fall"
    r"|en effet|tout à fait|creo que sí|je (?:pense|crois) que oui|ich (?:glaube|denke) (?:ja"
    r"|schon)|eher ja|(?:i|we) (?:think|believe|guess|suppose) so\b))"
)
_ADVERB = (
    r"(?:(?:most |quite )?(?:certainly|definitely|really|clearly|absolutely|indeed|surely|obviously"
    r"|evidently|simply|undoubtedly|probably|likely|actually|just|very much|all)\s)?+"
).replace(" ", r"\s")
_LEAD = (
    r"[^\w\ue000-\ue1ff]*+(?:(?:(?:well|so|okay|ok|h+m+|oh|ah|actually|of course|certainly"
    r"|definitely|absolutely|indeed|sure|surely|clearly|obviously|honestly|unfortunately|thus"
    r"|therefore|hence|then|and|but|no|overall|apparently|i'm sure|i'm afraid|i am afraid"
    r"|(?:you're|you are|that's) right|as far as (?:i|one) can \w++|(?:to|for) me"
    r"|from what i (?:can )?\w++|in (?:fact|short|the end|my \w++|(?:the|this) \w++)|(?:based on"
    r"|judging (?:from|by)|given|considering|looking at|listening to|although|though|while|since"
    r"|because) [^,.!?;\n]{1,120}+(?=,))[,:]*+\s|it (?:seems|appears|looks)(?: to me)?(?: like"
    r"| as if| that)? |the answer is that |(?:i|we|i'd)(?: would| do| really)? (?:think|believe"
    r"|say|guess|suppose|assume|conclude)(?: that)? )){0,4}+"
).replace(" ", r"\s")
_UNCERTAIN = (
    r"(?:(?P<doubted>(?:i|we) (?:don't|do not|wouldn't|would not)(?: really)? (?:think|believe|say"
    r"|suppose)(?: that)? |i (?:highly |really )?doubt (?:that |if )?))?+"
).replace(" ", r"\s")
_GOES_ON_AFTER = (
    r"(?:it|he|she|they|there|the|his|her|their|its|this|that|these|you|we|and|because|since|given"
    r"|with|for|at least|judging|even|which|as (?=(?:he|she|it|they|the|his|her|there)\b)"
    r"|(?:but|(?:al)?though)(?! (?:it|he|she|they|the \w++) (?:is|are|was|were|does|do|did)\b))\b"
).replace(" ", r"\s")
_ECHO = re.compile(
    rf"""
    (?:\A{_LEAD}|[.!?;,]\s(?:and\s)?(?:so|hence|therefore|thus|which\smeans|meaning)[,]?\s
      (?:that\s)?(?=[^,.;!?\n]{{1,40}}[.!]*\Z)){_UNCERTAIN}
    (?:(?:he|she|it|they|there|this|that|these|those|both(?:\sof\s\w++)?|(?P<neither>neither|none)
        (?:\sof\s\w++)?)\s{_ADVERB}
      (?:is|are|was|were|does|do|did|has|have|had|ca(?=n't|nnot)|can|will|(?:wo|would|could)
        (?=n't|\snot))(?P<not>n't|\snot|nnot|not)?
    |(?:it|he|she|that)'s\s(?P<contracted>not)|they're\s(?P<plural>not))
    (?:\s(?:both|so|indeed|too|at\sall))?+["')]*+
    (?=\s*(?:\Z|[.!;:\n]|-\s|\(|,\s{_GOES_ON_AFTER})|\s(?:because|since|given)\b)
    """,
    re.VERBOSE,
)
"""Takes up the question by its auxiliary alone: "It does.", "Both are.", "so it can't"."""
_SAID_OF_ANOTHER = re.compile(
    r"\b(?:he|she|it|they)\s(?:is|are|was|were|does|do|did|has|have|can)(?:n?'t|\snot)?[.!]*\Z"
)
_AFFIRMS = ("good", "agreed")
_JUDGED = (
    r"(?:the|this|that|your)\s(?:\w++\s)?(?:claim|statement|assumption|assertion|description"
    r"|interpretation|hypothesis|premise|suggestion|idea|inference|impression|conclusion"
    r"|proposition|suspicion|answer)"
)
_JUDGEMENT = re.compile(
    rf"""
    (?:(?:\A{_LEAD}{_UNCERTAIN}(?:{_JUDGED}|that|this|it|you)|(?<=[.!?;:,\n]\s){_JUDGED})
      (?:'s|'re|\s(?:is|are|was|would|must|can|could)(?:\s(?:have\sto\s)?be)?|\s(?:seems|appears)
        (?:\sto\sbe)?|\sis(?=n't)|\swould(?=n't)|\scan(?=not))(?P<not>n't(?:\sbe)?|\snot(?:\sbe)?
          |not\sbe)?\s(?!(?:entirely|fully|completely|wholly|totally|necessarily|always)\b)
      (?:in\sthe\s|\w++ly\s|quite\s|well\s|indeed\s|also\s)?+
      (?:(?P<good>correct|right|true|accurate|valid|justified|supported|confirmed|borne\sout|backed
        |well-founded|the\scase|affirmative)
        |(?P<bad>incorrect|wrong|false|untrue|inaccurate|invalid|unsupported|unfounded|unjustified
          |mistaken|contradicted|refuted|disproved|negative))
      (?=\s*(?:\Z|[.,!;:\n]|-\s)|\s(?:by|in|here|because|since|as|given|based)\b)
    |\b(?:video|clip|audio|evidence|footage|recording|scene)\s(?:(?P<opposes>does(?:n't|\snot)\s
        support)|supports|(?P<refutes>contradicts|refutes|disproves))\s(?:this|that|it|{_JUDGED})
      (?=\s*(?:\Z|[.,!;:\n]))
    |\A{_LEAD}i(?:'d|\swould)?\s(?:\w++ly\s|have\sto\s|must\s)?
      (?:(?P<agreed>agree)|(?P<disagreed>disagree))\b(?!\son\b|\sto\b)
    |\A{_LEAD}i\s(?:don't|do\snot|wouldn't|would\snot|can't|cannot)\s(?P<opposed>agree)\b)
    """,
    re.VERBOSE,
)
"""Judges what the question claims: "That would be wrong.", "The claim is not supported"."""
_SIGNS = re.compile(
    r"[\N{THUMBS UP SIGN}\N{WHITE HEAVY CHECK MARK}✔✓]|[\N{THUMBS DOWN SIGN}\N{CROSS MARK}✗✘]"
)
_GOOD = "\N{THUMBS UP SIGN}\N{WHITE HEAVY CHECK MARK}✔✓"

_POLITE = re.compile(
    r"absolutely|certainly|surely|definitely|of course|sure|exactly|totally|sure thing"
)
_OFFER = re.compile(
    r"[\s!.,]*+(?:here(?:'s| is| are)|let me|i'd be (?:happy|glad)|i can|below|happy to"
    r"|the (?:video|clip|image|audio) (?:shows|features|depicts|begins|opens|captures)|\w+ is a)\b"
)

_UNDECIDED = (
    r"是否|是不是|是[^,.!?]{0,30}还是|有没有|有沒有|有无|有可能|有人问|能不能|会不会|对不对|对于|对话|对方|对比|对不起|对此|是什么|是谁|是哪"
    r"|不(?:太)?(?:能|好|可能)?(?:确定|確定|知道|清楚|明确|肯定|好说|一定|判断|明|明显)|没法|没办法|沒辦法|没有(?:办法|足够|提供|明确|答案|收到"
    r"|看到视频)|无法|無法|いいえない|はいか|わかりません|分かりません|아니면|네가|예를|모르"
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
      |答案(?:应该)?(?:是|为|:)?|回答(?:是|:)?|结论(?:是|为|:)?
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
    if marked == text and not SIGN.search(text):
        marked = _mark_clause(text, yes, no)
    if marked == text and _IDEOGRAPH.search(text):
        marked = _mark_ideographs(text, yes, no)
    return marked


def _mark_clause(text: str, yes: int, no: int) -> str:
    """Mark a clause that answers by the question's auxiliary, or judges what it claims."""
    answer = _ECHO.search(text) or _JUDGEMENT.search(text)
    if answer is None or _SAID_OF_ANOTHER.search(text, answer.end()):
        return text
    denials = [name for name, said in answer.groupdict().items() if said and name not in _AFFIRMS]
    sign = mark(WORD, no if len(denials) % 2 else yes)
    return f"{text[: answer.start()]}. {sign}{text[answer.end() :]}"


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
