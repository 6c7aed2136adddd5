"""One English word in, all its forms out; no dictionary, but the rules of spelling and a table of the irregular."""

from __future__ import annotations

import re
from functools import lru_cache


def word_set(text: str) -> frozenset[str]:
    """The words of a text, parted by spaces."""
    return frozenset(text.split())


# base past participle (where it differs); "/" between variants. Grammar, not meaning: nothing here is looked for by
# itself.
_VERBS = """
arise arose arisen|awake awoke awoken|bear bore borne|beat beat beaten|become became become|begin began begun
bend bent|bet bet|bind bound|bite bit bitten|bleed bled|blow blew blown|break broke broken|breed bred|bring brought
build built|burn burnt/burned|burst burst|buy bought|cast cast|catch caught|choose chose chosen|cling clung
come came come|cost cost|creep crept|cut cut|deal dealt|dig dug|dive dived/dove|do did done|draw drew drawn
dream dreamt/dreamed|drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen|feed fed|feel felt
fight fought|find found|flee fled|fling flung|fly flew flown|forbid forbade forbidden|forget forgot forgotten
freeze froze frozen|get got gotten/got|give gave given|go went gone|grind ground|grow grew grown|hang hung/hanged
have had|hear heard|hide hid hidden|hit hit|hold held|hurt hurt|keep kept|kneel knelt/kneeled|know knew known
lay laid|lead led|lean leaned/leant|leap leapt/leaped|leave left|lend lent|let let|lie lay/lied lain
light lit/lighted|lose lost|make made|mean meant|meet met|mow mowed mown|pay paid|put put|quit quit|read read
rid rid|ride rode ridden|ring rang rung|rise rose risen|run ran run|say said|see saw seen|seek sought|sell sold
send sent|set set|shake shook shaken|shine shone/shined|shoot shot|show showed shown|shrink shrank shrunk|shut shut
sing sang sung|sink sank sunk|sit sat|sleep slept|slide slid|sling slung|slit slit|sow sowed sown
speak spoke spoken|speed sped/speeded|spell spelt/spelled|spend spent|spill spilt/spilled|spin spun|spit spat/spit
split split|spread spread|spring sprang sprung|stand stood|steal stole stolen|stick stuck|sting stung
stink stank stunk|stride strode stridden|strike struck|string strung|strive strove striven|swear swore sworn
sweep swept|swell swelled swollen|swim swam swum|swing swung|take took taken|teach taught|tear tore torn|tell told
think thought|throw threw thrown|thrust thrust|tread trod trodden|wake woke woken|wear wore worn|weave wove woven
weep wept|win won|wind wound|wring wrung|write wrote written
"""
_NOUNS = """
person people|man men|woman women|child children|foot feet|tooth teeth|goose geese|mouse mice|ox oxen|knife knives
life lives|wife wives
leaf leaves|loaf loaves|half halves|shelf shelves|thief thieves|wolf wolves|calf calves|scarf scarves
"""
# Words whose base form names a thing and whose -ing form an act of another meaning: "watching" is not "a watch".
# As a keyword by itself the base form means the thing; in a phrase ("step over the rope") it takes all forms.
THINGS = word_set("""
    back bag balance ball band bank bar bark bat bench bill block board book bottle box bridge brush building
    button can cap chair channel coat corner cover cross crowd cup curb dock door dress drill dust eye face
    fence field figure file finger flag floor frame fuel garden gate glass group guard hammer hand hat head hook
    house iron key ladder land lap leash letter light line lock map mark mask match mirror nail name net nose
    number object pack page paint pallet panel paper park people phone picture pile pillar pipe place plane
    plant plate pocket point pole post pot rack rail ring road rock roof room root saw scene screen seat shade
    shadow shape ship shirt shop shoulder side sign skirt spot stage stairs stand staple star station step stone
    store strap structure suit surface table tail tape tie tip toe torch towel trail train tree truck trunk tube
    umbrella view wall watch water wave weather wheel window wing wire wood yard
    """)
