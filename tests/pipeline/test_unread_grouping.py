"""A model whose grouping of candidates cannot be read: rules are written all the same, and it is told, never hidden."""

import json

import pytest

from tests.pipeline.scripted_scene import ANSWERS, WALK, group, induce
from tests.scripted import ScriptedModel


@pytest.fixture
def muddled():
    """Groups normal rules well, and answers nonsense where it is to group anomaly rules."""

    def answer(request):
        return group(request) if "A1:" not in request.messages[1].text else "I would rather not."

    return ScriptedModel({**ANSWERS, "aggregate": answer})


def test_it_is_noted_and_the_reply_is_kept(captions, tmp_path, muddled):
    induced = induce(captions, tmp_path, muddled, induction={"batches": 3, "revise": False})
    assert muddled.asked["aggregate"] == 3, "the normal kind once, the other once more"
    (note,) = induced.notes["rules"]
    assert "anomaly" in note
    assert "each candidate stands for itself" in note
    kept = json.loads((tmp_path / "rules.candidates.json").read_text())["scenes"][""]
    assert kept["unread"] == {"anomaly": {"problem": "the reply holds no JSON object", "reply": "I would rather not."}}
    assert kept["notes"] == [note]
    assert all(len(one["members"]) == 1 for one in kept["groups"]["anomaly"])
    assert any(len(one["members"]) == 3 for one in kept["groups"]["normal"])


def test_a_grouping_that_can_be_read_leaves_no_note(captions, tmp_path):
    induced = induce(captions, tmp_path, ScriptedModel(ANSWERS), induction={"batches": 3})
    assert "rules" not in induced.notes
    kept = json.loads((tmp_path / "rules.candidates.json").read_text())["scenes"][""]
    assert "unread" not in kept
    assert "notes" not in kept


def test_batches_that_cannot_be_read_are_counted(captions, tmp_path):
    seen = []
    (captions[0] / "n0.txt").write_text("".join(f"{WALK} The bench has {n} planks.\n" for n in range(80)))

    def generate(request):
        seen.append(request)
        return "No." if request.messages[1].text == seen[0].messages[1].text else ANSWERS["generate"](request)

    induced = induce(captions, tmp_path, ScriptedModel({**ANSWERS, "generate": generate}), induction={"batches": 4})
    assert any("1 of 4 batches of rules could not be read" in note for note in induced.notes["rules"])
