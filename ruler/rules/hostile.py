"""A caption in; the passages of it that are written for whoever reads it, verbatim, out.

A sign that a describing model reads out is a stranger's text. Nothing here obeys it or forbids it: what is found is
told, so that no verdict is lowered on its word. What orders look like stands in `_ORDERS` and below it.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache, lru_cache

from ruler.rules.claims import beginnings, claims
from ruler.rules.readable import COMMANDS, Readable, readable

__all__ = ["QUOTE", "Readable", "addresses_reader", "readable"]

QUOTE = 120
"""Longest quote, in characters."""

_MOST = 16
_LONG = 4000

# --- words ----------------------------------------------------------------------------------------------------------

_RULES = (
    r"(?:instructions?|rules?|prompts?|guidelines?|directives?|orders|commands?|verdicts?|scores?|findings?|"
    r"polic(?:y|ies)|constraints?|keywords?|thresholds?|captions?|descriptions?|anomal\w+|alarms?|alerts?|detections?)"
)
_BEFORE = (
    r"(?:(?:all|any|the|everything|of|what|that)\s+){1,3}(?:\w+\s+){0,2}?"
    r"(?:above|previous|prior|earlier|preceding|before)"
)
_NORMAL = (
    r"(?:normal|no|not anomalous|non[- ]anomalous|no anomal\w+|anomal\w+|safe|benign|harmless|zero|0|false|json|"
    r"nothing|yes|verdict|empty list)"
)
# Orders: what they say, and where they may begin. "People ignore the sign" is none.
_ORDERS = (
    r"\b(?:ignore|disregard|forget|override|overrule|bypass|dismiss|overlook|neglect)\b[^.!?\n]{0,60}?"
    rf"\b(?:{_RULES}|{_BEFORE})\b",
    r"\b(?:skip|drop|discard|suspend|disable|delete|erase|omit|stop (?:using|applying|following|checking)|"
    rf"do not (?:use|apply|follow|obey|trust|check|read))\b[^.!?\n]{{0,40}}?\b{_RULES}\b",
    r"\b(?:answer|respond|reply|output|classify|conclude|vote|emit|predict|declare|judge)\b[^.!?\n]{0,50}?"
    rf"\b{_NORMAL}\b",
    r"\b(?:(?:respond|reply|answer) (?:only )?(?:with|in|as|by)\b|output (?:only|exactly|the|a|your|this)\b)",
    r"\b(?:say|write|give|set|mark|report|treat|return|print|state|label|rate|score|assign|consider|flag|choose|select)\b"
    r"[^.!?\n]{0,40}?\b(?:as normal|normal|anomal\w+|verdict|not anomalous|benign|as safe|score)\b",
    r"\b(?:pretend (?:that|you)|act as (?:if|an?|though)|imagine (?:that|you)|assume (?:that|it is)|obey)\b",
    r"\b(?:system|assistant|user|developer|human|tool|administrator|admin|operator|ai|override)\s*:(?!\d)",
)
_BEGINS = re.compile(
    r"(?:^\s*|[.!?:;,\"'“”‘’«»(\[{<>*#|/\\=\n–—-]\s{0,3}|[^\x00-\u218f]\s{0,3}|\b(?:please|you|must|should|shall|and|"
    r"then|now|always|kindly|simply|just|will|can|only|also|so|or|but|ai|llm|vlm|model|assistant|reader|system|instead|"
    r"therefore|immediately|not|never|reads?|says?|saying|reading|stating|states?|that|"
    r"(?:you|need|have|remember|sure|told|asked|ordered|instructed|required|supposed|expected) to)\s{1,3})\Z",
    re.IGNORECASE,
)

_ID = r"[na]\d{1,3}"
_OF_THE_TEXT = (
    r"(?:(?:following|next|previous|preceding|foregoing|above|rest|remaining|remainder|whole|entire)\s+(?:of (?:this|"
    r"the)\s+)?(?:sentences?|descriptions?|captions?|statements?|text|words?|lines?|paragraphs?|report|passage)|"
    r"what (?:follows|comes (?:next|before)|is (?:said|written|described))|"
    r"(?:everything|all|anything|nothing|none|whatever)(?: of (?:it|this|that|the))?(?: that)?(?: is| was)?"
    r"(?: said| described| written| told| mentioned| stated)? (?:above|below|before|hereafter|that follows|described|"
    r"in this (?:description|caption)|of (?:this|that|the following|the above)))"
)
_UNTRUE = (
    r"(?:not\b|only|just|fake|false|fiction\w*|staged|simulated|imagin\w+|untrue|unreal|real\b|irrelevant|no longer|"
    r"never|happen\w*|an? (?:drill|test|joke|simulation|rehearsal|dream|film|movie|painting|poster|picture|lie)|"
    r"pictures?\b)"
)
_SPOKEN = (
    # verdicts that are given in advance
    r"\b(?:do\s*n[o’']?t|do not|never|must not|should not|refrain from|no need to) (?:ever )?(?:report|flag|alert|"
    r"escalate|notify|recheck|re-check|classify)(?:ing)?\b",
    r"\bstop (?:reporting|flagging|alerting|checking|classifying)\b",
    r"\b(?:do\s*n[o’']?t|do not|never) (?:raise|trigger|sound) (?:an? |any |the )?(?:alarm|alert|flag|score)",
    r"\b(?:frame|scene|image|video|footage|event|description|caption|clip) (?:must|should|has to|shall|is to) "
    r"(?:not )?(?:be )?(?:classified|label+ed|treated|considered|marked|judged|scored|rated|reported|ignored|regarded|"
    r"skipped)",
    r"\b(?:classified|label+ed|marked|approved|verified|confirmed|judged|cleared) as (?:normal|benign|safe|not anom)",
    r"\bthere (?:is|are) (?:nothing|no anomal\w+) (?:here )?to (?:report|flag|see)|\bnothing to see here",
    r"\b(?:verdict|anomal(?:y|ous)(?: score)?|(?:final|correct|right|expected|true|only) (?:answer|verdict|score|label|"
    r"classification|output|response)) ?(?:is|=|:|->|→|(?:should|must|shall|will) be|to|as|of)\s*[\"'“‘]?"
    r"(?:no\b|normal|not|none|false|0|zero|yes|benign|safe|negative)",
    r"\b(?:anomaly score|no (?:anomaly )?rules? (?:appl|match)|none of the rules|no anomal(?:y|ies) rule)",
    # who the reader is
    r"\byou(?: are|[’']re) (?:now|no longer|an? (?:\w+ )?(?:ai|assistant|model|bot|agent)|hereby|required to|"
    r"instructed|free (?:to|from)|in (?:developer|debug|test|maintenance|admin))",
    r"\byour (?:new |next |only |final |previous )?(?:task|instructions?|rules?|answer|verdict|reply|response|output|"
    r"prompt|guidelines?|classification|findings?|developers?|creators?)\b",
    r"\bas an? (?:ai\b|artificial intell|(?:large )?language model|llm\b|(?:ai|helpful|virtual) assistant)",
    r"\b(?:(?:large )?language model|system prompt|developer mode|jailbreak|prompt injection|from now on|dan mode)\b",
    r"\b(?:dear|hey|hello|hi|attention|note to|message to|notice to)[,:]? (?:the |all |any )?(?:ai|llms?|vlms?|"
    r"language models?|chatgpt|gpt|chatbots?|bots?|models?|assistant|reader|reviewer|annotator|grader|evaluator|"
    r"detector|classifier|judge|moderator|system)\b|\bto (?:the |all |any |whichever )?(?:ai|llms?|vlms?|gpt)\b",
    # what the text says of itself and of the rules
    rf"\b{_OF_THE_TEXT}\b[^.!?\n]{{0,30}}?\b{_UNTRUE}",
    r"\b(?:end|begin(?:ning)?|start) of (?:the )?(?:description|caption|prompt|input|rules?|data|document|"
    r"instructions?|context|conversation)\b",
    r"\b(?:new instructions?|(?:new|updated?) (?:instructions?|rules?)\s*:)",
    r"\b(?:instructions?|rules?|polic(?:y|ies)) (?:have been|has been|are|is|were) (?:now )?(?:updated|changed|void|"
    r"suspended|cancell?ed|revoked|disabled|replaced|superseded|lifted|overridden|no longer)",
    rf"\b{_ID}\b(?:\s*(?:,|and|or|,\s*and)\s*{_ID}\b){{0,4}}\s*(?:\([^)\n]{{0,40}}\)\s*)?(?:\w+ly |always |only )?"
    r"(?:appl(?:y|ies)|match(?:es|ed)?\b|holds\b|overrides|covers|fires?\b|fired\b|(?:is|are) (?:satisfied|void|"
    r"fulfilled|suspended|violated|disabled|met\b|not applicable)|do(?:es)?(?: not|n[’']t) (?:apply|match|hold))",
    rf"\b(?:rules?|cite|citing|satisfie[sd]|satisfying) (?:rule )?(?:no\.? ?)?{_ID}\b",
    # what other programs obey
    r"[;'\")]\s*(?:drop|delete|update|insert|union|alter|truncate|select)\s+(?:table|from|into|all|select|\*)",
    r"\bdrop\s+table\b|\bunion\s+(?:all\s+)?select\b|\bor\s+1\s*=\s*1|\bselect\s+\*\s+from\b",
    r"\brm\s+-rf\b|\b(?:curl|wget)\s+http|\b(?:eval|exec)\(|__import__|\bos\.system\b",
)

# The same in other languages. A description tells in the third person, these do not.
_ELSEWHERE = (
    r"\b(?:ignorier\w{0,2}|missachte\w?|vergiss|vergessen)\b[^.!?\n]{0,60}?(?:regel|anweisung|vorgabe|anomali|befehl)",
    r"\b(?:antworten? sie|antworte|melden? sie|melde|geben sie|gib)\b[^.!?\n]{0,40}?(?:normal|nein|nicht|keine)",
    r"\bdu bist (?:jetzt|nun|ein)\b|\bsie sind (?:jetzt|nun) ein",
    r"\b(?:ignor(?:e|ez|er|a|ad|en|are|ate)|oubli(?:e|ez)|olvid(?:a|e)|dimentica|esque[cç]a|desconsidere)\b"
    r"[^.!?\n]{0,60}?(?:r[eè]gl|instru[ck]|instruç|istruzion|consign|regol|regra|anomal|directri)",
    r"\b(?:r[eé]pond(?:s|ez)|respond(?:e|a|ed)|rispond(?:i|ete)|responda)\b[^.!?\n]{0,40}?"
    r"(?:normal|non?\b|não|rien|nada|niente)",
    r"\bne signal(?:e|ez)\b|\bno (?:informes?|reportes?|avises?)\b|\bnon segnalare\b|\bnão (?:relate|reporte)\b",
    r"\b(?:tu es|vous êtes) (?:maintenant|désormais)|\bahora eres\b|\bora sei un\b|\bagora (?:você é|és)\b",
)
_OTHER_SCRIPTS = (
    r"(?:忽略|无视|無視|忘记|忘掉|不要理会|不要遵守)[^。！？\n]{0,20}?(?:规则|規則|规定|指令|指示|说明|提示|内容|异常)",
    r"(?:回答|回复|输出|判定|判断|标记|返回)[^。！？\n]{0,12}?(?:正常|没有异常|无异常|否|不)|(?:不要|请勿|禁止)(?:报告|上报|报警|标记)",
    r"你(?:现在)?是(?:一个|一名)?(?:人工智能|助手|模型|AI)|(?:系统|助手|用户)\s*[:：]",
    r"(?:игнориру\w+|забудь\w*|не учитывай\w*|отбрось\w*)[^.!?\n]{0,60}?(?:правил|инструкци|указани|аномал)",
    r"(?:ответь\w*|отвечай\w*|напиши\w*|выведи\w*)[^.!?\n]{0,40}?(?:нормальн|норма|нет|ничего)|не сообщай\w*",
    r"(?:ты теперь|вы теперь)|(?:система|ассистент|пользователь)\s*:",
    r"(?:ルール|指示|規則|命令)を?(?:すべて|全て)?(?:無視|忘れ)|(?:正常|異常なし)と(?:答え|回答|報告|出力)",
    r"(?:규칙|지시|명령)[^.!?\n]{0,8}?무시|정상[^.!?\n]{0,8}?(?:답|출력|보고)하",
    r"تجاهل[^.!?\n]{0,40}?(?:القواعد|التعليمات|الأوامر|قواعد|تعليمات)|\bأجب\b[^.!?\n]{0,20}?(?:طبيعي|لا)",
    r"התעל(?:ם|מי|מו)[^.!?\n]{0,40}?(?:כללים|הוראות|חוקים)",
)

# --- forms ----------------------------------------------------------------------------------------------------------

_KEYS = (
    r"(?:anomalous|anomaly|anomaly[_ ]score|verdict|kind|findings|rationale|exceedance|false[_ ]alarms|is[_ ]anomaly)"
)
_VALUE = r"[\"'“”‘’\[{]?\s*(?:no|yes|normal|none|anomaly|anomalous|false|true|null|-?\d|\[|\]|\{|\})"
_FORMS = (
    # roles
    r"#{2,6}\s*(?:system|assistant|user|human|instructions?|response|input|rules?|end)\b",
    r"<\|[^|>\n]{0,40}\|?>?|\|>|\[/?(?:inst|sys|system|user|assistant|end)\b[^\]\n]{0,20}\]|<</?sys>>",
    r"[=-]{3,9}\s*(?:system|user|assistant|end|begin)\b",
    # replies and rules
    rf"[\"'“]?\b{_KEYS}[\"'”]?\s*[:=]\s*{_VALUE}",
    rf"[\"'“](?:score|probability|answer|label|result|rules?|keywords|output|normal)[\"'”]\s*:\s*{_VALUE}",
    r"\{\s*[\"'“]\w{1,40}[\"'”]\s*:|[\"“]\w{1,40}[\"”]\s*:\s*(?:[\"“\[{]|-?\d|true|false|null)",
    rf"\bid\s*:\s*{_ID}\b",
    # templates, fences, markup
    r"\{\{|\}\}|\{%|%\}|<%|%>|\$\{|\{#|#\{|\$\(",
    r"`{3}|~{3}|\"{3}|'{3}|<!--|-->|\]\]>|<!|<\?",
    r"</?\s*[a-z][a-z0-9_:-]{0,30}(?:\s[^<>\n]{0,200})?/?>|</\s*[a-z]|<(?:script|img|iframe|svg|style|description|rules?|"
    r"example|data)\b",
    r"&(?:lt|gt|quot|#\d{1,7}|#x[0-9a-f]{1,6});|\bjavascript:|\bon(?:error|load|click|focus)\s*=|\bdata:\w{1,20}/\w",
    r"\]\(\s*(?:https?:|javascript:|data:|/|#)",
    r"(?:\\u[0-9a-f]{4}){3,}|(?:\\x[0-9a-f]{2}){3,}|(?:%[0-9a-f]{2}){4,}",
)
# Flags of regions are spelled with hidden tags; and text read in a wrong encoding holds control characters in pairs.
_COMMAND = re.compile(
    f"\U0001f3f4[\U000e0020-\U000e007f]+|[\u2028\u2029\x85]|(?<=[\x80-\xff])[\x80-\x9f]|(?P<at>{COMMANDS.pattern})"
)
_BASE64 = re.compile(r"(?<![\w+/])[A-Za-z0-9+/_-]{24,}={0,2}(?![\w+/])")
_SPELLED = re.compile(r"(?<!\w)(?:\w[ .·_*-]{1,3}){5,}\w(?!\w)")
_SPELLED_OUT = re.compile("ignor|disregard|overrid|instruct|verdict|normal|system|answer|prompt|anomal|rules", re.I)

# --- search ---------------------------------------------------------------------------------------------------------

# No word above is found in a text without one of these, and ordinary captions hold few of them.
_STEMS = (
    "ignor|disregard|forget|overrid|overrul|bypass|dismiss|overlook|neglect|instruction|rule|prompt|guideline|"
    "directive|orders|command|verdict|score|finding|polic|constraint|keyword|threshold|caption|description|anomal|"
    "alarm|alert|detection|normal|benign|as safe|answer|respond|reply|output|classif|conclude|vote|emit|predict|"
    "declare|judge|report|flag|escalat|notify|recheck|re-check|must|should |has to|shall|is to|nothing|"
    "you |you'|you’|your|as an|as a |language model|developer mode|jailbreak|from now|dan mode|pretend|act as|imagine|"
    "assume|obey|end of|begin|start of|llm|vlm|gpt|chatgpt|chatbot|reader|reviewer|annotator|"
    "grader|evaluator|detector|moderator|assistant|system|model|sentence|statement|text|word|line|paragraph|passage|"
    "what follows|what comes|what is|above|below|before|hereafter|that follows|of this|of that|of the following|"
    "of the above|kind|rationale|exceedance|false|label|probability|result|user|developer|human|tool|admin|operator|"
    "drop|select|union|delete|insert|update|alter|truncate|or 1|rm -|curl|wget|eval(|exec(|__import__|os.system|id:|"
    "id :|missacht|vergiss|vergessen|antwort|melde|gib |geben sie|du bist|sie sind|oubli|olvid|dimentica|esque|"
    "desconsid|répond|repond|rispond|ne signal|no inf|no avis|non segnal|não|tu es|vous êtes|ahora|ora sei|agora|data:"
)

_SCRIPTS = re.compile(r"[\u0370-\u1fff\u2e80-\uffff]")
_MARKS = re.compile(r"[{}<>`~\\$&%=:#\]]|[\"'-]{3}")
_SENTENCE = re.compile(r"[.!?](?=\s)\s*|[。！？\n]\s*")


def addresses_reader(text: str) -> tuple[str, ...]:
    """Passages that speak to whoever reads a text, or that are made for a program to obey, or excuse what happens.

    Orders about rules, verdicts and scores, role marks, replies and rules that are put into the text, rule ids spoken
    of as satisfied, templates, markup, code, terminal sequences, words that are hidden from a search, and claims that
    all is normal, allowed or a drill, as on a sign (see `claims`).

    Args:
        text: a caption.

    Returns:
        Quotes, verbatim and in the order of the text, each at most `QUOTE` characters and no more than 16; they may
        hold control characters. Empty for an ordinary description.
    """
    return _known(text) if len(text) <= _LONG else _addresses(text)


@lru_cache(maxsize=1 << 15)
def _known(text: str) -> tuple[str, ...]:
    return _addresses(text)


def _addresses(text: str) -> tuple[str, ...]:
    told = readable(text)
    spans = [*told.disguised(), *_commands(text)]
    for start, end in (*_spoken(told.text), *_encoded(told.text)):
        spans.append(told.span(start, end))
    return tuple(_quotes(text, sorted(spans))) if spans else ()


def _commands(text: str) -> Iterator[tuple[int, int]]:
    """Spans that a terminal obeys, or that are not shown at all."""
    if not (text.isascii() and text.isprintable()):
        for found in _COMMAND.finditer(text):
            if found.group("at"):
                yield found.span()


def _spoken(text: str) -> Iterator[tuple[int, int]]:
    """Spans that speak to the reader or have a form that programs read."""
    if _trigger().search(text.lower()):
        for found in _found(text, *_ORDERS):
            if _BEGINS.search(text[max(0, found.start() - 24) : found.start()]):
                yield found.span()
        for found in _found(text, *_SPOKEN, *_ELSEWHERE):
            yield found.span()
    yield from claims(text)
    for found in _found(
        text, *(_OTHER_SCRIPTS if _SCRIPTS.search(text) else ()), *(_FORMS if _MARKS.search(text) else ())
    ):
        yield found.span()


def _found(text: str, *patterns: str) -> Iterator[re.Match[str]]:
    for pattern in patterns:
        yield from _compiled(pattern).finditer(text)


def _encoded(text: str) -> Iterator[tuple[int, int]]:
    """Spans that are words once they are decoded, or their letters put together."""
    lengths = list(map(len, text.split()))
    longest = max(lengths, default=0)
    if longest >= 24:
        for found in _BASE64.finditer(text):
            if _decodes(found.group()):
                yield found.span()
    if longest >= 15 or lengths.count(1) >= 6:
        for found in _SPELLED.finditer(text):
            if _SPELLED_OUT.search(re.sub(r"\W|_", "", found.group())):
                yield found.span()


def _decodes(packed: str) -> bool:
    """Whether letters and digits are text in base64 or in hexadecimal digits."""
    bare = packed.rstrip("=").replace("-", "+").replace("_", "/")
    for unpack in (bytes.fromhex, lambda p: base64.b64decode(p + "=" * (-len(p) % 4))):
        try:
            if unpack(bare).decode().isprintable():
                return True
        except ValueError:
            continue
    return False


def _quotes(text: str, spans: list[tuple[int, int]]) -> Iterator[str]:
    """The sentences around spans that are in order, or as much of them as fits; each passage once."""
    starts = [0, *(m.end() for m in _SENTENCE.finditer(text)), len(text)]
    told, done = 0, 0
    for start, end in spans:
        if start < done or told == _MOST:
            continue
        spare = max(0, QUOTE - (end - start))
        left = max(starts[bisect_right(starts, start) - 1], start - spare // 2, done)
        until = starts[min(bisect_right(starts, max(start, end - 1)), len(starts) - 1)]
        done = min(until, left + QUOTE)
        told += 1
        yield text[left:done].strip() or text[start:end][:QUOTE]


@cache
def _trigger() -> re.Pattern[str]:
    return re.compile(rf"{beginnings(_STEMS)}|(?<![a-z])(?:[an]\d|ai\b|bots?\b)")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern, compiled when the first caption asks for it."""
    return re.compile(pattern, re.IGNORECASE)
