from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest

from ruler.errors import RulesError
from ruler.rules.io import (
    LARGEST,
    edit_rules,
    load_rules,
    parse_rules,
    render_rules,
    rounded,
    rules_hash,
    save_rules,
    set_field,
)
from ruler.rules.model import (
    FalseAlarms,
    Limit,
    Provenance,
    Rule,
    RuleSet,
    Support,
    numbered,
)

PERSONS = """\
# my rules
schema: 1
scene: Loading dock, north gate
rules:
  - id: N1
    kind: normal
    text: 'Handling goods: carrying boxes'   # all day
    support: {votes: 9, of: 10}
  # the press
  - id: A1
    kind: anomaly
    text: "Bypassing safety"
    keywords: [reach behind, reach into]
    false_alarms: {count: 0, of: 100, by: frame}

  - kind: anomaly
    text: Moving much faster than usual here
    limit: {measure: speed, above: 2.4, unit: body heights/s, per: row, table: [[0, 120, 2.1], [120, 240, 2]]}  # by row
    when: '22:00-06:00'
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_persons_file_is_read() -> None:
    rules = parse_rules(PERSONS)
    assert [r.id for r in rules.rules] == ["N1", "A1", "A2"]
    assert rules.rules[2].limits[0].table == ((0, 120, 2.1), (120, 240, 2))
    assert rules.rules[0].subject == "human activity"
    assert rules.scene == "Loading dock, north gate"


def test_a_written_file_is_nice_to_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rules.yaml"
    limit = Limit(measure="speed", above=2.40001234, usual=1.1, unit="body heights/s")
    banded = limit.model_copy(update={"per": "row", "table": ((0.0, 120.0, 2.123456), (120.0, 240.0, 2.4))})
    rules = (
        Rule(kind="normal", text="Handling goods: carrying boxes", support=Support(votes=9, of=10)),
        Rule(
            kind="anomaly",
            text="Faster",
            limit=limit,
            when="22:00-06:00",
            false_alarms=FalseAlarms(count=24, of=11840, by="object"),
        ),
        Rule(kind="anomaly", text="Faster by row", limit=banded, keywords=("no", "reach into")),
    )
    save_rules(
        RuleSet(scene="Dock", rules=rules, provenance=Provenance(reference=("a.mp4",), created=date(2026, 11, 23))),
        path,
    )
    text = path.read_text("utf-8")
    assert text.startswith("# ")
    for line in (
        "schema: 1",
        "  created: 2026-11-23",
        "  - id: N1",
        "    text: 'Handling goods: carrying boxes'",
        "    support: {votes: 9, of: 10}",
        "    limit: {measure: speed, above: 2.4, usual: 1.1, unit: body heights/s}",
        "    when: '22:00-06:00'",
        "    false_alarms: {count: 24, of: 11840, by: object}",
        "        - [0, 120, 2.123]",
        "    keywords: ['no', reach into]",
    ):
        assert line in text.splitlines()
    assert text.index("id: A1") < text.index("kind: anomaly") < text.index("text: Faster") < text.index("when:")


def test_numbers_are_written_with_four_digits() -> None:
    rules = RuleSet(rules=(Rule(kind="anomaly", text="x", limit=Limit(measure="speed", above=0.000123456)),))
    assert rounded(rules).rules[0].limits[0].above == 0.0001235
    assert parse_rules(render_rules(rules)) == RuleSet(rules=numbered(rounded(rules).rules))


# --- what is wrong is said in one line ------------------------------------------------------------------------------

HEAD = "schema: 1\nrules:\n"
RULE = HEAD + "  - id: A7\n    kind: anomaly\n    text: some text\n"
BROKEN: list[tuple[str, int, str, str]] = [
    # text, line, what, hint
    ("", 0, "is empty", "schema: 1"),
    ("  \n\n", 0, "is empty", "schema: 1"),
    ("# only a comment\n", 0, "is empty", "schema: 1"),
    ("just words", 1, "not a rules file", "schema: 1"),
    ("- a\n- b\n", 1, "not a rules file", "schema: 1"),
    ("schema: 2\nrules: []\n", 1, "schema 2", "schema: 1"),
    ("schema: one\n", 1, "schema one", "schema: 1"),
    (HEAD + "  - id: [A1\n", 4, "not YAML", "brackets"),
    (HEAD + "  - kind: anomaly\n    text: Bypassing: the guard\n", 4, "not YAML", "quotes"),
    (HEAD + "\t- kind: anomaly\n", 3, "not YAML", "spaces, not tabs"),
    (RULE + "    keyword: [a]\n", 6, "unknown key 'keyword'", "did you mean 'keywords'"),
    (RULE + "    xyzzy: [a]\n", 6, "unknown key 'xyzzy'", "known here are id, kind"),
    ("schema: 1\nrulez: []\n", 2, "unknown key 'rulez'", "did you mean 'rules'"),
    (RULE + "    limit: {measure: speed, abov: 2}\n", 6, "unknown key 'abov'", "did you mean 'above'"),
    (RULE + "    limit: {measure: speed}\n", 6, "exactly one of 'above' and 'below'", ""),
    (
        RULE + "    limit:\n      measure: speed\n      above: fast\n",
        8,
        "'above' must be a number, not 'fast'",
        "quotes",
    ),
    (RULE + "    limit: {measure: speed, above: .nan}\n", 6, "no number", ""),
    (RULE + "    keywords: running\n", 6, "'keywords' must be a list", "[running]"),
    (RULE + "    keywords: [a, 12]\n", 6, "must be text, not '12'", "quotes"),
    (RULE + "    when: late\n", 6, "not a span of hours", ""),
    (RULE + "    support: {votes: 11, of: 10}\n", 6, "11 votes of 10", ""),
    (RULE + "    support: 3\n", 6, "'support' must be a map", "{key: value}"),
    (RULE + "    where: {polygon: [[0, 0], [1, 2], [0, 1]]}\n", 6, "2", ""),
    (RULE + "    where: {polygon: [[0, 0], [1, 1]]}\n", 6, "polygon", ""),
    (RULE + "    text: again\n", 6, "'text' is given twice", "remove one"),
    (RULE + "  - id: A7\n    kind: anomaly\n    text: other\n", 6, "id A7", "another id"),
    (HEAD + "  - kind: anomaly\n", 3, "'text' is missing", "text:"),
    (HEAD + "  - kind: odd\n    text: x\n", 3, "'kind' cannot be 'odd'", "normal or anomaly"),
    (HEAD + "  - kind: anomaly\n    text: ''\n", 4, "'text'", ""),
    (HEAD + "  - just words\n", 3, "must be a map", ""),
    (RULE + "    note: !!python/object/apply:os.system [ls]\n", 6, "tag", "remove it"),
    (RULE + "    note: !mine x\n", 6, "tag", "remove it"),
    ("a: &a [x]\nb: *a\n", 1, "anchors and aliases", "write the value out"),
    (RULE + "    note: &n x\n", 6, "anchors and aliases", "write the value out"),
    (RULE + "    note: *n\n", 6, "not YAML", ""),
    (RULE + "    ? [a, b]\n    : x\n", 6, "a key must be a word", "quotes"),
    ("schema: 1\n---\nschema: 1\n", 2, "more than one document", "---"),
    ("schema: 1\nrules: " + "[" * 60 + "]" * 60, 2, "nested too deeply", ""),
    ("schema: 1\nscene: a\x07b\n", 2, "character", "remove it"),
    ("schema: 1\nprovenance: {created: 2026-13-45}\n", 2, "'2026-13-45' cannot be read", "quotes"),
]


@pytest.mark.parametrize(("text", "line", "what", "hint"), BROKEN)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, text: str, line: int, what: str, hint: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RulesError) as caught:
        load_rules(path)
    message = str(caught.value)
    assert "\n" not in message
    assert what in message
    assert hint in (caught.value.hint or "")
    assert caught.value.hint
    assert message.startswith(f"{path}:{line}" if line else str(path))
    assert caught.value.exit_code == 3


def test_the_rule_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"rules.yaml:6, rule A7: unknown key"):
        load_rules(written(tmp_path, RULE + "    keyword: [a]\n"))
    with pytest.raises(RulesError, match=r"rules.yaml:5, rule 1 of the list: unknown key"):
        load_rules(written(tmp_path, HEAD + "  - kind: anomaly\n    text: x\n    keyword: [a]\n"))


def test_further_problems_are_counted() -> None:
    with pytest.raises(RulesError, match=r"and 2 more"):
        parse_rules(RULE + "    keyword: [a]\n    colour: red\n    when: late\n")


def test_the_line_of_a_wrong_place_in_a_scene() -> None:
    text = "schema: 1\nscenes:\n  north:\n    rules:\n      - {kind: anomaly, text: a}\n"
    text += "      - {id: A9, kind: anomaly, text: a, notes: b}\n"
    with pytest.raises(RulesError, match=r"rules:6, rule A9: unknown key 'notes'; did you mean 'note'"):
        parse_rules(text)


def test_deep_nesting_and_a_bomb_end_quickly() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(24)
    )
    for text in (bomb, "[" * 100_000, "a: {" * 5_000):
        with pytest.raises(RulesError):
            parse_rules(text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="no such rules file"):
        load_rules(tmp_path / "none.yaml")
    with pytest.raises(RulesError, match="is a folder"):
        load_rules(tmp_path)
    path = tmp_path / "latin.yaml"
    path.write_bytes("schema: 1\nscene: Café\n".encode("latin-1"))
    with pytest.raises(RulesError, match=r"latin.yaml:2: is not UTF-8"):
        load_rules(path)
    with path.open("wb") as out:
        out.truncate(LARGEST + 1)
    with pytest.raises(RulesError, match="too large"):
        load_rules(path)


def test_a_byte_order_mark_and_windows_lines_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + PERSONS.replace("\n", "\r\n").encode())
    assert load_rules(path) == parse_rules(PERSONS)


# --- writing --------------------------------------------------------------------------------------------------------


def test_an_unwritable_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(RulesError, match="cannot be written"):
        save_rules(RuleSet(), tmp_path / "file" / "rules.yaml")
    with pytest.raises(RulesError, match="is a folder"):
        save_rules(RuleSet(), tmp_path)


def test_writing_replaces_as_a_whole_and_keeps_the_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, PERSONS)
    path.chmod(0o640)
    save_rules(RuleSet(scene="other"), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert load_rules(path).scene == "other"
    before = path.read_bytes()

    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(RulesError, match="No space left"):
        save_rules(RuleSet(scene="third"), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["rules.yaml"]


def test_one_field_is_set_and_everything_else_stays(tmp_path: Path) -> None:
    path = written(tmp_path, PERSONS)
    after = set_field(path, "A2", "false_alarms", FalseAlarms(count=3, of=90, by="object"))
    assert after.rules[2].false_alarms == FalseAlarms(count=3, of=90, by="object")
    set_field(path, "A1", "keywords", ["no", "reach: in"])
    set_field(path, "N1", "support", None)
    kept = [line for line in PERSONS.splitlines() if "keywords" not in line and "support" not in line]
    now = path.read_text("utf-8").splitlines()
    assert [line for line in now if line in kept] == kept
    assert sorted(set(now) - set(kept)) == [
        "    false_alarms: {count: 3, of: 90, by: object}",
        "    keywords: ['no', 'reach: in']",
    ]


@pytest.mark.parametrize("offset", [0, 2, 4])
def test_a_files_own_indentation_stays(tmp_path: Path, offset: int) -> None:
    pad = " " * offset
    text = f"schema: 1\nrules:\n{pad}- kind: anomaly\n{pad}  text: a   # why\n{pad}- kind: anomaly\n{pad}  text: b\n"
    path = written(tmp_path, text)
    set_field(path, "A2", "note", "later")
    assert path.read_text("utf-8") == text + f"{pad}  note: later\n"


def test_a_field_of_a_scene_is_set(tmp_path: Path) -> None:
    path = written(tmp_path, "schema: 1\nscenes:\n  north:\n    rules:\n      - {kind: anomaly, text: a}\n")
    assert set_field(path, "A1", "note", "b", scene="north").scenes["north"].rules[0].note == "b"
    with pytest.raises(RulesError, match="no scene 'south'"):
        set_field(path, "A1", "note", "b", scene="south")


def test_a_change_that_breaks_the_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, PERSONS)
    with pytest.raises(RulesError, match="there is no rule A9"):
        set_field(path, "A9", "note", "x")
    with pytest.raises(RulesError, match="unknown key 'notes'"):
        set_field(path, "A1", "notes", "x")
    with pytest.raises(RulesError, match="'kind' cannot be"):
        edit_rules(path, lambda tree: tree["rules"][0].update(kind="odd"))
    assert path.read_text("utf-8") == PERSONS


# --- the hash -------------------------------------------------------------------------------------------------------


def test_the_hash_is_of_what_the_file_says() -> None:
    plain = parse_rules(PERSONS)
    assert rules_hash(plain) == rules_hash(
        parse_rules(PERSONS.replace("# my rules", "# ours").replace("2.4,", "2.4000,"))
    )
    assert rules_hash(plain) == rules_hash(parse_rules(render_rules(plain)))
    assert rules_hash(plain) != rules_hash(parse_rules(PERSONS.replace("above: 2.4", "above: 2.5")))
    assert rules_hash(plain) != rules_hash(parse_rules(PERSONS.replace("reach into", "reach in")))
    assert len(rules_hash(plain)) == 12
