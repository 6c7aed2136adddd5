"""Plans: what a run really takes lies between the bounds that were told before, also where every reply is a bad one."""

import numpy as np
import pytest

from ruler.llm.base import Reply, TokenUsage
from ruler.llm.prices import upper_bound
from ruler.pipeline import Records, detect_to_folder, gather, induce_to_file, read_examples
from ruler.pipeline.planning import make_plan
from ruler.rundir import RunReader
from ruler.video import write_video
from tests.pipeline.scripted_scene import ANSWERS, induce, settings_for
from tests.scripted import ScriptedModel


class Hungry(ScriptedModel):
    """Counts a token for every byte it was sent, and replies as long as it may."""

    async def generate(self, request):
        reply = await super().generate(request)
        return Reply(reply.text, TokenUsage(upper_bound(request).prompt, request.max_tokens), self.name)


class Frugal(ScriptedModel):
    """Counts a token for every five letters."""

    async def generate(self, request):
        reply = await super().generate(request)
        sent = sum(len(message.text) for message in request.messages) // 5
        return Reply(reply.text, TokenUsage(max(sent, 1), max(len(reply.text) // 4, 40)), self.name)


BAD = {
    "good": ANSWERS["reason"],
    "unreadable": lambda _: "It is " + "rather " * 90 + "quiet.",
    "yes for no reason": lambda _: {
        "findings": [{"rule": f"A{i}", "quote": "a thing that was never told of"} for i in range(30)],
        "rationale": "Because.",
        "anomalous": "yes",
    },
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("shots", [0, 3])
@pytest.mark.parametrize("votes", [1, 2])
def test_rechecks_never_take_more_than_was_told(captions, tmp_path, bad, shots, votes):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    examples = read_examples(tmp_path / "rules.yaml")
    recheck = {"shots": shots, "votes": votes}
    for kind in (Hungry, Frugal):
        settings = settings_for(tmp_path, recheck=recheck, transport={"cache": tmp_path / f"{kind.__name__}.sqlite"})
        inputs, _ = gather([], Records(captions=captions[1]), settings)
        (stage,) = make_plan(inputs, settings, ("deduction",), rules, examples=examples).stages
        model = kind({"reason": BAD[bad]})
        list(
            detect_to_folder(
                inputs, rules, tmp_path / kind.__name__, settings, make=lambda *_, m=model: m, examples=examples
            )
        )
        usage = RunReader(tmp_path / kind.__name__).record.usage
        assert stage.calls[0] <= usage.calls <= stage.calls[1]
        assert stage.tokens[0] <= usage.prompt_tokens + usage.completion_tokens <= stage.tokens[1]
        if shots and kind is Hungry:
            bare = make_plan(inputs, settings, ("deduction",), rules).stages[0]
            assert bare.tokens[1] < stage.tokens[1], "the examples are counted"


@pytest.mark.parametrize("recorded", [True, False])
def test_rechecks_of_captions_that_are_not_there_yet(captions, tmp_path, recorded):
    rules = induce(captions, tmp_path, ScriptedModel(ANSWERS)).rules
    examples = read_examples(tmp_path / "rules.yaml")
    pictures = np.full((40, 96, 128, 3), 160, np.uint8)
    for t, picture in enumerate(pictures):
        picture[30:60, 2 * t : 2 * t + 20] = 30
    write_video(tmp_path / "a.mp4", list(pictures), 10)
    models = {"vlm": None if recorded else "scripted", "llm": "scripted"}
    settings = settings_for(
        tmp_path, models=models, video={"frame_rate": None}, recheck={"shots": 2}, caption={"every": "0.5s"}
    )
    if recorded:
        (tmp_path / "words").mkdir()
        (tmp_path / "words" / "a.txt").write_text("".join(f"A man waves {n} flags.\n" for n in range(40)))
    inputs, _ = gather([tmp_path / "a.mp4"], Records(captions=tmp_path / "words" if recorded else None), settings)
    plan = make_plan(inputs, settings, ("perception", "deduction"), rules, examples=examples)
    model = Hungry({"caption": lambda r: f"People wave {r.images[0].digest}.", "reason": BAD["yes for no reason"]})
    list(detect_to_folder(inputs, rules, tmp_path / "run", settings, make=lambda *_: model, examples=examples))
    usage = RunReader(tmp_path / "run").record.usage
    assert model.asked["reason"]
    assert plan.calls[0] <= usage.calls <= plan.calls[1]
    assert usage.prompt_tokens + usage.completion_tokens <= sum(stage.tokens[1] for stage in plan.stages)


def test_induction_never_takes_more_than_was_told(captions, tmp_path):
    settings = settings_for(tmp_path, induction={"batches": 5})
    inputs, _ = gather([], Records(captions=captions[0]), settings)
    (stage,) = make_plan(inputs, settings, ("induction",)).stages
    model = Hungry({**ANSWERS, "aggregate": lambda _: "I would rather not."})
    induce_to_file(inputs, tmp_path / "rules.yaml", settings, make=lambda *_: model)
    sent = sum(upper_bound(r).prompt + r.max_tokens for r in model.requests)
    assert stage.calls[0] <= len(model.requests) <= stage.calls[1]
    assert stage.tokens[0] <= sent <= stage.tokens[1]


def test_scenes_are_written_one_by_one(captions, tmp_path):
    settings = settings_for(tmp_path)
    inputs, _ = gather([], Records(captions=captions[0]), settings)
    one = make_plan(inputs, settings, ("induction",)).stages[0]
    each = make_plan(inputs, settings, ("induction",), scene_from=r"n\d").stages[0]
    assert each.calls[0] > one.calls[0]
