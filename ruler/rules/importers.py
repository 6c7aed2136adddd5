"""Rules of other programs in, a RuleSet out: the lists AnomalyRuler published, and plain sentences one per line."""

from __future__ import annotations

import re
from pathlib import Path

from ruler.errors import RulesError
from ruler.rules.derive import derive_keywords
from ruler.rules.io import read_text
from ruler.rules.model import Kind, Rule, RuleSet, Subject, numbered
from ruler.rules.words import compile_keywords, words_of

REST = "Keywords of the imported list"
"""Text of the rule that holds the keywords no imported rule speaks of."""

_ITEM = re.compile(r"^\s*(?:\(?\d{1,3}[.):]|[-*•–](?=\s))\s*(?P<text>.*)$")
_HEADING = re.compile(r"^\s*(?:[#*_]+\s*)*(?P<title>[^*_#\d][^*_#]*?)\s*:?\s*(?:[*_]+)?\s*:?\s*$")
_ANOMALY = re.compile(r"\b(?:anomal\w*|abnormal\w*|unusual)\b", re.IGNORECASE)
_NORMAL = re.compile(r"\b(?:normal|usual)\b", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"\b(?:non-?\s?human|environment\w*|objects?|things?|scenery)\b", re.IGNORECASE)


def import_anomalyruler(text_path: Path | str, keywords_path: Path | str | None = None) -> RuleSet:
    """Read a rule list as AnomalyRuler prints it: headings ("Rules for Normal Human Activities:") and numbered lines.

    Numbers may repeat or start again; a line without a number continues the one before.

    Args:
        text_path: the rules.
        keywords_path: a list of keywords, one per line or parted by commas. Each goes to the anomaly rules whose text
            speaks of it in any form; those of no rule go to one more rule. Without it, keywords are taken from the
            texts, see `derive_keywords`.

    Raises:
        RulesError: a file that cannot be read, or a line that is neither heading nor rule.
    """
    rules = _sections(Path(text_path))
    anomalies = [rule for rule in rules if rule.kind == "anomaly"]
    if keywords_path is None:
        normal = [rule.text for rule in rules if rule.kind == "normal"]
        keyed = [_with(rule, derive_keywords(rule.text, normal) if rule.kind == "anomaly" else ()) for rule in rules]
        return RuleSet(rules=numbered(tuple(keyed)))
    keywords = _keywords(Path(keywords_path))
    matcher = compile_keywords(keywords)
    spoken = {id(rule): {m.keyword for m in matcher.mentions(rule.text)} for rule in anomalies}
    keyed = [_with(rule, tuple(k for k in keywords if k in spoken.get(id(rule), ()))) for rule in rules]
    rest = tuple(k for k in keywords if not any(k in words for words in spoken.values()))
    if rest:
        keyed.append(Rule(kind="anomaly", text=REST, keywords=rest))
    return RuleSet(rules=numbered(tuple(keyed)))


def import_lines(path: Path | str, kind: Kind = "anomaly", subject: Subject = "human activity") -> RuleSet:
    """Read plain sentences, one rule per line; empty lines and lines that begin with `#` are passed over.

    Args:
        path: the file, UTF-8.
        kind: of all of them.
        subject: of all of them.

    Raises:
        RulesError: the file cannot be read, or holds no rule.
    """
    rules = []
    for number, line in enumerate(_lines(Path(path)), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        item = _ITEM.match(line)
        text = (item.group("text") if item else line).strip()
        if not words_of(text):
            raise RulesError("holds no word", where=f"{path}:{number}", hint="write a sentence, or remove the line")
        keywords = derive_keywords(text) if kind == "anomaly" else ()
        rules.append(Rule(kind=kind, subject=subject, text=text, keywords=keywords))
    if not rules:
        raise RulesError("holds no rule", where=path, hint="write one rule per line")
    return RuleSet(rules=numbered(tuple(rules)))


def _sections(path: Path) -> list[Rule]:
    found: list[tuple[Kind, Subject, str, int]] = []
    section: tuple[Kind, Subject] | None = None
    for number, line in enumerate(_lines(path), 1):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        heading = None if _numbered_line(line) else _heading(line)
        if heading is not None:
            section = heading
            continue
        item = _ITEM.match(line)
        text = " ".join((item.group("text") if item else line).replace("**", "").split())
        if section is None:
            raise RulesError(
                "stands before any heading",
                where=where,
                hint="begin with one such as 'Rules for Normal Human Activities:'",
            )
        if item and not words_of(text):
            raise RulesError("is a number without a rule", where=where, hint="write the rule behind it, or remove it")
        if item:
            found.append((*section, text, number))
        elif line.rstrip().rstrip("*_ ").endswith(":"):
            hint = "say 'normal' or 'anomaly' in it, as in 'Rules for Normal Human Activities:'"
            raise RulesError("is a heading that is neither normal nor anomaly", where=where, hint=hint)
        elif found and found[-1][:2] == section:
            found[-1] = (*section, f"{found[-1][2]} {text}", found[-1][3])
        else:
            raise RulesError("is neither a heading nor a numbered rule", where=where, hint="write it as '1. …'")
    if not found:
        raise RulesError(
            "holds no rule", where=path, hint="expected headings and numbered lines, as AnomalyRuler prints them"
        )
    return [Rule(kind=kind, subject=subject, text=text) for kind, subject, text, _ in found]


def _numbered_line(line: str) -> bool:
    return bool(re.match(r"^\s*\(?\d", line))


def _heading(line: str) -> tuple[Kind, Subject] | None:
    """Kind and subject of a heading: a line in bold, after `#`, or ending in a colon, that says normal or anomaly."""
    bare = line.strip()
    marked = bare.startswith(("**", "#", "__")) or bare.rstrip("*_ ").endswith(":")
    found = _HEADING.match(line)
    if not marked or found is None or len(bare) > 100:
        return None
    title = found.group("title")
    kind: Kind | None = "anomaly" if _ANOMALY.search(title) else "normal" if _NORMAL.search(title) else None
    if kind is None:
        return None
    return kind, "environment" if _ENVIRONMENT.search(title) else "human activity"


def _keywords(path: Path) -> tuple[str, ...]:
    given = [part.strip().strip("'\"") for line in _lines(path) for part in line.strip().strip("[]").split(",")]
    keywords = tuple(dict.fromkeys(k for k in given if words_of(k)))
    if not keywords:
        raise RulesError("holds no keyword", where=path, hint="write one keyword per line")
    long = next((k for k in keywords if len(words_of(k)) > 8), None)
    if long is not None:
        number = next(i for i, line in enumerate(_lines(path), 1) if long in line)
        raise RulesError(
            "looks like a sentence, not a keyword", where=f"{path}:{number}", hint="write one keyword per line"
        )
    return keywords


def _with(rule: Rule, keywords: tuple[str, ...]) -> Rule:
    return rule.model_copy(update={"keywords": keywords})


def _lines(path: Path) -> list[str]:
    text = read_text(path, "file with a list of rules")
    if "\0" in text:
        raise RulesError("is not a text file", where=path, hint="give a list of rules as text")
    return text.splitlines()
