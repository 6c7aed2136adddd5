"""The page: what it says, what it escapes, and the drawing of its curves."""

from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.deduction.rationale import clock, finding, number
from ruler.errors import RunFolderError
from ruler.report import RuleRow, RunView, VideoView, render_report, write_report
from ruler.report import html as page_module
from ruler.report.curve import HEIGHT, WIDTH, curve, decimate
from ruler.report.wording import false_alarms, plain, reading, span
from ruler.schema import Event, Evidence, Scores

GOLDEN = Path(__file__).parent / "golden" / "report.html"
EVIL = "<script>alert(1)</script>\" onload='x' {{ 7 * 7 }} </title>"


def scores(values, rate=10.0):
    return Scores(np.arange(len(values)) / rate, np.asarray(values, dtype=np.float64))


def small_run():
    values = [0.1] * 20 + [0.7, 0.9, 0.6] + [0.2] * 17
    quote = Evidence("A1", 2.0, quote="climbing over the fence")
    speed = Evidence("A2", 1.5, measure="speed", value=3.6, limit=2.4, usual=1.2, unit="body heights/s", track_id=4)
    event = Event(20, 23, 2.0, 2.3, 21, 0.9, ("A1", "A2"), (quote, speed), "Somebody climbs the fence.", 21)
    rules = (
        RuleRow("N1", "normal", "human activity", "Walking along the path", support=(9, 10)),
        RuleRow("A1", "anomaly", "human activity", "Getting over barriers", None, (7, 10), (0, 100, "frame"), 1),
        RuleRow("A2", "anomaly", "", "Much faster than usual", "speed above 2.4", (10, 10), (24, 11840, "object"), 1),
        RuleRow("A3", "anomaly", "environment", "A rule of one's own"),
    )
    videos = (
        VideoView("gate", 40, 10.0, scores(values), (event,), truth=((19, 24),), auc=0.9876),
        VideoView("yard", 20, 10.0, scores([0.2] * 12 + [0.31] + [0.2] * 7), notes=("frame rate assumed: 10",)),
        VideoView("torn", 0, 10.0, None, status="failed", notes=("no frame could be decoded",)),
    )
    created = datetime(2026, 1, 2, 3, 4)
    return RunView(
        "North gate", created, "ruler detect gate.mp4 --rules r.yaml -o runs/x", rules, videos, ("degraded: 2",)
    )


class Tags(HTMLParser):
    """Collects tags, attributes and text as a browser would read them, and checks that tags are closed in order."""

    VOID = frozenset(("meta", "img", "br", "rect", "path", "line"))

    def __init__(self, page):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def test_a_small_run_gives_the_page_on_file(tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "__version__", "0.0.0")
    page = write_report(small_run(), tmp_path / "report.html").read_text(encoding="utf-8")
    assert page == GOLDEN.read_text(encoding="utf-8"), "look at the page in a browser, then write it to the golden file"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_page_says_what_was_found(tmp_path):
    text = Tags(render_report(small_run(), tmp_path)).text
    for words in (
        "00:02.0 – 00:02.3",
        "climbing over the fence",
        "faster than usual: 3.6 body heights/s, limit 2.4, usual 1.2",
        "Somebody climbs the fence.",
        "24 of 11,840 objects (0.2 %)",
        "No events. The score stayed below the threshold of 0.5; the highest was 0.31 at 00:01.2",
        "There are no scores of this video.",
        "frame rate assumed: 10",
        "0.99",
        "failed",
    ):
        assert words in text, words


def test_nothing_from_outside_becomes_markup(tmp_path):
    run = small_run()
    event = run.videos[0].events[0]
    evidence = (replace(event.evidence[0], quote=EVIL), replace(event.evidence[1], measure=EVIL, unit=EVIL))
    event = replace(event, rationale=EVIL, evidence=evidence, kind=EVIL, rules=("A1", "A2", EVIL))
    video = replace(run.videos[0], name=EVIL, notes=(EVIL,), status=EVIL, events=(event,))
    rules = tuple(replace(rule, text=EVIL, subject=EVIL, limit=EVIL) for rule in run.rules)
    page = render_report(RunView(EVIL, None, EVIL, rules, (video,), (EVIL,)), tmp_path)
    seen, usual = Tags(page), Tags(render_report(run, tmp_path))
    assert "script" not in seen.tags
    assert not {name for name, _ in seen.attributes} - {name for name, _ in usual.attributes}
    assert seen.text.count("<script>alert(1)</script>") >= 8
    assert "49" not in seen.text


def test_the_page_needs_nothing_but_itself(tmp_path):
    page = render_report(small_run(), tmp_path)
    links = [value for name, value in Tags(page).attributes if name in ("src", "href", "action", "data")]
    assert links
    assert all(value.startswith("#") for value in links)
    assert "url(" not in page
    assert "@import" not in page


def test_every_link_inside_the_page_leads_somewhere(tmp_path):
    attributes = Tags(render_report(small_run(), tmp_path)).attributes
    places = [value for name, value in attributes if name == "id"]
    assert len(places) == len(set(places))
    assert {value[1:] for name, value in attributes if name == "href"} <= set(places)


