from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.errors import RulesError
from ruler.rules.derive import derive_keywords
from ruler.rules.importers import REST, import_anomalyruler, import_lines
from ruler.rules.io import parse_rules, render_rules
from ruler.rules.words import find

LIST = """\
**Rules for Anomaly Human Activities:**
1. Reaching into the press
2. Climbing on shelves, e.g., ladders
2. Any hurry such as
   racing a forklift

**Anomaly Non-Human Objects:**
1. Smoke or sparks
**Normal Human Activities:**
1) Carrying boxes
- Standing near shelves

## Rules for Normal Environmental Objects
1. Shelves"""


def written(tmp_path: Path, text: str, name: str = "rules.txt") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_is_read_whatever_its_numbers(tmp_path: Path) -> None:
    found = import_anomalyruler(written(tmp_path, LIST)).rules
    assert [(r.id, r.kind, r.subject, r.text) for r in found] == [
        ("A1", "anomaly", "human activity", "Reaching into the press"),
        ("A2", "anomaly", "human activity", "Climbing on shelves, e.g., ladders"),
        ("A3", "anomaly", "human activity", "Any hurry such as racing a forklift"),
        ("A4", "anomaly", "environment", "Smoke or sparks"),
        ("N1", "normal", "human activity", "Carrying boxes"),
        ("N2", "normal", "human activity", "Standing near shelves"),
        ("N3", "normal", "environment", "Shelves"),
    ]
    assert [r.keywords for r in found] == [
        ("reaching",),
        ("ladders",),
        ("racing forklift",),
        ("smoke", "sparks"),
        (),
        (),
        (),
    ]


def test_given_keywords_go_to_the_rules_that_speak_of_them(tmp_path: Path) -> None:
    keywords = written(tmp_path, "reach\nclimbs\nforklifts\nhammer\n\nspark, drill\n", "keywords.txt")
    found = import_anomalyruler(written(tmp_path, LIST), keywords).rules
    assert {r.text: r.keywords for r in found if r.keywords} == {
        "Reaching into the press": ("reach",),
        "Climbing on shelves, e.g., ladders": ("climbs",),
        "Any hurry such as racing a forklift": ("forklifts",),
        "Smoke or sparks": ("spark",),
        REST: ("hammer", "drill"),
    }


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("1. A rule before any heading\n", 1, "before any heading"),
        ("**Rules for Anomaly Human Activities:**\n1.\n", 2, "a number without a rule"),
        ("**Rules for Anomaly Human Activities:**\nfree text\n", 2, "neither a heading nor"),
        ("**Rules for Anomaly Human Activities:**\n1. a\n**Other things:**\n", 3, "neither normal nor anomaly"),
        ("**Rules for Anomaly Human Activities:**\n\n", 0, "holds no rule"),
        ("", 0, "holds no rule"),
    ],
)
def test_a_strange_list_is_refused_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RulesError) as caught:
        import_anomalyruler(path)
    assert what in str(caught.value)
    assert str(caught.value).startswith(f"{path}:{line}:" if line else f"{path}:")
    assert caught.value.hint


def test_files_that_are_no_lists_are_refused(tmp_path: Path) -> None:
    rules = written(tmp_path, LIST)
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\x00\x01")
    latin = tmp_path / "latin.txt"
    latin.write_bytes("x\ncafé".encode("latin-1"))
    for path, what in (
        (tmp_path / "none", "no such file"),
        (tmp_path, "is a folder"),
        (binary, "not a text"),
        (latin, "latin.txt:2"),
    ):
        with pytest.raises(RulesError, match=what):
            import_anomalyruler(path)
    for text, what in (
        ("\n", "holds no keyword"),
        ("a\nThis is a whole sentence and surely not a keyword", "keys.txt:2: looks like"),
    ):
        with pytest.raises(RulesError, match=what):
            import_anomalyruler(rules, written(tmp_path, text, "keys.txt"))


def test_sentences_become_rules(tmp_path: Path) -> None:
    path = written(tmp_path, "# mine\nReaching into the press\n\n2. Climbing a shelf\n")
    assert [(r.id, r.text, r.keywords) for r in import_lines(path).rules] == [
        ("A1", "Reaching into the press", ("reaching",)),
        ("A2", "Climbing a shelf", ("climbing shelf",)),
    ]
    assert [(r.id, r.kind, r.subject, r.keywords) for r in import_lines(path, "normal", "environment").rules] == [
        ("N1", "normal", "environment", ()),
        ("N2", "normal", "environment", ()),
    ]
    with pytest.raises(RulesError, match="holds no rule"):
        import_lines(written(tmp_path, "# nothing\n"))
    with pytest.raises(RulesError, match=r"rules.txt:2: holds no word"):
        import_lines(written(tmp_path, "a b\n...\n"))


@pytest.mark.parametrize(
    ("text", "keywords"),
    [
        ("Running or jumping", "running, jumping"),
        ("Person lying or bending down on the ground", "lying, bending"),
        (
            "Any movement such as riding a bicycle or scooter, skateboarding",
            "riding bicycle, riding scooter, skateboarding",
        ),
        ("Unusual objects (vehicles, large unattended luggage, etc.)", "vehicles, unattended luggage"),
        ("Unattended objects (security threat)", "unattended objects"),
        (
            "Missing, removed, or ajar manhole covers",
            "missing manhole covers, removed manhole covers, ajar manhole covers",
        ),
        ("Damaged manhole cover or trees", "damaged manhole cover, damaged trees"),
        ("Climbing on railings or non-designated structures", "climbing"),
        ("Graffiti on building windows or vandalism to a fence", "graffiti, vandalism"),
        ("Engaging in a physical altercation", "physical altercation"),
        ("Rapid movement beyond the typical pace of individuals", ""),
        ("Vandalism or damage to objects such as signs", "vandalism, damage"),
        ("", ""),
    ],
)
def test_keywords_taken_from_a_text(text: str, keywords: str) -> None:
    assert ", ".join(derive_keywords(text, ["Trees along the street", "Signs"])) == keywords


def test_what_normal_rules_speak_of_is_no_keyword() -> None:
    assert derive_keywords("Boxes or sparks", ["Carrying a box"]) == ("sparks",)


@given(st.text(max_size=80))
def test_any_text_gives_lower_case_keywords(text: str) -> None:
    found = derive_keywords(text)
    assert all(k == k.lower() and k.strip() for k in found)
    assert len(set(found)) == len(found)


def test_the_published_lists(shared_data: Path) -> None:
    counts = {
        "SHTech": (19, 24),
        "UBNormal": (12, 9),
        "avenue": (20, 21),
        "ped2": (19, 26),
    }
    for name, (normal, anomaly) in counts.items():
        found = import_anomalyruler(shared_data / f"rules/rule_{name}.txt")
        kinds = [r.kind for r in found.rules]
        assert (kinds.count("normal"), kinds.count("anomaly")) == (normal, anomaly)
        assert parse_rules(render_rules(found)) == found
        assert all(find(k, r.text) for r in found.rules for k in r.keywords if " " not in k)


def test_every_published_keyword_finds_a_place(shared_data: Path) -> None:
    keywords = (shared_data / "rules/keywords_SHTech.txt").read_text("utf-8").split()
    found = import_anomalyruler(shared_data / "rules/rule_SHTech.txt", shared_data / "rules/keywords_SHTech.txt")
    assert {k for r in found.rules for k in r.keywords} == set(keywords)
    assert found.rules[-1].text == REST
    assert set(found.rules[-1].keywords) == {"trolley", "cart", "accident", "scooting"}
