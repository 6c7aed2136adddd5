"""A run by recorded exchanges: no call is made, whatever the limits, and what was replayed is counted apart."""

from ruler.pipeline import Records, detect_to_folder, gather
from ruler.rundir import RunReader
from tests.pipeline.scripted_scene import ANSWERS, detect, induce, settings_for
from tests.scripted import ScriptedModel


def test_a_replayed_run_makes_no_call_and_is_counted_apart(captions, tmp_path):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    recording = tmp_path / "exchanges.jsonl"
    model = ScriptedModel(ANSWERS)
    (live,) = detect(captions, tmp_path, model, rules, "live", transport={"record": recording})
    settings = settings_for(
        tmp_path, models={"llm": f"replay:{recording}"}, transport={"max_calls": 0, "max_cost": 0.0}
    )
    inputs, _ = gather([], Records(captions=captions[1]), settings)
    (result,) = detect_to_folder(inputs, rules, tmp_path / "replayed", settings)
    assert (result.error, result.degraded) == (None, 0)
    assert result.scores.scores.tolist() == live.scores.scores.tolist()
    usage = RunReader(tmp_path / "replayed").record.usage
    assert (usage.calls, usage.replayed, usage.cost, usage.prompt_tokens) == (0, sum(model.asked.values()), 0, 0)
    assert RunReader(tmp_path / "live").record.usage.replayed == 0
