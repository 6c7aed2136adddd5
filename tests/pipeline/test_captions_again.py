"""Captions that could not be had: the same command asks for exactly those again, as long as that may help."""

import json

import numpy as np
import pytest

from ruler.config import load_settings
from ruler.errors import BudgetError, ModelError
from ruler.pipeline import Records, caption_to_folder, detect_to_folder, gather, induce_to_file
from ruler.rules.model import Limit, Rule, RuleSet
from ruler.rundir import RunReader
from ruler.schema import Status
from ruler.video import write_video
from tests.scripted import ScriptedModel

RULES = RuleSet(
    rules=(
        Rule(kind="anomaly", text="Fast", limit=Limit(measure="speed", above=9.0)),
        Rule(kind="anomaly", text="Climbing", keywords=("climb",)),
    )
)


@pytest.fixture
def moving(tmp_path):
    """Four seconds of a dark square that crosses a grey plain, at ten frames a second, and stands still at the end."""
    pictures = []
    for t in range(40):
        picture = np.full((96, 128, 3), 160, np.uint8)
        left = 3 * min(t, 25)
        picture[30:60, left : left + 20] = 30
        pictures.append(picture)
    write_video(tmp_path / "test.mp4", pictures, 10)
    return tmp_path / "test.mp4"


def settings_for(tmp_path, **sections):
    given = {
        "models": {"vlm": "eyes"},
        "transport": {"cache": tmp_path / "cache.sqlite", "retries": 0, "probe": False, "concurrency": 1},
        "caption": {"every": "0.5s"},
    }
    return load_settings(
        None, {name: {**given.get(name, {}), **sections.get(name, {})} for name in {*given, *sections}}
    )


def caption(moving, tmp_path, model, **sections):
    settings = settings_for(tmp_path, **sections)
    inputs, _ = gather([moving], Records(), settings)
    (done,) = caption_to_folder(inputs, tmp_path / "captions", settings, make=lambda *_: model)
    return done


def lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "captions" / "test.jsonl").read_text().splitlines()]


class Eyes(ScriptedModel):
    """Describes pictures; some questions, counted from 0, meet an error."""

    def __init__(self, errors=None):
        super().__init__({"caption": self.describe}, "eyes")
        self.errors = errors or {}

    def describe(self, request):
        number = self.asked["caption"] - 1
        return self.errors.get(number, f"A square at {request.images[-1].digest[:6]}.")


def slow():
    return ModelError("did not answer within 3 s", kind="unreachable", sent=True)


def declined():
    return ModelError("declined to answer", kind="filtered")


def test_what_may_pass_is_asked_again_and_nothing_else(moving, tmp_path):
    first = caption(moving, tmp_path, Eyes({1: slow(), 3: ModelError("is busy", kind="busy")}))
    assert (first.captions, first.missing, first.again) == (6, 2, 2)
    assert any("2 of 8 captions could not be had: the same command asks for 2 of them again" in n for n in first.notes)
    before = lines(tmp_path)
    model = Eyes()
    again = caption(moving, tmp_path, model)
    assert model.asked["caption"] == 2
    assert (again.captions, again.missing, again.error) == (8, 0, None)
    assert not any("could not be had" in note for note in again.notes)
    after = lines(tmp_path)
    assert [line["frame"] for line in after] == list(range(0, 40, 5))
    assert [line for line in after if line["frame"] not in (5, 15)] == [
        line for line in before if line["frame"] not in (5, 15)
    ]
    third = Eyes()
    assert caption(moving, tmp_path, third).captions == 8
    assert not third.asked


def test_frames_that_look_the_same_are_completed_with_the_one_they_wait_for(moving, tmp_path):
    # From frame 25 on nothing moves: 30 and 35 take over the caption of 25, the last that is asked for.
    first = caption(moving, tmp_path, Eyes({5: slow()}))
    assert (first.missing, first.again) == (3, 3)
    model = Eyes()
    again = caption(moving, tmp_path, model)
    assert model.asked["caption"] == 1
    assert (again.captions, again.reused, again.missing) == (8, 2, 0)
    assert len({line["caption"] for line in lines(tmp_path)[5:]}) == 1


def test_a_caption_that_was_declined_is_not_asked_for_for_ever(moving, tmp_path):
    first = caption(moving, tmp_path, Eyes({1: declined(), 2: ModelError("cannot take the picture", kind="request")}))
    assert (first.captions, first.missing, first.again) == (6, 2, 0)
    assert any("asking again is no use" in note for note in first.notes)
    model = Eyes()
    again = caption(moving, tmp_path, model)
    assert not model.asked
    assert again.missing == 2, "and they are still told of"