@pytest.mark.parametrize("room", [10_000, 3])
def test_a_key_frame_is_put_into_the_page_or_linked_where_there_is_no_room(tmp_path, monkeypatch, room):
    monkeypatch.setattr(page_module, "EMBEDDED_BYTES", room)
    (tmp_path / "gate a").mkdir()
    (tmp_path / "gate a" / "21.jpg").write_bytes(b"four")
    run = small_run()
    run = replace(run, videos=(replace(run.videos[0], key_frames={21: "gate a/21.jpg"}),))
    source = [value for name, value in Tags(render_report(run, tmp_path)).attributes if name == "src"]
    assert source == (["data:image/jpeg;base64,Zm91cg=="] if room > 3 else ["gate%20a/21.jpg"])


@pytest.mark.parametrize("path", ["../secret.jpg", "{root}/secret.jpg", "javascript:x", "gone.jpg", "a\\..\\b.jpg"])
def test_a_key_frame_from_elsewhere_is_not_shown(tmp_path, path):
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "run").mkdir()
    run = small_run()
    run = replace(run, videos=(replace(run.videos[0], key_frames={21: path.format(root=tmp_path)}),))
    page = Tags(render_report(run, tmp_path / "run"))
    assert "img" not in page.tags
    assert "no picture of frame 21" in page.text


def test_a_run_without_videos_and_rules_says_so(tmp_path):
    text = Tags(render_report(RunView("Empty", None, "ruler detect", (), ()), tmp_path)).text
    assert "No video was judged in this run." in text
    assert "The rules file holds no rules." in text


def test_a_page_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(RunFolderError, match="the report cannot be written"):
        write_report(small_run(), tmp_path / "nowhere" / "report.html")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=400), st.integers(1, 60))
def test_decimation_keeps_peaks(values, columns):
    given_scores = np.array(values)
    kept = decimate(given_scores, columns)
    assert len(kept) == min(len(values), columns)
    assert kept.max() == given_scores.max()
    assert set(kept) <= set(values)
    if len(values) > columns:
        top = int(np.argmax(given_scores))
        column = np.searchsorted(np.arange(columns) * len(values) // columns, top, side="right") - 1
        assert kept[column] == given_scores.max()


def test_a_gap_in_the_scores_is_a_gap_in_the_curve():
    values = np.array([0.2, 0.4, np.nan, np.nan, 0.6, 0.1, np.nan, 0.3])
    drawn = curve(VideoView("v", 8, 10.0, Scores(np.arange(8) / 10, values)), "e")
    assert drawn is not None
    assert drawn.line.count("M") == 3
    assert "nan" not in drawn.line + drawn.area
    assert np.isnan(decimate(np.array([np.nan, np.nan, 0.5, np.nan]), 2)).tolist() == [True, False]


def test_one_bright_frame_in_a_long_video_reaches_the_top_of_the_curve():
    values = np.full(100_000, 0.1)
    values[77_777] = 1.0
    drawn = curve(VideoView("v", 100_000, 25.0, Scores(np.arange(100_000) / 25, values)), "e")
    assert drawn is not None
    points = [tuple(map(float, point.split(","))) for point in drawn.line.removeprefix("M").split()]
    assert len(points) == WIDTH
    top = min(points, key=lambda point: point[1])
    assert top[1] == 0.0
    assert abs(top[0] / WIDTH - 0.77777) < 2 / WIDTH
    assert max(y for _, y in points) == HEIGHT * 0.9
    assert len(drawn.ticks) <= 7


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "00:00.0"), (31.26, "00:31.3"), (59.96, "01:00.0"), (3725.5, "1:02:05.5"), (float("nan"), "–")],
)
def test_clock(seconds, said):
    assert clock(seconds) == said


def test_words_of_numbers():
    assert [span(4.21), span(200), span(7500)] == ["4.2 s", "3 min 20 s", "2 h 5 min"]
    assert [number(4.132), number(11840.4), number(0.00123), number(0)] == ["4.13", "11,840", "0.0012", "0"]
    assert false_alarms(RuleRow("A1", "anomaly", "", "x", false_alarms=(0, 1, "frame"))) == "0 of 1 frame"
    assert false_alarms(RuleRow("A1", "anomaly", "", "x")) == "–"


def test_words_of_a_measurement_follow_its_side_of_the_limit():
    fast = Evidence("A2", 1.5, measure="speed", value=3.6, limit=2.4, unit="body heights/s")
    assert finding(fast) == "faster than usual"
    assert finding(replace(fast, value=0.1, limit=0.2)) == "slower than usual"
    assert finding(replace(fast, value=2.0, usual=1.25)) == "faster than usual"
    assert finding(replace(fast, measure="novelty")) == "novelty"
    assert reading(replace(fast, usual=1.25)) == "3.6 body heights/s, limit 2.4, usual 1.25"
    assert reading(Evidence("A1", 1.0, quote="words")) == ""


def test_text_that_turns_the_page_round_is_taken_out():
    assert plain("a\u202eb\x00c\u200bd\ne") == "abcd\ne"
