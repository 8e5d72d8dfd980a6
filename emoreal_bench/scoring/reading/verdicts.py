"""What a marked reply does with its answers: announces, calls right, rejects, joins, ranks."""

from __future__ import annotations

import re

from emoreal_bench.scoring.reading.marks import (
    ANY,
    ANY_LETTER,
    BARE,
    LETTER,
    OFF_LIST,
    TEXT,
    WEAK,
    WORD,
    any_of,
    mark,
)

OFF = "".join(mark(kind, OFF_LIST) for kind in (LETTER, BARE, TEXT))
_NAMED = any_of(LETTER, BARE, TEXT)
_OPEN = r"[\"'(\[{]*+"
_MORE = (
    rf"(?:\s*+,?\s*+(?:(?:and|or|nor|&|/|und|oder|et|ou|y|o|和|与|及|と|や|및|와"
    rf"|과)\s*+)?(?:options?\s++|choices?\s++|the\s++)?{ANY}){{0,12}}+"
)
_LAST_OF = (
    rf"(?:(?:\s*+,\s*+(?:option\s++)?{ANY}){{0,12}}+\s*+,?\s*+(?:and|or|&)\s++(?:option\s++"
    rf"|choice\s++)?{ANY})?+"
)
_WINDOW = (
    r"(?:(?!(?:but|so|because|since|as|hence|thus|therefore|while|though|although|if|only|just|and"
    r"|then|until|unless|other|except|besides|(?<!it\s)(?<!that\s)(?<!answer\s)(?<!this\s)is"
    r"|sondern|sino|mais|sure|certain|doubt|question|answer:)\b)[\w'-]++[ ]++){0,7}+"
)
REJECTED_BEFORE = re.compile(
    rf"""
    (?:(?:\b(?:not|never|cannot|hardly|barely|neither|nor)|n't)[ ]++(?!only\b|just\b|sure\b
      |certain\b|help\s+but\b|deny\b|rule\b|exclude){_WINDOW}{_OPEN}{ANY}{_LAST_OF}
    |\b(?:no(?!\s+(?:doubt|question)\b)|without(?!\s+(?:a\s+)?(?:doubt|question)\b)|none\s+of
      |lack(?:s|ing)?|absence\s+of
        |rather\s+than|instead\s+of|unlike|as\s+opposed\s+to|rul(?:e|es|ed|ing)\s+out:?|eliminat(?:e
          |es|ed|ing):?
        |exclud(?:e|es|ed|ing):?|reject(?:s|ed|ing)?:?|dismiss(?:es|ed|ing)?|discard(?:s|ed|ing)?
          |beats|against|devoid\s+of
        |(?:take|took|taking)\s+back|withdraw(?:s|ing)?|far\s+from|anything\s+but|(?:incorrect
          |wrong)\s+(?:answers?|options?)\s*:?
          |would\s+have\s+(?:said|answered|chosen|picked|guessed|gone\s+with)
        |(?<!end\s)(?<!end,\s)(?<!finally\s)(?<!finally,\s)(?:first|initially|originally
          |i)\s+(?:thought|considered|picked|chose)(?:\s+(?:of|about|it\s+was|it\s+might\s+be))?
        |(?:first|initial|earlier|previous|original)\s+(?:answer|thought|guess|choice|impression
          |instinct|reaction|response)\s+(?:was|were)
        |(?:many|some|most|one|others|people)\s+(?:people\s+)?(?:might|would|could|may)\s+\w+
        |(?:might|could|may)\s+(?:say|think|argue|guess|suspect|expect|pick
          |choose)(?:\s+(?:of|for|that))?
        |tempt(?:ing|ed)\s+to\s+(?:say|answer|pick|choose)|tempted\s+by|about\s+to\s+(?:say|write|answer|pick
          |choose)|(?:take|taken|mistake|mistook|mistaken)\s+(?:(?:it|this|that|him|her|them)\s+)?for
        |hid(?:e|es|ing)\s+(?:\w+\s+){{0,2}}?behind|mask(?:s|ed|ing)?\s+(?:\w+\s+){{1,2}}?(?:with|behind)
        |pretend(?:s|ing
          |ed)?\s+to\s+be|feign(?:s|ing|ed)?|ni|non|não|ohne|sans(?!\s+doute)|sin|kein(?:e|en|er)?
            |nicht|pas)
        (?!\s*{ANY}\s*(?:is|fits)\s+(?:correct|right|best))[ ]++{_WINDOW}{_OPEN}{ANY}{_MORE}
    |\b(?:might|could|may|can)\s+(?:look|seem|appear|sound|be)\s+(?:like\s+|as\s+)?{_OPEN}{ANY}
      (?=[^.\n]{{0,60}}\b(?:but|yet|though|however)\b)
    |\b(?:(?:al|even\s)?though|while|even\s+if)\s+(?:option\s+)?{_OPEN}{ANY}(?=[^.\n,]{{0,60}},)
    |(?<!answer\s)(?<!it\s)(?<!choice\s)(?<!label\s)\bshould\s+be\s+{any_of(TEXT)}
    |\bfor\s+{ANY}(?=,[^.;\n]{{0,80}}\bwould\b)
    |\bless\s+{ANY}(?=\s+than)
    |(?<!less\s{ANY}\s)(?<!other\s)(?<!more\s)(?<!less\s)(?<!worse\s)(?<!less\slikely\s)
      (?<!less\splausible\s)(?<!less\sfitting\s)\bthan\s++
        (?:option\s++|of\s++|to\s++)?{_OPEN}{ANY}{_MORE}
    |(?<={ANY}\s)more\s+than\s++{_OPEN}{ANY}
    |(?<={ANY}\s)(?:als|che|que|plut[oô]t\s+que)\s++(?:de\s+(?:la\s+)?)?{ANY}
    |其次(?:是|为)?\s?{ANY}|(?:很多人|有人|不少人)(?:会|可能)?(?:选择?|认为)(?:是)?\s?{ANY}
    |(?:看起来|看似|好像)像?是?\s?{ANY}(?=[^.\n]{{0,12}}(?:其实|实际|但))
    |\b(?:chang|revis|switch|replac|swap|updat)\w*\b[^.\n{ANY[1:-1]}]{{0,30}}{_OPEN}{ANY}["')]*\s+
      (?=(?:to|by|with|for)\s+(?:an?\s+)?["'(]*{ANY})
    |\bfrom\s+{ANY_LETTER}\s+(?=to\s+{ANY_LETTER})
    |\b(?:draft|old|tentative|initial)\s+(?:answer|guess):\s*{_OPEN}{ANY}
      |\bpreviously:?\s+{_OPEN}{ANY}
    |(?:最初は|처음에는?|(?:起初|一开始|刚开始|本来|原本)我?(?:以为|认为|觉得|想选|选了?)?是?)\s?{ANY}
    |(?:不|没有?|沒有?|并不|并非|不是|不像|而不是|而非)(?:是|很|太|太?感到|觉得|再|那么)?\s?{ANY}
    )
    """,
    re.VERBOSE,
)
REJECTS = re.compile(
    r"\b(?:chang|revis|switch|replac|swap|updat|from|draft|old|tentative|(?:al)?though|even|while"
    r"|weder|noch|(?:many|some|most|one|others|people) |take|took|taking|withdr|not?\b|nor|none"
    r"|non\b|cannot|never|hardly|barely|neither|without|lack|absence|rather|instead|unlike"
    r"|as opposed|rul(?:e|ing)|elim|exclu|rejec|dismiss|discard|against|beats|devoid|far\b"
    r"|anything|wrong|incorrect|ni\b|nicht|4th|ohne|sans|sin\b|não|als\b|che\b|que\b|plut|kein"
    r"|pas\b|than|first|initial|orig|earlier|previous|i \w|tempt|would have|might|could|may\b"
    r"|pretend|feign|about to|for [\ue000-\ue13f]|hid(?:e|ing)|mask|second|2nd|third|3rd"
    r"|fourth|last|runner|altern|backup|next|less|least|other|another|distract)|n't|[不没沒]|并非|而非|其次|有人|多人|看起来|最初|起初|开始"
    r"|本来|原本|처음"
)
"""Words of which a reply that rejects an answer holds one; most replies hold none."""
_AUX = (
    r"(?:(?:is|are|was|were|seems?|appears?|can be|could be|would be|can|could|would|should|to be"
    r"|looks|clearly|definitely|also|both|all|does|do|did|has|have|been|simply|therefore|thus"
    r"|somewhat|rather|very|highly|equally|then)\s++)*+"
)
REJECTED_AFTER = re.compile(
    rf"""
    {ANY},?\s++(?:at\s+first\s+(?:hearing|sight|glance)|no\s*[:,-]|as\s+(?:he|she)\s+says)
    |{ANY}{_MORE}[)\]}}"']*+(?:\s*+:)?[ ]++(?:\([^)\n]{{0,80}}\)\s*+)?(?:(?:options?|choices?
      |answers?)\s++)?{_AUX}
    (?:not\b(?!\s+only)|n't|(?:is|are|was|were|does|do|did|ca|could|would|has)n't
      |cannot(?!\s+be\s+(?:excluded|ruled))|can't(?!\s+be\s+(?:excluded|ruled))
      |wrong|incorrect|false\b|unlikely|ruled\s+out|eliminated
      |excluded|out\b(?!\s+of\b)|unsupported|implausible|contradict|(?:says|states|claims
        |mentions)\b|less\b|too\b|irrelevant|(?:would|should)\s+(?!be\b|fit|match|seem|make
          |describe|suit|work|have|go)|as\s+(?:my|a|the)\s+(?:backup|second|alternative|runner)
            |at\s+first|used\s+to|looked|fails
      |comes?\s+close|close\b|requires?\b|needs?\b|lacks|absent|missing|tempting|nicht
        |ist\s+falsch|n'est\s+pas|no\s+es|es\s+incorrect)
    |{ANY}\s?[\u3041-\u3096]{{0,6}}?(?:な[いくか]|ません|とは言え)
    |{ANY}["']*\s?(?:より|보다|と(?:言いたい|思いました?が|思ったが|迷)|かと(?:思|迷)|(?:の(?:よう|様))?に見え(?:ます)?が
      |라고\s?(?:생각했|할\s?수\s?있)|일\s?것\s?같았|처럼\s?보이)
    |{ANY}\s?[가-힣]{{0,3}}?\s?(?:않|아니|아닌|아님)
    |{ANY}{_MORE}\s?(?:项|选项)?(?:都|均|皆)?(?:被)?(?:排除|可以排除|不对|不對|错误|不正确|不符合|不成立)
    """,
    re.VERBOSE,
)
ASKED_AND_AFFIRMED = re.compile(
    rf"({ANY})['\")]*\s*\?+[\s\"']*+(?:h+m+,?\s++)?(?:yes|yep|yeah|correct|sí|oui|ja)\b"
)
ADJACENT = re.compile(
    rf"({ANY_LETTER})(?:[\s.:)\]=|>\"'*-]{{0,4}}|\s*(?:,\s*)?[(\"']\s*"
    rf"|,\s)({any_of(WORD, TEXT, WEAK)})[)\"']?"
    rf"|({any_of(WORD)})(?:[\s,.:>=-]{{0,5}}|\s?\()({ANY_LETTER})\)?"
    rf"|({any_of(TEXT)})(?:[\s:>=/→-]{{0,4}}|\s?[(,]\s?|,?\s?option\s)({ANY_LETTER})\)?"
)
"""A letter with its own text, or with that of another option."""
JOINED = re.compile(
    rf"({_NAMED})((?:\s*+(?:[,/&+|]\s*+(?:(?:and|or|and/or|or\s+maybe|or\s+possibly|y|und"
    rf"|et)\s++)?|(?:and/or|and|or|or\s+maybe|or\s+possibly|as\s+well\s+as|along\s+with"
    rf"|together\s+with|plus|y|und|et|oder|ou|o|和|或|或者|或是|与|と|か|または|もしくは|및|와|과|또는|아니면|이나)\s*+"
    rf"|\.\s++or\s++(?:maybe|perhaps|possibly)\s++)(?:(?:also|the|maybe|possibly|perhaps|options?"
    rf"|choices?)\s++)*+{_NAMED})++)|({ANY_LETTER})(\s?{ANY_LETTER}(?:\s?{ANY_LETTER})*+)"
    rf"|({any_of(WORD)})((?:\s*+(?:/|\bor\b|\band\b)\s*+{any_of(WORD)})++)"
)
CHOSEN_FROM = re.compile(
    rf"\b(?:between|among|from|of|given|considering|options?(?:\s+are)?:?|choices(?:\s+are)?:?"
    rf"|answers:?)\s+(?:the\s+)?(?:\w++\s++)?(?:[{OFF}])"
)
"""Options that a reply only chooses from."""
COMPARED_PAIR = re.compile(
    rf"\b(?:between|among|both|either|of)\s+(?:the\s+)?(?:two\s+)?(?:options?\s+"
    rf"|choices?\s+)?{ANY}(?:\s*,\s*{ANY})*\s*,?\s*(?:and|or)\s+(?:options?\s+)?{ANY}(?=\s*,)"
)
CHANGED = re.compile(
    rf"({ANY})(\s?(?:→|->|=>)\s?(?:(?:now|then|revised|changed|corrected"
    rf"|updated)\s(?:to\s)?)?{ANY})"
)
"""An answer and what it was changed to; a letter with its own text is one sign by then."""
RANKED = re.compile(
    rf"({_NAMED})(?:\s?\([^()\n]{{0,30}}\))?(?:(?:\s?>{{1,2}}\s?|,?\s(?:then"
    rf"|followed by)\s){_NAMED}(?:\s?\([^()\n]{{0,30}}\))?(?:,\s(?:and\s)?{_NAMED})*+)++"
)
RANKING = re.compile(
    rf"(?<!then, in\s)\b(?:rank(?:ing|ed|s)?|(?:most|best|high(?:est)?)\s+to\s+(?:least|worst"
    rf"|low(?:est)?)|order(?:ed)?|descending|likelihood)\b[^\n:{ANY[1:-1]}]{{0,60}}:?\s*({_NAMED})"
    rf"(?:\s?\([^()\n]{{0,30}}\))?(?:\s*[,>]\s*{_NAMED}(?:\s?\([^()\n]{{0,30}}\))?)++"
)
RANKED_UPWARDS = re.compile(
    rf"\b(?:least|worst|low(?:est)?)\s+to\s+(?:the\s+)?(?:most|best"
    rf"|high(?:est)?)\b[^\n:{ANY[1:-1]}]{{0,60}}:?\s*{_NAMED}(?:\s*[,<]\s*"
    rf"(?:and\s+)?{_NAMED})*?\s*[,<]\s*(?:and\s+)?({_NAMED})(?!\s*[,<]\s*(?:and\s+)?{_NAMED})"
)
CONDITIONAL = re.compile(
    rf"\bif\s+(?:option\s+)?{ANY}\s+(?:is|were|was|isn't|should|turns)\b[^.;,\n]{{0,40}}"
    rf"(?:,\s|\sthen\s)(?:then\s)?(?:it's\s)?(?:option\s)?{ANY}"
)
"""What would be the answer if another were not."""
SECOND = re.compile(
    rf"\b(?:2nd|3rd|[4-9]th|second|third|fourth)\s+{_OPEN}{ANY}|\b(?:second(?!\s+(?:thoughts?|look"
    rf"|glance|listen|viewing|time|view))(?:ary)?(?!\s+(?:half|part|person|speaker|man|woman|one"
    rf"|voice|face|clip|line|caller|sentence|utterance))|2nd|third|3rd|fourth|4th|last(?=\s+place)"
    rf"|runner-?\s?up|alternativ(?:e|ely)|backup|next|less\s+likely|least\s+\w++|(?:other"
    rf"|another)(?=\s+(?:options?|choices?|candidates?|answers?))|distractors?)(?:\s++(?!is\b"
    rf"|was\b|would\b|could\b|:)[\w-]++){{0,3}}+\s*+(?:is|was|would\s+be|could\s+be|:|="
    rf"|,)\s*+(?:option\s++|maybe\s++|possibly\s++)?{_OPEN}{ANY}"
)
HINTED = re.compile(
    rf"""\b(?:with|plus|but\s+also|though\s+also|tinged\s+with|mixed\s+with|and)?\s*+(?:(?:a|an|some|slight|mild|subtle|faint|possible|certain|the|only)\s++){{0,4}}+
      (?:hints?|touch(?:es)?|traces?|bit|undertones?|undercurrents?|elements?|tinge|dash|shades?
        |notes?|degree|amount|overtones?)\s++of\s++(?:[\w-]++\s++){{0,2}}+{ANY}
    |\b(?:dazu|mit|und|avec|con)\s+(?:etwas|ein\s+wenig|un\s+peu\s+de|algo\s+de
      |un\s+poco\s+de)\s+{ANY}
    |(?:还有|夹杂着?|带)(?:有|着)?(?:一点|一些|些许|少许|一丝)?\s?{ANY}
    |\b(?:with|and)\s++(?:some|slight|mild|a\s+little|minor|occasional|possible|underlying
      |secondary|maybe\s+some|perhaps\s+some)\s++(?:[\w-]++\s++){{0,2}}+{ANY}
    """,
    re.VERBOSE,
)

