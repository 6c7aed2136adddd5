"""The whole way with a scripted model: captions in; rules written, findings rechecked, limits kept."""

import json

import numpy as np
import pytest

from ruler.errors import BudgetError, DataError, ModelError
from ruler.pipeline import Records, caption_to_folder, detect_to_folder, gather, read_examples
from ruler.rules.io import load_rules
from ruler.rules.model import Limit, Rule, RuleSet
from ruler.rundir import RunReader
from ruler.schema import Status
from ruler.video import write_video
from tests.pipeline.scripted_scene import ANSWERS, CANDIDATES, CLIMB, SLIP, TALK, WALK, detect, induce, settings_for
from tests.scripted import ScriptedModel, gone


def test_rules_are_written_voted_on_and_calibrated(captions, tmp_path):
    model = ScriptedModel(ANSWERS)
    induced = induce(captions, tmp_path, model, induction={"batches": 5, "captions_per_batch": 8})
    rules = load_rules(tmp_path / "rules.yaml")
    told = {rule.text: rule for rule in rules.rules}
    climbing = told["Group A1: all of it"]
    assert (climbing.support.votes, climbing.support.of) == (5, 5)
    assert climbing.false_alarms.count == 0
    assert climbing.false_alarms.of == 320
    assert climbing.keywords == ("climb", "climb over")
    assert "Group A2: all of it" not in told, "a dog in a quarter of all normal captions was dropped by the model"
    assert rules.calibration.words is not None
    assert rules.provenance.induction == "scripted"
    assert set(rules.provenance.prompts) == {"generate", "aggregate", "revise"}
    kept = json.loads((tmp_path / "rules.candidates.json").read_text())["scenes"][""]
    assert [b["candidates"] for b in kept["batches"]] == [CANDIDATES] * 5
    assert len({m.split(".")[0] for m in kept["groups"]["anomaly"][0]["members"]}) == 5
    assert kept["dropped"] == [{"text": "Group A2: all of it", "reason": "dogs are walked here"}]
    # Five batches of captions that are the same few: equal requests are asked once.
    assert model.asked["generate"] <= 5
    assert model.asked["aggregate"] == 2
    assert induced.rules.rules == rules.rules


def test_a_second_induction_asks_nothing(captions, tmp_path):
    first = induce(captions, tmp_path, ScriptedModel(ANSWERS))
    again = ScriptedModel(dict.fromkeys(ANSWERS, gone))
    assert induce(captions, tmp_path, again).rules.rules == first.rules.rules
    assert not again.asked


@pytest.mark.parametrize(
    ("switch", "word"),
    [("contrast", "by contrast"), ("split", "Keep two subjects apart"), ("abstract", "Go from the abstract")],
)
def test_each_ingredient_can_be_switched_off(captions, tmp_path, switch, word):
    for on in (True, False):
        model = ScriptedModel(ANSWERS)
        induce(captions, tmp_path, model, induction={switch: on, "batches": 2})
        asked = next(r for r in model.requests if r.prompt == "generate").messages[-1].text
        assert (word in asked) is on


def test_without_aggregation_the_first_batch_speaks_alone(captions, tmp_path):
    model = ScriptedModel(ANSWERS)
    induce(captions, tmp_path, model, induction={"aggregation": False})
    assert model.asked == {"generate": 1, "revise": 1}
    assert load_rules(tmp_path / "rules.yaml").rules[-1].support is None or all(
        rule.support.of == 1 for rule in load_rules(tmp_path / "rules.yaml").rules if rule.keywords
    )


def test_a_model_that_writes_nonsense_is_an_error_of_the_model(captions, tmp_path):
    with pytest.raises(ModelError, match="no readable rules"):
        induce(captions, tmp_path, ScriptedModel({**ANSWERS, "generate": lambda _: "I like trains."}))
    assert not (tmp_path / "rules.yaml").exists()


