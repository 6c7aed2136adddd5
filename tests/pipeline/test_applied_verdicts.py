"""Other rules for a finished run: what a model said is kept where its question is the same, asked anew, or lost."""

import pytest

from ruler.pipeline import apply_to_folder
from ruler.rundir import RunReader
from ruler.schema import Status
from tests.pipeline.scripted_scene import ANSWERS, CLIMB, detect, induce, settings_for
from tests.scripted import ScriptedModel, gone


def contrary(request):
    """Clears every climber: what the model says shows in the scores."""
    if "climbing" in request.messages[1].text.partition("<description>")[2]:
        claims = [{"rule": "N1", "quote": "There are two people"}]
        return {"findings": claims, "rationale": "A worker mends the fence.", "anomalous": "no"}
    return ANSWERS["reason"](request)


@pytest.fixture
def judged(captions, tmp_path):
    """A run whose climbers a model cleared, and its rules."""
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    (result,) = detect(captions, tmp_path, ScriptedModel({"reason": contrary}), rules)
    assert result.scores.scores[40:50].max() < 0.5
    return rules


def applied(tmp_path, rules, model=None, out="applied", llm=None, **sections):
    settings = settings_for(tmp_path, models={"llm": llm}, **sections)
    (result,) = apply_to_folder(tmp_path / "run", rules, tmp_path / out, settings, make=lambda *_: model)
    return result


def changed(rules, **changes):
    """The rules with the climbing rule changed."""
    climbing = next(rule for rule in rules.rules if rule.keywords)
    made = tuple(rule.model_copy(update=changes) if rule is climbing else rule for rule in rules.rules)
    return rules.model_copy(update={"rules": made})


def verdicts(tmp_path, out="applied"):
    return {v.frame: v for v in RunReader(tmp_path / out).video("a").verdicts()}


def test_the_same_rules_keep_every_verdict(judged, tmp_path):
    before = verdicts(tmp_path, "run")
    result = applied(tmp_path, judged)
    assert any("90 verdicts of scripted are kept" in note for note in result.notes)
    assert result.degraded == 0
    after = verdicts(tmp_path)
    for frame, was in before.items():
        now = after[frame]
        assert (now.votes, now.probability, now.anomalous, now.status) == (
            was.votes,
            was.probability,
            was.anomalous,
            was.status,
        )
        assert now.exceedance == pytest.approx(was.exceedance, abs=1e-5)
    assert after[45].rationale == before[45].rationale
    assert RunReader(tmp_path / "applied").record.usage.calls == 0


def test_a_limit_or_a_keyword_that_moves_no_finding_keeps_them(judged, tmp_path):
    other = changed(judged, keywords=("climb", "climb over", "vault"))
    assert any("90 verdicts" in note and "kept" in note for note in applied(tmp_path, other).notes)


def test_a_rule_that_reads_otherwise_drops_them_and_says_so(judged, tmp_path):
    other = changed(judged, text="Getting over barriers: climbing anything at all")
    result = applied(tmp_path, other)
    (told,) = [note for note in result.notes if "no longer apply" in note]
    assert "90 verdicts of scripted" in told
    assert "--llm scripted asks anew" in told
    assert result.degraded == 90
    assert result.scores.scores[40:50].min() > 0.5, "the initial finding stands"
    after = verdicts(tmp_path)
    assert {v.status for v in after.values()} == {Status.DEGRADED}
    assert all(v.probability is None and "no longer applies" in v.notes[0] for v in after.values())


def test_frames_whose_finding_is_another_now_lose_theirs_alone(judged, tmp_path):
    # The rule no longer finds the climbers, so that their question is another; those far away keep theirs.
    other = changed(judged, keywords=("vault",))
    result = applied(tmp_path, other)
    kept = {frame for frame, v in verdicts(tmp_path).items() if v.status is Status.OK}
    assert kept >= set(range(20)) | set(range(70, 90))
    assert not kept & set(range(30, 60))
    assert any("their questions are others now" in note for note in result.notes)
    assert any(f"{len(kept)} verdicts" in note for note in result.notes)


def test_a_model_is_asked_what_no_verdict_answers_and_nothing_else(judged, tmp_path):
    other = changed(judged, keywords=("vault",))
    model = ScriptedModel(ANSWERS)
    result = applied(tmp_path, other, model, llm="scripted", transport={"cache": tmp_path / "other.sqlite"})
    assert result.degraded == 0
    assert 1 <= model.asked["reason"] <= 4
    assert any(CLIMB in request.messages[1].text for request in model.requests)
    assert result.scores.scores[40:50].min() > 0.5, "it is the new answer that counts"
    assert RunReader(tmp_path / "applied").record.usage.calls == model.asked["reason"]
    assert any("asked for anew" in note for note in result.notes)


def test_another_model_is_asked_everything(judged, tmp_path):
    model = ScriptedModel(ANSWERS, "other")
    result = applied(tmp_path, judged, model, llm="other")
    assert model.asked["reason"] >= 3
    assert result.scores.scores[40:50].min() > 0.5


def test_where_the_model_is_gone_the_run_is_degraded_and_the_same_call_mends_it(judged, tmp_path):
    other = changed(judged, text="Getting over barriers: climbing anything at all")
    away = applied(tmp_path, other, ScriptedModel({"reason": gone}), llm="scripted")
    assert away.degraded == 90
    back = applied(tmp_path, other, ScriptedModel({"reason": contrary}), llm="scripted")
    assert back.degraded == 0


def test_a_run_without_a_model_says_nothing_of_verdicts(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    detect(captions, tmp_path, None, rules, recheck={"which": "none"})
    result = applied(tmp_path, rules)
    assert not any("verdicts" in note for note in result.notes)
