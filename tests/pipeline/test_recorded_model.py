"""What a stand-in model wrote for public data, replayed: from captions to rules and verdicts, held to its figures."""

import asyncio
from collections import Counter

import pytest

from benchmarks import described, induced, rechecks
from benchmarks.data import FRAME_RATES, captioned_videos, write_normal_captions
from ruler.config import load_settings
from ruler.llm.replay import ReplayModel, read_exchanges
from ruler.pipeline import Models, Records, gather, induce_rules
from ruler.rules.io import load_rules


@pytest.mark.parametrize(("dataset", "margin"), [("ped2", 5), ("avenue", 40)])
def test_recorded_replies_make_the_recorded_rules(shared_data, tmp_path, dataset, margin):
    write_normal_captions(dataset, captioned_videos(dataset), tmp_path / "normal", margin)
    replay = f"replay:{induced.RECORDED / f'induction_{dataset}.jsonl'}"
    settings = load_settings(None, {"models": {"llm": replay}, "video": {"frame_rate": FRAME_RATES[dataset]}})
    inputs, _ = gather([], Records(captions=tmp_path / "normal"), settings)
    with Models(settings) as models:
        made = induce_rules(inputs, settings, models=models).rules
        assert not models.notes, "the prompts changed since: make the recordings anew"
    known = load_rules(induced.RECORDED / f"{dataset}.yaml")
    assert induced.worded(made) == induced.worded(known)
    # Support is the number of batches that the members of a group come from.
    assert all(rule.support.of == 10 and 1 <= rule.support.votes <= 10 for rule in induced.worded(made))


@pytest.mark.parametrize(("dataset", "least"), [("ped2", 0.91), ("avenue", 0.74)])
def test_written_rules_rank_frames(shared_data, dataset, least):
    assert induced.words_alone(dataset, load_rules(induced.RECORDED / f"{dataset}.yaml")) >= least


def test_recorded_rechecks_hold(shared_data):
    asked = rechecks.sample("ped2")
    model = ReplayModel(rechecks.RECORDED / "rechecks_ped2.jsonl")
    told = asyncio.run(rechecks.ask("ped2", model, asked))
    opinions = [one for one in told if one is not None]
    # Findings at the ends of videos come out otherwise since smoothing holds the ends.
    assert len(opinions) >= 98
    assert not model.stale
    assert Counter(one.label for one in asked) == {0: 50, 1: 50}
    assert all(opinion.anomalous is not None for opinion in opinions)
    assert not any(opinion.dropped for opinion in opinions)
    right = sum(o.anomalous == bool(a.label) for o, a in zip(told, asked, strict=True) if o is not None)
    assert right >= 80


@pytest.mark.parametrize(
    ("said", "people"),
    [
        ("There are about fifteen to twenty people.", 17.5),
        ("It shows around twenty-two people.", 22),
        ("I see 7 people and a dog.", 7),
        ("One person is walking.", 1),
        ("Nothing is there.", None),
    ],
)
def test_the_number_that_a_description_states(said, people):
    assert described.Described("", None, said, None).people == people


@pytest.mark.parametrize("said", ["", '{"people": 3}', "- a man\n- a dog.", "I cannot see the picture.", "A man is"])
def test_what_is_no_plain_description(said):
    assert not described.Described("", None, said, None).readable


def test_described_frames_are_found_again_and_scored(shared_data):
    every = described.described(read_exchanges(described.RECORDED / "frames.jsonl"))
    assert len({(one.clip, one.frame) for one in every}) == 20
    assert None not in {one.frame for one in every}
    assert all(one.readable and one.things and one.people for one in every)
    near = [abs(one.people - one.boxes) for one in every]
    assert sum(apart <= 2 for apart in near) >= 9, "some are near the detector's number, by no means all"