def test_one_that_passed_may_be_declined_the_second_time(moving, tmp_path):
    caption(moving, tmp_path, Eyes({1: slow()}))
    again = caption(moving, tmp_path, Eyes({0: declined()}))
    assert (again.missing, again.again) == (1, 0)
    assert lines(tmp_path)[1]["unanswered"] == "declined to answer"


def test_a_model_still_gone_loses_nothing(moving, tmp_path):
    caption(moving, tmp_path, Eyes({1: slow(), 2: slow()}))
    still = caption(moving, tmp_path, Eyes(dict.fromkeys(range(9), slow())))
    assert (still.captions, still.missing, still.again, still.error) == (6, 2, 2, None)
    assert caption(moving, tmp_path, Eyes()).missing == 0


def test_the_budget_ends_the_asking_and_what_came_is_kept(moving, tmp_path):
    caption(moving, tmp_path, Eyes({1: slow(), 2: slow(), 3: slow()}))  # six calls
    short = caption(moving, tmp_path, Eyes(), transport={"max_calls": 7})
    assert isinstance(short.error, BudgetError)
    assert (short.missing, short.again) == (2, 2)
    model = Eyes()
    assert caption(moving, tmp_path, model).missing == 0
    assert model.asked["caption"] == 2


def test_a_video_half_captioned_is_mended_and_gone_on_with(moving, tmp_path):
    short = caption(moving, tmp_path, Eyes({1: slow()}), transport={"max_calls": 4})
    assert isinstance(short.error, BudgetError)
    assert (short.captions, short.missing) == (3, 1)
    model = Eyes()
    full = caption(moving, tmp_path, model)
    assert (full.captions, full.missing, full.error) == (8, 0, None)
    assert model.asked["caption"] == 3


def test_facts_beside_the_picture_are_the_same_the_second_time(moving, tmp_path):
    facts = {"every": "0.5s", "facts": True}
    whole = Eyes()
    caption(moving, tmp_path, whole, caption=facts)
    lost = tmp_path / "lost"
    lost.mkdir()
    caption(moving, lost, Eyes({2: slow()}), caption=facts)
    model = Eyes()
    assert caption(moving, lost, model, caption=facts).missing == 0
    assert [r.identity() for r in model.requests] == [whole.requests[2].identity()]


def detect(moving, tmp_path, model, **sections):
    settings = settings_for(tmp_path, **sections)
    inputs, _ = gather([moving], Records(), settings)
    (result,) = detect_to_folder(inputs, RULES, tmp_path / "run", settings, make=lambda *_: model)
    return result


def test_detection_asks_again_and_judges_anew(moving, tmp_path):
    climbing = ScriptedModel({"caption": lambda _: "A man is climbing over a fence."}, "eyes")
    first = detect(moving, tmp_path, Eyes({1: slow(), 4: slow()}))
    assert first.degraded == 2
    assert any("could not be had" in note for note in first.notes)
    again = detect(moving, tmp_path, climbing)
    assert climbing.asked["caption"] == 2
    assert again.degraded == 0
    assert not any("could not be had" in note for note in again.notes)
    run = RunReader(tmp_path / "run")
    assert run.record.videos["test"].degraded == 0
    assert not any("could not be had" in note for note in run.record.videos["test"].notes)
    verdicts = {v.frame: v for v in run.video("test").verdicts()}
    assert verdicts[5].status is Status.OK
    assert "climbing" in verdicts[5].evidence[0].quote
    assert [o.frame for o in run.video("test").observations()] == list(range(40))
    third = Eyes()
    detect(moving, tmp_path, third)
    assert not third.asked


def test_detection_keeps_what_was_declined_and_asks_nothing(moving, tmp_path):
    assert detect(moving, tmp_path, Eyes({1: declined()})).degraded == 1
    model = Eyes()
    assert detect(moving, tmp_path, model).degraded == 1
    assert not model.asked


def test_induction_asks_again_for_captions_of_an_interrupted_run(moving, tmp_path):
    settings = settings_for(tmp_path, models={"vlm": "eyes", "llm": "eyes"})
    inputs, _ = gather([moving], Records(), settings)
    with pytest.raises(ModelError):  # the captions are there but for one; the rules cannot be written
        induce_to_file(inputs, tmp_path / "rules.yaml", settings, make=lambda *_: Eyes({1: slow()}))
    model = Eyes()
    with pytest.raises(ModelError):
        induce_to_file(inputs, tmp_path / "rules.yaml", settings, make=lambda *_: model)
    assert model.asked["caption"] == 1