# Nouns in -ing that come from no verb one would look for.
_ING_NOUNS = word_set(
    "building ceiling evening morning clothing wedding railing lightning pudding stocking sibling darling earring "
    "during something "
    "nothing everything anything awning bedding flooring housing"
)
# Forms that mostly mean something else in a description ("on the left", "on the ground", "leaves on the path"); taken
# in phrases only.
_AMBIGUOUS = word_set("left leaves ground felt rose wound bound lives")
# Words that have no forms.
FUNCTION = word_set("""
    a about above across after again against all along also an and another any anyone around as at away be been
    before behind being below beside besides between both but by down during each every few for from had has he
    her here him his i if in inside into is are was were it its just many more most my near next no nobody none
    nor not of off on onto one only or other our out outside over past several she so some than that the their
    them then there these they this those three through to too toward towards two under until up upon very we
    when where which while who whose with within without you your
    """)
_KEPT_DOUBLE = word_set("add butt ebb egg err inn odd purr putt")
_PREFIXES = ("over", "under", "out", "fore", "mis", "with", "up")
_VOWELS = re.compile(r"[aeiouy]+")


def _table(text: str) -> list[list[list[str]]]:
    lines = [entry.split() for entry in re.split(r"[|\n]", text) if entry.strip()]
    return [[form.split("/") for form in entry] for entry in lines]


_VERB_FORMS: dict[str, frozenset[str]] = {e[0][0]: frozenset(f for part in e[1:] for f in part) for e in _table(_VERBS)}
_PLURALS: dict[str, str] = {e[0][0]: e[1][0] for e in _table(_NOUNS)}
_SINGULARS: dict[str, str] = {plural: single for single, plural in _PLURALS.items()}
_VERB_OF: dict[str, tuple[str, ...]] = {}
for _base, _forms in _VERB_FORMS.items():
    for _form in _forms - {_base}:
        _VERB_OF[_form] = (*_VERB_OF.get(_form, ()), _base)
del _base, _forms, _form


@lru_cache(maxsize=8192)
def inflections(word: str, *, in_phrase: bool = False) -> frozenset[str]:
    """All forms of one word, in lower case, the word itself among them.

    There is no dictionary: a form nobody uses may be among them, which does no harm, as no caption holds it. A word
    that names a thing ("box", "watch") keeps to singular and plural, and the activity of the same spelling ("boxing",
    "watching") to its verb forms.

    Args:
        word: one word in any form ("carries", "knives"); a word that is not plain English letters has no forms but
            itself.
        in_phrase: the word stands in a phrase, where forms that are too ambiguous alone ("left") are taken too.
    """
    word = word.lower()
    if not (word.isascii() and word.isalpha()) or word in FUNCTION:
        return frozenset({word})
    if word in _AMBIGUOUS and not in_phrase and word not in _SINGULARS:
        return frozenset({word})
    forms = {word}
    noun = _noun(word)
    if noun is not None:
        forms |= noun
        if not in_phrase or not (_bases(word) & THINGS):
            return frozenset(forms)
    act = word not in _bases(word)
    for base in _bases(word):
        verb = _verb_forms(base)
        if not in_phrase:
            verb -= _AMBIGUOUS
            if act and base in THINGS:
                verb -= {base, _s_form(base)}
        forms |= verb
        if not (act and base in THINGS) and len(base) > 2:
            forms |= _noun_forms(base)
    if not in_phrase:
        forms -= _AMBIGUOUS - {word}
    return frozenset(forms)


def is_activity(word: str) -> bool:
    """Whether a word has the form of an activity: -ing, -ed or an irregular past, and is no thing's name."""
    word = word.lower()
    if word in _ING_NOUNS or word in THINGS or word in FUNCTION:
        return False
    return word in _VERB_OF or (word not in _bases(word) and word.endswith(("ing", "ed")))


def base_forms(word: str) -> frozenset[str]:
    """The base forms a word may come from, by spelling: "carries" → carry; several where spelling does not tell."""
    word = word.lower()
    return frozenset({_SINGULARS[word]}) if word in _SINGULARS else frozenset(_bases(word))


def _noun(word: str) -> set[str] | None:
    """Forms of a word that is a noun and nothing else; None where it may be a verb."""
    single = _SINGULARS.get(word, word)
    if single in _PLURALS:
        return {single, _PLURALS[single], *({"persons"} if single == "person" else ())}
    for ending, plural in (("woman", "women"), ("man", "men"), ("person", "people"), ("child", "children")):
        for end in (ending, plural):
            if word.endswith(end) and len(word) > len(end) + 2 and word != "human":
                stem = word.removesuffix(end)
                return {stem + ending, stem + plural}
    if word in _ING_NOUNS:
        return {word, _s_form(word)}
    if word.endswith("ings") and word[:-1] not in ("things", "kings"):
        return {word, word[:-1]}
    for base in _bases(word):
        if base in THINGS and word in (base, _s_form(base)):
            return _noun_forms(base)
    return None