def test_findings_are_rechecked_with_reasons_that_hold(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    model = ScriptedModel(ANSWERS)
    (result,) = detect(captions, tmp_path, model, rules)
    assert result.scores.scores[40:50].min() > 0.5 > result.scores.scores[:25].max()
    # Ninety frames, three captions, and the finding at the edges: a handful of cases.
    assert 3 <= model.asked["reason"] <= 5
    verdicts = {v.frame: v for v in RunReader(tmp_path / "run").video("a").verdicts()}
    told = verdicts[45]
    assert told.votes == (True,)
    assert told.probability_from == "votes"
    assert told.evidence[0].quote in CLIMB
    assert told.rationale == "Somebody climbs over the fence."
    assert result.events[0].rationale.startswith("Somebody climbs over the fence.")
    record = RunReader(tmp_path / "run").record
    assert record.usage.calls == sum(model.asked.values())
    assert set(record.command["prompts"]) == {"reason"}


def test_a_model_can_overturn_both_ways(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    climbing = next(rule.id for rule in rules.rules if rule.keywords)

    def contrary(request):
        if "climbing" in request.messages[-1].text:
            claims = [{"rule": "N1", "quote": "There are two people"}]
            return {"findings": claims, "rationale": "A worker mends the fence.", "anomalous": "no"}
        return {
            "findings": [{"rule": climbing, "quote": "One person is walking" if "walking" in request.messages[-1].text
                          else "Both are talking"}],
            "rationale": "They should not be here.",
            "anomalous": "yes",
        }  # fmt: skip

    (result,) = detect(captions, tmp_path, ScriptedModel({"reason": contrary}), rules)
    assert result.scores.scores[40:50].max() < 0.5 < result.scores.scores[:25].min()


def test_where_no_model_answers_the_initial_finding_stands(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    (alone,) = detect(captions, tmp_path, None, rules, "alone", recheck={"which": "none"})
    (result,) = detect(captions, tmp_path, ScriptedModel({"reason": gone}), rules)
    assert result.scores.scores.tolist() == alone.scores.scores.tolist()
    assert result.degraded == 90
    assert {v.status for v in RunReader(tmp_path / "run").video("a").verdicts()} == {Status.DEGRADED}
    # The same command asks again when somebody is there to answer.
    (mended,) = detect(captions, tmp_path, ScriptedModel(ANSWERS), rules)
    assert mended.degraded == 0
    assert mended.scores.scores[40:50].min() > alone.scores.scores[40:50].min()
    assert {v.status for v in RunReader(tmp_path / "run").video("a").verdicts()} == {Status.OK}


def test_what_cannot_be_read_is_unparsed_and_kept(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    model = ScriptedModel({"reason": lambda _: "Looks fine to me!"})
    (result,) = detect(captions, tmp_path, model, rules)
    assert result.unparsed == 90
    verdict = next(RunReader(tmp_path / "run").video("a").verdicts())
    assert (verdict.status, verdict.raw, verdict.probability) == (Status.UNPARSED, "Looks fine to me!", None)


def test_claims_that_do_not_hold_are_dropped_and_a_bare_verdict_is_asked_for_afresh(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    climbing = next(rule.id for rule in rules.rules if rule.keywords)

    def liar(request):
        if "climbing" not in request.messages[-1].text and len(request.messages) == 2:
            return {"findings": [{"rule": "N1", "quote": "two people"}], "rationale": "Nothing.", "anomalous": "no"}
        if request.vote == 0:  # invents both times
            claims = [{"rule": climbing, "quote": "a man with a gun"}, {"rule": "A99", "quote": "climbing"}]
            return {"findings": claims, "rationale": "A gun.", "anomalous": "yes"}
        return {
            "findings": [{"rule": climbing, "quote": "climbing over the fence"}],
            "rationale": "Over the fence.",
            "anomalous": "yes",
        }

    model = ScriptedModel({"reason": liar})
    detect(captions, tmp_path, model, rules)
    told = {v.frame: v for v in RunReader(tmp_path / "run").video("a").verdicts()}[45]
    assert told.rationale == "Over the fence."
    assert "gun" not in str(told.evidence)
    afresh = [r for r in model.requests if r.vote >= 1000]
    assert afresh
    assert all(len(r.messages) == 2 for r in afresh), "asked again without its first answer"


def test_at_the_limit_of_calls_the_run_ends_in_order_and_goes_on(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    model = ScriptedModel(ANSWERS)
    (short,) = detect(captions, tmp_path, model, rules, transport={"max_calls": 1, "concurrency": 1})
    assert isinstance(short.error, BudgetError)
    assert (short.status, sum(model.asked.values())) == ("partial", 1)
    assert short.degraded > 0
    assert len(short.scores.scores) == 90, "what was found without the model is kept"
    (full,) = detect(captions, tmp_path, model, rules, transport={"max_calls": 50})
    assert full.error is None
    assert full.status == "done"
    assert full.degraded == 0
    assert len(model.requests) == len({r.identity() for r in model.requests}), "nothing was asked twice"
    assert RunReader(tmp_path / "run").record.usage.calls == sum(model.asked.values())


def test_votes_see_the_rules_in_other_orders(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS), induction={"revise": False}).rules
    model = ScriptedModel(ANSWERS)
    detect(captions, tmp_path, model, rules, recheck={"votes": 5, "reducer": "mean"})
    asked = [r for r in model.requests if "climbing" in r.messages[-1].text]
    assert {r.vote for r in asked} == set(range(5))
    assert len({r.messages[0].text for r in asked}) > 1
    assert len({r.seed for r in asked}) == 5
    told = {v.frame: v for v in RunReader(tmp_path / "run").video("a").verdicts()}[45]
    assert told.votes == (True,) * 5


def test_examples_are_the_nearest_normal_captions(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    examples = read_examples(tmp_path / "rules.yaml")
    assert set(examples) == {WALK, TALK, SLIP}
    model = ScriptedModel(ANSWERS)
    detect(captions, tmp_path, model, rules, examples=examples, recheck={"shots": 1})
    shown = {r.messages[-1].text.split("<description>\n")[1][:60]: r.messages[0].text for r in model.requests}
    assert any(TALK in system for user, system in shown.items() if user.startswith(TALK[:40]))
    (tmp_path / "rules.candidates.json").write_text("{}")
    with pytest.raises(DataError, match="candidates"):
        read_examples(tmp_path / "rules.yaml")


def test_uncertain_asks_less_and_none_asks_nothing(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    asked = {}
    for which in ("all", "uncertain", "none"):
        model = ScriptedModel(ANSWERS)
        detect(captions, tmp_path, model, rules, which, recheck={"which": which},
               transport={"cache": tmp_path / f"{which}.sqlite"})  # fmt: skip
        asked[which] = sum(model.asked.values())
    assert asked["none"] == 0
    assert asked["uncertain"] < asked["all"]


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


def caption(moving, tmp_path, model, out="captions", **sections):
    settings = settings_for(tmp_path, models={"vlm": "eyes", "llm": None}, video={"frame_rate": None}, **sections)
    inputs, _ = gather([moving], Records(), settings)
    return next(iter(caption_to_folder(inputs, tmp_path / out, settings, make=lambda *_: model)))


def test_captions_are_written_with_where_they_come_from(moving, tmp_path):
    model = ScriptedModel({"caption": lambda r: f"{len(r.images)} picture of {r.images[0].digest[:6]}."}, "eyes")
    done = caption(moving, tmp_path, model, caption={"every": "0.5s"})
    lines = [json.loads(line) for line in (tmp_path / "captions" / "test.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(0, 40, 5))
    assert {line["model"] for line in lines} == {"eyes"}
    assert len({line["prompt"] for line in lines}) == 1
    # From frame 25 on nothing moves: the caption of frame 25 is taken over, and says so.
    assert [line.get("caption_from") for line in lines] == [None] * 6 + [25, 25]
    assert (done.captions, done.reused, model.asked["caption"]) == (8, 2, 6)
    inputs, _ = gather([], Records(captions=tmp_path / "captions"), settings_for(tmp_path))
    assert [one.name for one in inputs] == ["test"], "the folder is what --captions reads"
    again = ScriptedModel({"caption": gone}, "eyes")
    assert caption(moving, tmp_path, again, caption={"every": "0.5s"}).captions == 8
    assert not again.asked


def test_a_strip_shows_what_came_before_and_facts_what_was_measured(moving, tmp_path):
    model = ScriptedModel({"caption": lambda r: "A square moves."}, "eyes")
    caption(moving, tmp_path, model, caption={"every": "1s", "strip": 3, "strip_step": 0.2, "facts": True})
    asked = [r for r in model.requests if len(r.images) == 3]
    assert asked
    assert max(len({image.digest for image in request.images}) for request in asked) == 3
    assert "3 consecutive pictures" in asked[-1].messages[-1].text
    assert "<facts>" in asked[-1].messages[-1].text


def test_captions_end_in_order_at_the_limit_and_go_on(moving, tmp_path):
    model = ScriptedModel({"caption": lambda r: f"Picture {r.images[0].digest[:6]}."}, "eyes")
    one_at_a_time = {"concurrency": 1}
    short = caption(moving, tmp_path, model, caption={"every": "0.5s"}, transport={"max_calls": 3, **one_at_a_time})
    assert isinstance(short.error, BudgetError)
    assert short.captions == 3
    full = caption(moving, tmp_path, model, caption={"every": "0.5s"}, transport={"max_calls": 30, **one_at_a_time})
    assert full.error is None
    assert full.captions == 8
    assert len(model.requests) == len({r.identity() for r in model.requests}), "nothing was asked twice"


def test_a_model_that_never_answers_ends_captioning(moving, tmp_path):
    done = caption(moving, tmp_path, ScriptedModel({"caption": gone}, "eyes"))
    assert isinstance(done.error, ModelError)
    assert done.captions == 0


def test_motion_keeps_the_engine_running_when_the_eyes_are_gone(moving, tmp_path):
    rules = RuleSet(rules=(Rule(kind="anomaly", text="Fast", limit=Limit(measure="speed", above=9.0)),))
    settings = settings_for(tmp_path, models={"vlm": "eyes", "llm": None}, video={"frame_rate": None})
    inputs, _ = gather([moving], Records(), settings)
    dead = ScriptedModel({"caption": gone}, "eyes")
    (result,) = detect_to_folder(inputs, rules, tmp_path / "run", settings, make=lambda *_: dead)
    assert len(result.scores.scores) == 40
    assert result.degraded >= 4
    assert any("could not be had" in note for note in result.notes)