_PRAISE = (
    r"(?:final|correct|right|best|main|primary|dominant|strongest|clearest|prevailing|predominant"
    r"|overall|top|first|1st|most\s+(?:likely|appropriate|suitable|accurate|fitting|plausible"
    r"|telling|probable|prominent|evident|convincing|relevant))"
)
_NOUN = (
    r"(?:(?<!wrong\s)(?<!incorrect\s)(?<!other\s)(?<!possible\s)(?<!no\s)answer"
    r"|(?<!each\s)(?<!every\s)(?<!possible\s)(?:choice|option)|(?<=first\s)place|selection"
    r"|response|prediction|reply|conclusion|verdict|label|pick|guess|decision|classification"
    r"|category|output|result|odd\s+one(?:\s+out)?|exception|outlier|missing\s+one"
    r"|one\s+(?:that(?:\s+is|'s)\s+)?missing)"
)
_EMOTION = r"(?:emotions?|emotional\s+(?:state|expression)|feelings?|mood|sentiment)"
_IS = (
    r"(?:is|'s|must\s+be|would\s+be|should\s+be|has\s+to\s+be|will\s+be|was|seems(?:\s+to\s+be)?"
    r"|appears(?:\s+to\s+be)?|remains|stays|would\s+have\s+to\s+be|should\s+read)"
)
_HEDGE = (
    r"(?:(?:that|only|just|to\s+be|as\s+follows|likely|probably|most\s+likely|clearly|definitely"
    r"|therefore|thus|simply|indeed|obviously|certainly|still|then|options?|choice|letter|either"
    r"|answer|class|label|best\s+described\s+as|described\s+as|one\s+of|the\s+emotion\s+of|(?:an?"
    r"|the|his|her|their|its)(?=\s+[\"'(\[]?[\ue000-\ue13f])|a\s+clear|that\s+of|la\s+opción"
    r"|la\s+letra|la|opción|letra|die|der|das|option|antwort|l'option|réponse|probablemente"
    r"|wahrscheinlich|wohl|sans\s+doute)\b[\s:,]*+)*+"
)
CUE = re.compile(
    rf"""
    (?:
      \b(?P<final>(?:final|ultimate|revised|updated|corrected|new)\s++)?
        (?:{_PRAISE}[\s_]++)*+{_NOUN}\b["']?,?\s*+
        (?:(?:[\w']++\s++){{0,5}}?(?:{_IS}|are|be|es|ist|lautet|est)\b\s*+:?\s*+ | (?::|=>?|->|→
          |-)\s*+ | (?=[("\[]*{ANY}))
    | \b(?:final(?P<last>ly)?|edit|update)\s*[:-]\s*+
    | (?<!on\sthe\s)\b{_PRAISE}
        (?::\s*+|\s++(?:(?:[\w'-]++\s++){{0,3}}?(?:{_IS})\s++|(?:one|{_NOUN})\s+(?=[(\["]*{ANY})))
    | \bi(?:'d|'ll|'m|\s+would|\s+will|\s+am|\s+must|\s+have\s+to|\s+can|\s+feel)?\s++
        (?:(?:therefore|thus|still|now|then|definitely|probably|would|go|have\s+to|also
          |inclined\s+to|to)\s++)*+
        (?:choose|choosing|select|pick|go(?:\s+(?:with|for))?|going\s+(?:to\s+go\s+)?(?:with|for)
          |with
          |say|answer(?:\s+with)?|for(?=\s+[("\[]*{ANY})|opt\s+for|guess|vote(?:\s+for)?|voting(?:\s+for)?
          |lean(?:ing)?(?:\s+towards?)?|think|believe|conclude|consider\s+(?:him|her|it|them|this)
            |settl(?:e|ing|ed)\s+(?:on|for)|(?:stick|stay)\s+(?:with|to)|stand\s+by|keep
            |mark|rate\s+it\s+as|label\s+(?:it|this)\s+as|classify\s+(?:it|this)\s+as)\s++
        (?:(?:that|it's|it\s+is|it\s+would\s+be|this\s+is|the\s+answer\s+is|towards?)\s++)*+:?
    | (?:\A|(?<=[.,;:!?\n]\s)|(?<=\n)|(?<=[.,;:!?-]))(?:and\s++|but\s++)?(?:so|therefore|thus
      |hence|overall|ultimately|in\s+conclusion|in\s+summary|to\s+conclude|consequently|accordingly
          |finally|making\s+it|by\s+elimination:|which\s+makes\s+it|it\s+must\s+be
            |it\s+has\s+to\s+be
            |it\s+should\s+be|also|donc|por\s+lo\s+tanto|por\s+tanto|luego|daher|deshalb
              |alors)\b[,:]?\s*+
        (?:(?:it|this|that|my\s+answer|i'd\s+say|i\s+say|i\s+(?:would\s+)?(?:choose|pick
          |select))\s*+(?:{_IS}\b)?\s++)?:?
    | \b(?:actually|well|wait|correction|oops|i\s+mean|i\s+meant|scratch\s+that|no,?\s+sorry
      |on\s+second\s+thoughts?|or\s+rather|make\s+that|rather)\b[,:.!\s]*+(?:no,\s++|it's\s++
        |it\s+is\s++)?
    | \b(?:not\s+(?:\w++\s+)?(?:sure|certain)|(?:hard|difficult)\s+to\s+\w++|unclear
      |uncertain)\b[^.;\n{ANY[1:-1]}]{{0,60}}?\bbut\s
    | \b(?:chang(?:e|ing|ed)|switch(?:ing|ed)?|updat(?:e|ing)|revis(?:e|ing))\s++(?:(?:my|the|it
      |answer|choice|selection)\s++)*+(?:from\s++(?:option\s++)?{ANY}\s++)?to\b\s*+
    | \b(?:in\s+the\s+end|eventually|finally|ultimately),?\s++(?:i\s++)?(?:went\s+(?:with|for)|chose
      |picked|selected|settled\s+(?:on|for)|opted\s+for|decided\s+(?:on|for))\s++
    | (?:\A|(?<=\n)|(?<=[.;]\s))(?:selected|chosen|picked|choose|select|pick|mark)\s?[:=]\s*+
    | \b(?:is|are|looks?|seems?|sounds?|feels?|i|he|she|they)\s++now\s++(?:say\s++)?(?={ANY})
    | \bmakes?\s+(?:it|this)\s++ | \b(?:leaving|leaves|so)\s+only\s++ | [\w.)]\s?(?:→|->|=>)\s?
      (?={ANY}\W*(?:\Z|\n)) | (?<=[.;:,!?]\s)then:?\s(?={ANY}[.!]*\s*(?:\Z|\n))
    | \b(?:tell|show|suggest|convince|persuade)s?\s+(?:me|us)\s+(?:that\s+)?(?:it's|it\s+is
      |this\s+is|that's|s?he(?:'s|\s+is|\s+feels)|they(?:'re|\s+are))\s++
    | \bvotes?\s+goes\s+to\s++ | [,;.]\s*+(?:and\s++)?now\s++(?:it's\s++)?(?={ANY})
    | (?:主要|大多)是?\s? | \b(?:mostly|vor\s+allem|surtout|sobre\s+todo|soprattutto
      |mainly|primarily|predominantly|chiefly|largely|overwhelmingly|above\s+all
      |more\s+than\s+anything|first\s+and\s+foremost)\s++
    | \b(?:but|yet)\s++(?:(?:it's|it\s+is|really|actually|in\s+fact|now|then|finally|rather|no,|yes,
      |i\s+now\s+(?:think|believe|say))\s++(?:it's\s++|it\s+is\s++|that's\s++
        |really\s++)?+(?=(?:option\s+)?{ANY})|(?={ANY}(?:[.!]*\s*(?:\Z|\n)|\s+(?:is(?!\s+
          (?:\w+ly\s+)?(?:possible|plausible|also|close|tempting|not|too|wrong|less|out|a|in)\b)
            |fits|has|wins)\b)))
    | (?:\A|(?<=[.,;:!?\n-]\s)|(?<=\n))(?:no,?\s++)?(?:it's|it\s+is|that's
      |this\s+is)\s++(?=(?:option\s+|choice\s+)?{ANY_LETTER})
    | \b(?:sondern|sino(?:\s+la)?|mais|vielmehr|pero)\s++(?:(?:c'est|es|è|ist)\s++)?(?={ANY}) |
      (?:而是|其实是?|实际上?是)\s?
    | \bje\s+réponds(?:\s+donc)?\s++ | \bich\s+antworte(?:\s+(?:also|daher))?\s++
    | \b(?:entscheide\s+mich\s+für|me\s+(?:quedo\s+con|decido\s+por|decanto\s+por)|opt[eo]\s+(?:pour
      |por|per)|penche\s+pour|retiens|fico\s+com)\s++
    | (?:更|最|比较)(?:合理|合适|适合|贴切|恰当|符合|准确|有?可能|接近)的
      (?:答案|选项|解释|说法)?(?:应该)?是\s?
    | \b(?:ich\s+(?:würde|sage|denke,?|glaube,?|tippe\s+auf)|je\s+(?:dirais
      |pense\s+que(?:\s+c'est)?)|creo\s+que(?:\s+es)?|diría(?:\s+que)?)\s++(?:(?:la|die|das|es|ist
        |option|opción)\s++)*+
    | \b(?:strongest|clearest|dominant)\s+(?:one|cue|sign|emotion)\s*+[:,]\s*+(?:which\s+is\s++)?
    | \b(?:which\s+is|points?\s+to|pointing\s+to|corresponds?\s+to|leaves(?:\s+us\s+with)?|leaving
      |go(?:ing)?\s+(?:with|for)|settled?\s+(?:on|for)|left\s+with|let's\s+(?:go\s+with|mark))\s++
        (?=(?:option\s+|choice\s+|answer\s+)?[("\[]*{ANY_LETTER})
    | \b(?:respuesta|r[eé]ponse|antwort|resposta|risposta|ответ|cevap|jawaban|odpowied[źz]
      |antwoord|svar|opción|opção|elijo|escojo|elegir[íi]a|choisis|choisirais|wähle|nehme|scelgo
        |escolho|auswahl|lösung|solución|solution
      |(?:émotion|emoción|emozione|emoção)\s+(?:dominante|principale?|prevalente))\b
        (?:\s+(?:final|finale|correcta|correcte|correta|corretta|richtige|à\s+la\s+question
          |a\s+la\s+pregunta|auf\s+die\s+frage))?
        \s*+(?:(?:serait|sería|wäre|est|es|ist|lautet|é|è|is|adalah)\b|:|-)?\s*+(?:donc|also
          |por\s+tanto|la|le|el|die|der|das|l')?\s*+
    | (?:正确|正確|最佳|最终|最終|对应|對應|合适|符合)?的?(?:答案|选项|選項|答え|回答|正解
        |정답|답|結論|结论|情绪|情感|感情|감정|表情)\s*+(?:应该|應該
      |应|最可能|主要)?(?:是|为|為|は|은|는|:|が|이|가)?\s*+:?\s*+
    | (?:应该|應該|应|故|所以|因此|我|就|会|將|将)?
        (?:选择|選擇|选|選|选定|应为|应是)\s*+(?:项|了|:)?\s*+
    | (?:所以|因此|综上|故|よって|したがって|つまり|따라서|그러므로)(?:是|为|,|:|、)?\s*+
    | (?:应为|应是|应该是|應該是)\s*+
    )
    {_HEDGE}{_OPEN}
    """,
    re.VERBOSE,
)
EMOTION_CUE = re.compile(
    rf"(?:\b{_EMOTION}\b(?:\s++[\w']++){{0,6}}?\s*+(?:\b(?:is|as|was|would\s+be|appears\s+to\s+be"
    rf"|seems\s+to\s+be)\b|:|=|->|→)\s*+|\b(?:experiencing|expressing|expresses|conveying|conveys"
    rf"|displaying|displays|exhibiting|exhibits|feels|feeling|overcome\s+with|filled\s+with)\s++"
    rf"|\b(?:dominant|primary|main|overall|predominant)\s+(?:emotion|feeling"
    rf"|mood)\s*+[:=]?\s*+)(?:[\w'\"-]++\s++){{0,5}}?[\"'(\[]*(?={any_of(LETTER, BARE, TEXT)})"
)
VERDICT = re.compile(
    rf"({ANY})[)\]}}\"']*+\s*+(?:(?:is|are|as|was|seems|appears|looks|would|must|be|to|remains"
    rf"|fits|matches|describes?|the|most|my|clearly|definitely|likely|probably"
    r"|therefore|thus|a|more|much|far|still|simply|makes|,)\s++)*+(?:(?<!,\s)correct\b|right\b"
    r"|best\b|better\b|closer\b|stronger\b|answer\b|true\b|likely\b|accurate|appropriate|fitting"
    r"|winner|strongest|clearest|closest|choice\b|plausible|suitable|accurately|sense\b|it\s+is\b"
    r"|wins?\b|prevails\b|stands\s+out\b|then\b(?=[.!])|by\s+elimination|dominates?\b"
    r"|est\s+(?:correcte?|la\s+bonne|juste)|es\s+(?:la\s+)?(?:correcta|adecuada)|ist\s+(?:richtig"
    r"|korrekt|die\s+richtige)|trifft\s+zu|passt|stimmt|convient|correspond[e]?\b|正确|正確|最|对\b|符合"
    r"|に(?:訂正|変更|します|なり)|(?:으로|로)\s?(?:바꾸|정정|분류|선택|하겠)|を選|が正|が最|が適|가\s?(?:정답|맞|가장)|이\s?(?:정답|맞|가장)"
    r"|입니다|です|だ)(?!\s+(?:only\s+)?if\b)"
)
NOT_ASSERTED_BEFORE = re.compile(
    r"(?:\b(?:if|were|had|whether|could|might|may|either|tempting|tempted)\b[^.!?,\n]{0,60}"
    r"|\bor\s(?:option\s)?)\Z"
)
CHANGED_MIND = re.compile(
    r"\b(?:actually|wait|correction|on second thoughts?|let me re\w+|let me correct|i mean(?:t)?"
    r"|sorry|apologi(?:es|[sz]e)|i now|reconsider\w*|or rather|make that|chang\w+ my \w+"
    r"|revis\w+ my|scratch that|at first|initially|first glance|hold on|my first (?:thought|guess"
    r"|instinct|impression|reaction)|first thought|initial (?:thought|guess|impression)"
    r"|on reflection|thinking about it|listening again|looking again|look(?:ing)? closer|after all"
    r"|or no|edit|hmm+,? no|no, sorry|oops|mistake|come to think|(?:earlier"
    r"|original(?:ly)?),? (?:i|my|answer|choice|guess|thought|reading|response)|(?:i"
    r"|my) (?:\w+ ){0,3}(?:earlier|original(?:ly)?)|closer (?:listening|look|inspection"
    r"|examination)|(?:listening|looking) (?:more )?(?:carefully|closely)|after (?:checking"
    r"|another)|corrected|h+m+)\b|\.\.+\s*(?:well,?\s)?[\ue000-\ue13f]|(?:\.\.|-)\s*no\b|\bno,"
    r"|\bno i mean|不对,|等等|再想|仔细|いや|아니,"
)
CONCLUDES = re.compile(
    r"\b(?:so|therefore|thus|hence|overall|in conclusion|in summary|consequently|answer"
    r"|final(?:ly)?|verdict|conclusion|response|in the end|altogether|as a (?:label|whole)|但|所以"
    r"|因此|also|daher|donc|por)\b"
)
"""In a last sentence: what makes its answer the conclusion."""
COMPARED = re.compile(
    r"""
    \b(?:analy\w++|examin\w++|evaluat\w++|consider\w*+|assess\w*+|compar\w++|review\w*+|check\w*+
        |weigh\w*+|inspect\w*+|discuss\w*+|look\w*+|match\w*+|break\w*+|eliminat\w++|test(?:ing)?
          |think\w*+\s+about
        |(?:go|going|walk|walking|work|working|run|running|step)\s+(?:through|over))
      \s++(?:[\w']++\s++){0,4}?
      (?:(?:each|every|by|of\s+the)\s+(?:[a-z]++\s+)?(?:option|choice|candidate|answer|possibility
        |alternative|statement|description|one)
        |options|choices|candidates|answers|possibilities|alternatives|statements|descriptions)\b
    | \b(?:one\s+by\s+one|one\s+at\s+a\s+time|option\s+by\s+option|each\s+in\s+turn
      |process\s+of\s+elimination)\b
    """,
    re.VERBOSE,
)
THINKING = re.compile(
    r"\W*(?:okay|ok|alright|all right|hmm+|let me|let's|let us|so,? (?:let|the (?:question"
    r"|user))|wait|first,|we (?:need|have|are)|i need|the (?:user|question) (?:is )?(?:ask|want)"
    r"|to (?:answer|determine|decide|find)|thinking|嗯|好的?,|首先|让我)"
)
DOUBT = re.compile(
    r"\b(?:but|wait|however|hmm+|let me|let's|on the other hand|alternatively|though|although"
    r"|not sure|maybe|perhaps|actually|hold on|or is it)\b"
)
"""In a reply that was cut off: what takes back the answer before it."""
IS_A_NAME = re.compile(
    r"\s*(?:is|was)\s+(?:for\b|(?:the|a|an|his|her|their|our)\s+(?:first\s+|last\s+)?"
    r"(?:name|title|brand|place|town|nickname)\b)"
)
NOT_LEADING = re.compile(
    rf"\s*(?:would|could|might|may|says|states|if|comes|when)\b|{IS_A_NAME.pattern}"
)
SENTENCE_END = re.compile(r"[.!?]\s+\S|\n|[.!?][\u3040-\ud7af]|[\u3040-\ud7af][^\n]{28}")