@lru_cache(maxsize=8192)
def _bases(word: str) -> frozenset[str]:
    """Base forms a word may come from; itself where it is no inflected form by its spelling."""
    if word in THINGS:
        return frozenset({word})
    for prefix in ("", *_PREFIXES):
        rest = word.removeprefix(prefix) if word.startswith(prefix) else ""
        if rest in _VERB_OF:
            own = {word} if rest in _VERB_FORMS else set()
            return frozenset({prefix + base for base in _VERB_OF[rest]} | own)
    if word in _ING_NOUNS or word in _VERB_FORMS:
        return frozenset({word})
    if word.endswith("ying") and len(word) == 5:
        return frozenset({word[0] + "ie"})
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        # "-eed" is a base of its own (need, speed); a stem without a vowel too (ring, bed).
        if stem != word and len(stem) > 1 and _VOWELS.search(stem) and not (ending == "ed" and stem.endswith("e")):
            if ending == "ed" and stem.endswith("i"):
                return frozenset({stem[:-1] + "y"})
            return frozenset(_unended(stem))
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        if word.endswith("ies") and len(word) > 4:
            return frozenset({word[:-3] + "y", word[:-1]})
        if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            return frozenset({word[:-2], word[:-1]})
        return frozenset({word[:-1]})
    return frozenset({word})


def _unended(stem: str) -> set[str]:
    """Bases a stem without its -ing or -ed may come from: "stopp" → stop, "mov" → move, "walk" → walk."""
    one_syllable = len(_VOWELS.findall(stem)) == 1
    for known in (stem + "e",) if one_syllable and _doubles(stem) else (stem, stem + "e"):
        if known in _VERB_FORMS or known in THINGS:
            return {known}
    if len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "aeiou":
        if stem in _KEPT_DOUBLE or (stem[-1] in "lsfz" and one_syllable):
            return {stem}
        return {stem, stem[:-1]} if stem[-1] in "lsfz" else {stem[:-1]}
    if stem[-1] in "cvuz" or (one_syllable and _doubles(stem)):
        return {stem + "e"}
    return {stem} if (stem[-1] in "wxykmp" and one_syllable) or stem[-1] in "wy" else {stem, stem + "e"}


def _doubles(base: str) -> bool:
    """Whether a base ends in one consonant after one vowel, which a stressed syllable doubles: stop, plan, ship."""
    plain = base.replace("qu", "q")
    return bool(re.search(r"(?:^|[^aeiou])[aeiou][^aeiouwxy]$", plain))


def _s_form(base: str) -> str:
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ies"
    return base + ("es" if re.search(r"(?:s|x|z|ch|sh|[^aeiou]o)$", base) else "s")


def _noun_forms(base: str) -> set[str]:
    return {base, _PLURALS.get(base, _s_form(base))}


def _verb_forms(base: str) -> set[str]:
    forms = {base, _s_form(base)}
    stems = {base}
    if base.endswith("ie"):
        forms.add(base[:-2] + "ying")
        stems = set()
    elif base.endswith("e") and not base.endswith(("ee", "oe", "ye")):
        stems = {base[:-1]}
    elif base.endswith("c"):
        stems = {base, base + "k"}
    elif _doubles(base):
        doubled = base + base[-1]
        stems = {doubled} if len(_VOWELS.findall(base)) == 1 else {base, doubled}
        if base == "bus":
            stems = {base, doubled}
    forms |= {stem + "ing" for stem in stems}
    prefix = next((p for p in ("", *_PREFIXES) if base.startswith(p) and base.removeprefix(p) in _VERB_FORMS), None)
    if prefix is not None:
        forms |= {prefix + form for form in _VERB_FORMS[base.removeprefix(prefix)]}
        if base == "lie":  # Describers write "laying on the ground" for "lying".
            forms.add("laying")
    elif re.search(r"[^aeiou]y$", base):
        forms.add(base[:-1] + "ied")
    elif base.endswith("ie"):
        forms.add(base + "d")
    else:
        forms |= {stem + ("d" if stem.endswith("e") else "ed") for stem in stems}
    return forms
