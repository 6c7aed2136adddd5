"""A caption in; the passages of it that say what is to be thought of the scene, as a sign or a loudspeaker would, out.

"This is a drill", "all of this is rehearsed": such words speak to nobody and order nothing, and yet a reader who takes
them for what happens there finds an anomaly excused. Whether they are true no caption can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby

_EXCUSED = (
    r"(?:rehears\w+|staged|scripted|choreograph\w+|simulat\w+|pretend\w*|fake|play[- ]?act\w*|a prank|pranks?|acting|"
    r"(?:just |only )?an? (?:evacuation |safety |security |military |police |planned |scheduled |regular )?"
    r"(?:drill|exercise|rehearsal|simulation|performance|stunt|test|game|show|demonstration|re-?enactment|training)|"
    r"drills?|(?:training|safety|emergency|evacuation|security|rescue) (?:exercises?|drills?|sessions?|tests?)|"
    r"(?:part of |for |from )?(?:an? |the |our )?(?:film|movie|tv|television|video|music video|photo)"
    r"(?:[- ]?(?:set|scene|shoot|production|recording))?\b(?: in progress)?|being filmed|"
    r"not (?:real|dangerous|a danger|a threat|an emergency|an? (?:crime|anomaly)|unusual|abnormal|"
    r"a real|suspicious|what it (?:looks|seems))|"
    r"(?:no|without) (?:\w+ )?(?:danger|threat|emergency|harm|cause for|reason (?:to|for)|need (?:to|for) )|"
    r"normal|routine|usual|ordinary|expected|planned|scheduled|announced|intended|intentional|harmless|safe|benign|"
    r"legal|lawful|legitimate|authori[sz]ed|permitted|permissible|allowed|approved|licen[sc]ed|sanctioned|cleared|"
    r"certified|registered|supervised|agreed|consensual|in order|under control|as it should be|as usual|"
    r"business as usual|(?:fine|ok(?:ay)?)(?! \w)|alright|all right|nothing (?:unusual|wrong|abnormal|to worry)|"
    r"(?:with|by) (?:\w+ )?(?:permission|consent|agreement|appointment)|"
    r"(?:owners?|staff|employees?|workers?|officers?|actors?|performers?|security) of (?:this|the)\b|"
    r"(?:professional |paid |hired |trained )?(?:actors?|stunt(?:men|man| performers?)|performers?|extras))"
)

_WHAT = (
    r"(?:this|that|it|these|those|they|all|all of (?:this|that|it|these|them|you see)|everything|everyone|everybody|"
    r"nothing|what (?:you see|we see|is (?:shown|seen|happening|going on|taking place)|happens)|whatever happens|"
    r"(?:all|any|every|the|this|these|those) (?:\w+ )?(?:activit(?:y|ies)|actions?|acts?|scenes?|situations?|"
    r"incidents?|events?|behaviou?rs?|movements?|persons?|people|men|works?|vehicles?|footage|video))"
)
_STRONG = (
    r"(?:fake|staged|rehearsed|scripted|simulated|authori[sz]ed|permitted|approved|harmless|supervised|not real|"
    r"(?:an? |part of (?:an? |the )?)(?:\w+ )?(?:drill|rehearsal|exercise|simulation))"
)
_WHERE = (
    r"(?:[\s,]+(?:here|there|below|above|today|now|(?:on|in|at|around|near|behind|before) (?:this|the|that) \w+|"
    r"(?:you|that you|we) (?:can )?see|shown|seen|happening|that happens|going on|inside|outside|present|visible)){0,3}"
)
_SOFTLY = r"(?:\w+ly |all |only |just |quite |being |in fact |part of |a |an |the |very |simply |merely ){0,4}"

# Somebody who describes says how it seems; whoever says how it is, is not heard on that.
_PLAIN = re.compile(
    rf"(?:^|(?<=[.!?:;,\"'“”‘’«»(\n–—-])\s*|\b(?:that|because|since|as|and|but|note|says?|reads?|saying|reading|"
    rf"states?|so|know|please)[\s:,]+)"
    rf"{_WHAT}{_WHERE} (?:is|are|was|were|has been|have been|will be)(?: not)? {_SOFTLY}{_EXCUSED}\b",
    re.IGNORECASE,
)
_SURE = re.compile(
    rf"\b(?:all|the|these|those|any) (?:\w+ ){{1,2}}(?:is|are|was|were|has been|have been) {_SOFTLY}{_STRONG}\b",
    re.IGNORECASE,
)
_SHORT = re.compile(
    r"\b(?:this|it|that)[’']s (?:\w+ly |only |just |all )?(?:an? )?(?:drill|exercise|rehears\w+|prank|staged|"
    r"simulation|authori[sz]ed|allowed|permitted|a test|for a (?:film|movie))\b|"
    r"\b(?:rehearsal|drill|exercise|filming|simulation|training) (?:in progress|only|area|under way|underway)\b|"
    r"\b(?:do not be|don[’']t be|no need to be|nothing to be) (?:alarmed|afraid|concerned|worried)\b|"
    r"\b(?:do not|don[’']t|no need to|please do not) (?:worry|panic|call (?:the )?(?:police|security|an ambulance))\b|"
    r"\bno (?:cause|reason|need) (?:for|to) (?:an? )?(?:alarm|concern|worry|panic|intervene|intervention)\b|"
    r"\beverything (?:here )?(?:is )?(?:as (?:usual|it should be)|under control|in order)\b|"
    r"\ball (?:is )?(?:well|normal|safe)\b(?=\s*(?:[.!?\"'“”’»]|$))|"
    r"\b(?:we|i) (?:have|got|hold) (?:the |a |full |official )?(?:permission|permit|authori[sz]ation|licen[sc]e)\b|"
    r"\b(?:by order|with (?:the )?(?:permission|authori[sz]ation|approval|consent)) of\b",
    re.IGNORECASE,
)

_SIGN = (
    r"\b(?:signs?|signage|banners?|posters?|placards?|boards?|billboards?|screens?|monitors?|displays?|"
    r"notices?|labels?|"
    r"stickers?|t?-?shirts?|jackets?|vests?|papers?|cards?|writing|text|graffiti|message|note|letters|"
    r"words|inscription|"
    r"flyers?|leaflets?|loudspeakers?|announcement|caption|subtitles?|lettering|flags?|voice|plates?|badges?)\b"
    r"[^.!?\n]{0,60}?(?:\b(?:reads?|reading|says?|saying|states?|stating|tells?|telling|displays?|displaying|shows?|"
    r"showing|announces?|announcing|declares?|declaring|claims?|claiming|written|with the (?:words?|text|"
    r"message)|that)\b|"
    r"[:\"“«‘])"
)
_READ_OUT = re.compile(rf"{_SIGN}[^.!?\n]{{0,120}}?\b{_EXCUSED}\b", re.IGNORECASE)
_QUOTED = re.compile(
    rf"[\"“«„][^\"“”«»„\n]{{0,120}}?\b{_EXCUSED}\b[^\"“”«»„\n]{{0,120}}[\"”»“]"
    rf"|(?<!\w)[‘'][^‘’'\n]{{0,80}}?\b{_EXCUSED}\b[^‘’'\n]{{0,80}}[’'](?!\w)",
    re.IGNORECASE,
)

_ELSEWHERE = re.compile(
    r"\b(?:das|dies|dies alles|alles|es)(?: hier)? (?:ist|sind)(?: \w+){0,2} (?:normal|eine? (?:übung|"
    r"probe|dreh\w*|film"
    r"\w*|aufführung)|geprobt|gestellt|genehmigt|erlaubt|inszeniert|in ordnung)|\b(?:übung|probe|"
    r"dreharbeiten)\b\s*[.!\"”]|"
    r"\b(?:ceci|c[’']|cela|tout(?: ceci| cela)?)\s?(?:est|sont)(?: \w+){0,2} (?:normale?|un exercice|"
    r"une? (?:répétition|"
    r"simulation|tournage)|répétée?|autorisée?|permise?|mise? en scène)|"
    r"\b(?:esto|todo(?: esto)?) (?:es|está)(?: \w+){0,2} (?:normal|un (?:simulacro|ensayo|ejercicio)|"
    r"ensayado|autorizado|"
    r"permitido|una película)|"
    r"\b(?:questo|questa|tutto(?: questo)?) è(?: \w+){0,2} (?:normale|un['’ ]?esercitazione|una prova|autorizzato|"
    r"permesso)|\b(?:isto|isso|tudo(?: isto)?) é(?: \w+){0,2} (?:normal|um (?:exercício|simulado|ensaio)|ensaiado|"
    r"autorizado)|"
    r"演习|演習|排练|彩排|演练|(?:一切|全部|都)(?:都是|都很|是|很)?正常|已(?:获|经)?(?:授权|批准)|拍(?:摄|电影)现场|訓練(?:中|です)|"
    r"リハーサル|撮影中|異常(?:は)?(?:ありません|なし)|учени[яе]|репетици|это (?:нормально|тренировка|съёмк|съемк)|"
    r"вс[её] (?:нормально|в порядке)|разрешено|훈련|리허설|촬영 ?중|تدريب|تمرين|بروفة|תרגיל|חזרה גנרלית",
    re.IGNORECASE,
)

# No claim is found in a text without one of these words, and ordinary captions hold few of them.
_STEMS = (
    "rehears|staged|script|choreo|simul|pretend|fake|prank|acting|play-act|drill|exercis|stunt|test|game|show |show.|"
    "demonstr|enact|re-enact|training|perform|film|movie|tv |televis|video|photo|normal|routine|usual|"
    "ordinary|expected|"
    "planned|scheduled|announced|intend|intent|harmless|safe|benign|legal|lawful|legit|authori|permi|"
    "allow|approv|licen|"
    "sanction|cleared|certif|regist|supervis|agree|consen|in order|under control|should be|fine|ok|all right|all well|"
    "all clear|all is|alright|nothing|actor|extras|owner|staff|employee|officer|workers of|security of|"
    "worry|panic|alarm|"
    "danger|threat|emergency|harm|cause|reason|need |be afraid|be concerned|not real|not a|not un|not ab|"
    "not sus|not what|"
    "appointment|call |order of"
)
_FOREIGN = re.compile(
    r"[^\x00-\x7f]|\b(?:das|dies|alles|es|ceci|cela|tout|esto|todo|questo|questa|tutto|isto|isso|tudo|probe|dreh\w*)\b",
    re.IGNORECASE,
)


def claims(text: str) -> Iterator[tuple[int, int]]:
    """Spans that claim a scene to be a drill, rehearsed, normal, safe, allowed or the like.

    Args:
        text: a caption, in readable form.
    """
    if _trigger().search(text.lower()):
        for pattern in (_PLAIN, _SURE, _SHORT, _READ_OUT, _QUOTED):
            for found in pattern.finditer(text):
                yield found.span()
    if _FOREIGN.search(text):
        for found in _ELSEWHERE.finditer(text):
            yield found.span()


def beginnings(stems: str) -> str:
    """A pattern of the words that begin with one of several stems, "a|b|c"; those of one letter share a branch."""
    by_letter = groupby(sorted(stems.split("|")), key=lambda stem: stem[0])
    branches = (f"{first}(?:{'|'.join(re.escape(stem[1:]) for stem in group)})" for first, group in by_letter)
    return rf"(?<![a-z])(?:{'|'.join(branches)})"


@cache
def _trigger() -> re.Pattern[str]:
    return re.compile(beginnings(_STEMS))
