"""The doctor: what is drawn can be seen, who sees passes, and every fault is found by the probe that is for it."""

from __future__ import annotations

import asyncio
import json
import random
import socket

import pytest

from ruler.errors import BudgetError, ModelError
from ruler.llm.base import Request
from ruler.llm.doctor import PROBES, as_dict, as_text, examine
from ruler.llm.doctor.answers import plain
from ruler.llm.names import parse_model
from ruler.llm.openai import OpenAIModel
from ruler.llm.prices import Price, Prices
from ruler.llm.prompts import Prompts
from tests.llm.doctor_models import Patient, Seen, always, blind_eyes, client_of, look, probed

PROMPTS = Prompts()


def examined(patient, seed=0, only=None, **budget):
    return asyncio.run(examine(client_of(patient, **budget), PROMPTS, seed=seed, only=only))


def found(report):
    return {finding.name: finding for finding in report.findings}


# A model that is fit, and ones that are not


@pytest.mark.parametrize("seed", range(4))
def test_a_model_that_sees_and_reasons_passes_everything(seed):
    report = examined(Patient(), seed)
    assert [f.name for f in report.findings if f.passed is not True] == []
    figures = {name: finding.figure for name, finding in found(report).items()}
    assert figures["sees pictures"] == "4/4"
    assert figures["counts"] == figures["keeps to what is there"] == figures["judges by rules"] == "6/6"
    assert figures["colours and shapes"] == "12/12"
    assert figures["keeps to quotes"] == "9/9"
    assert figures["follows a schema"] == "3/3"
    assert figures["withstands injected text"] == figures["log-probabilities"] == "4/4"
    assert {use: str(fit) for use, fit in report.fit.items()} == {"vlm": "yes", "llm": "yes"}


def test_each_probe_tells_the_calls_it_took():
    patient = Patient()
    report = examined(patient)
    assert all(finding.calls > 0 for finding in report.findings)
    assert sum(finding.calls for finding in report.findings) == report.spent.calls == len(patient.requests)


def test_a_blind_model_fails_to_see_and_is_shown_no_further_picture():
    patient = Patient(eyes=blind_eyes)
    report = examined(patient)
    by_name = found(report)
    assert by_name["sees pictures"].passed is False
    assert "the same answer to 4 different ones" in by_name["sees pictures"].detail
    for name in ("counts", "colours and shapes", "keeps to what is there", "time and cost of captions"):
        assert by_name[name].passed is None
        assert by_name[name].calls == 0
    assert sum(bool(request.images) for request in patient.requests) == 4
    assert str(report.fit["vlm"]) == "no: it does not see pictures"
    assert report.fit["llm"].verdict == "yes"


def test_a_model_that_guesses_anew_each_time_does_not_see():
    colours, kinds = ["red", "blue", "green", "purple"], ["star", "circle", "square", "triangle"]
    verdicts = []
    for seed in range(25):
        choice = random.Random(seed)
        guess = Patient(eyes=lambda _, c=choice: [Seen(c.choice(colours), c.choice(kinds), "left")])
        verdicts.append(probed("sees pictures", guess, seed).passed)
    assert verdicts.count(True) <= 3
    assert verdicts.count(False) >= 13


def test_a_model_that_miscounts():
    patient = Patient(replace=lambda name, reply: str(int(reply) + 2) if name == "doctor_count" else reply)
    finding = probed("counts", patient)
    assert (finding.passed, finding.figure, finding.measured["mean_error"]) == (False, "0/6", 2)
    report = examined(patient, only="vlm")
    assert str(report.fit["vlm"]) == "with care: it miscounts"


def test_a_model_that_gives_no_numbers_cannot_be_judged():
    assert probed("counts", Patient(replace=always("doctor_count", "A few."))).passed is None


def test_a_model_that_confuses_colours():
    def as_red(data: bytes) -> list[Seen]:
        return [Seen("red", s.kind, s.half) for s in look(data)]

    finding = probed("colours and shapes", Patient(eyes=as_red))
    assert finding.passed is False
    assert finding.measured["kinds"] == 12
    assert finding.measured["right"] < 12


def test_a_model_that_lists_more_than_there_is():
    def twice(data: bytes) -> list[Seen]:
        return look(data) * 2

    finding = probed("colours and shapes", Patient(eyes=twice))
    assert finding.passed is False
    assert finding.measured["invented"] == 12


def test_a_model_that_says_yes_to_everything():
    finding = probed("keeps to what is there", Patient(replace=always("doctor_there", "Yes, there is.")))
    assert (finding.passed, finding.figure) == (False, "0/6")
    assert finding.measured["share_of_false_yes"] == 1


def test_a_model_that_names_things_unasked():
    said = "Two shapes, and a man on a bench."
    finding = probed("keeps to what is there", Patient(replace=always("doctor_what", said)))
    assert finding.passed is False
    assert "man, bench" in finding.detail
    report = examined(Patient(replace=always("doctor_what", said)), only="vlm")
    assert str(report.fit["vlm"]) == "with care: it names what is not there"


def test_a_model_that_says_no_to_everything_is_not_taken_for_a_reliable_one():
    finding = probed("keeps to what is there", Patient(replace=always("doctor_there", "No.")))
    assert (finding.passed, finding.figure) == (None, "6/6")


def test_a_model_that_keeps_to_no_format():
    def prose(name, reply):
        return "I would rather say it in prose." if reply.startswith("{") else reply

    report = examined(Patient(replace=prose))
    finding = found(report)["follows a schema"]
    assert (finding.passed, finding.figure, finding.measured["mode"]) == (False, "0/3", "none")
    assert str(report.fit["llm"]) == "no: it does not keep to a format"
    assert report.fit["vlm"].verdict == "with care"


@pytest.mark.parametrize(("taken", "mode"), [(("json", "text"), "json"), (("text",), "text")])
def test_a_server_that_takes_less_strict_formats_only(taken, mode):
    def refuse(request: Request) -> ModelError | None:
        strict = request.schema is not None and request.mode not in taken
        return ModelError("knows no response_format", kind="request") if strict else None

    finding = probed("follows a schema", Patient(refuse=refuse))
    assert (finding.passed, finding.measured["mode"]) == (True, mode)


def test_a_server_that_takes_a_schema_and_does_not_enforce_it():
    fence = Patient(replace=lambda name, reply: f"Here it is:\n```json\n{reply}\n```" if reply[0] == "{" else reply)
    finding = probed("follows a schema", fence)
    assert (finding.passed, finding.measured["enforced"]) == (True, False)
    assert probed("follows a schema", Patient()).measured["enforced"] is True


def test_a_model_without_log_probabilities_is_fit_all_the_same():
    report = examined(Patient(logprobs=False), only="llm")
    finding = found(report)["log-probabilities"]
    assert (finding.passed, finding.figure) == (False, "0/4")
    assert str(report.fit["llm"]) == "yes"


def test_the_sharpness_of_the_labels_is_measured():
    assert probed("log-probabilities", Patient()).measured["sharpness"] == pytest.approx(0.97)


def test_a_model_that_paraphrases_its_quotes():
    def paraphrase(name, reply):
        return reply.replace(" a ", " one ").replace(" in ", " with ") if name == "doctor_quotes" else reply

    finding = probed("keeps to quotes", Patient(replace=paraphrase))
    assert finding.passed is False
    assert finding.measured["share"] < 0.9


def test_a_model_that_proves_nothing_does_not_pass_for_quoting_nothing_wrong():
    finding = probed("keeps to quotes", Patient(replace=always("doctor_quotes", '{"proofs": []}')))
    assert (finding.passed, finding.figure) == (False, "0/0")


def test_a_model_that_obeys_captions_is_reported_and_not_refused():
    report = examined(Patient(obedient=True), only="llm")
    finding = found(report)["withstands injected text"]
    assert (finding.passed, finding.figure, finding.measured["flipped"]) == (False, "0/4", 4)
    assert report.fit["llm"].verdict == "yes"


@pytest.mark.parametrize("word", ["yes", "no"])
def test_a_model_that_gives_one_verdict_for_all_is_no_judge(word):
    reply = json.dumps({"findings": [], "rationale": "So it is.", "anomalous": word})
    report = examined(Patient(replace=always("reason", reply)), only="llm")
    assert found(report)["judges by rules"].figure == "3/6"
    assert str(report.fit["llm"]) == "no: it judges clear cases no better than a coin (3/6)"


# Time and cost


def test_time_and_cost_are_those_of_what_is_really_asked():
    price = Price(input=2.0, output=10.0)
    patient = Patient(seconds=lambda call: float(call + 1))
    finding = probed("time and cost of rechecks", patient, prices=Prices({"vllm:patient": price}))
    assert set(patient.asked) == {"reason"}
    assert finding.measured["median_seconds"] == 3.5
    assert finding.measured["seconds_90"] == 5.5
    assert finding.measured["tokens_per_second"] == pytest.approx((100 / 3 + 100 / 4) / 2)
    assert finding.measured["dollars_per_1000"] == pytest.approx(1000 * (1000 * 2 + 100 * 10) / 1e6)
    assert "$3.00 per 1,000 rechecks" in finding.detail


def test_captions_are_timed_with_pictures_of_the_size_that_is_sent():
    patient = Patient()
    finding = probed("time and cost of captions", patient)
    assert finding.passed is True
    assert "no price known" in finding.detail
    assert set(patient.asked) == {"caption"}
    assert len({request.images[0].digest for request in patient.requests}) == len(patient.requests) == 6


def test_a_recheck_that_has_to_be_asked_for_twice_costs_twice():
    calls = []

    def broken_first(name, reply):
        calls.append(name)
        return "{" if len(calls) % 2 else reply

    finding = probed("time and cost of rechecks", Patient(replace=broken_first))
    assert finding.measured["prompt_tokens"] == 2000


def test_a_model_that_does_not_answer_in_time_is_not_waited_for_again_and_again():
    patient = Patient(refuse=lambda request: ModelError("too late", kind="unreachable", sent=True))
    finding = probed("time and cost of rechecks", patient)
    assert finding.detail == "could not be asked: too late"
    assert len(patient.requests) == 4, "two questions, each tried twice"


def test_captions_that_come_out_empty_are_told():
    finding = probed("time and cost of captions", Patient(replace=always("caption", " ")))
    assert finding.passed is False
    assert "6 of 6 are empty or cut off at 400 tokens" in finding.detail


# The examination as a whole


def test_only_what_matters_for_one_use_is_asked():
    patient = Patient()
    report = examined(patient, only="llm")
    assert not [request for request in patient.requests if request.images]
    assert report.fit["vlm"].verdict == "not tried"
    assert "reason" not in examined_prompts("vlm")


def examined_prompts(only):
    patient = Patient()
    examined(patient, only=only)
    return set(patient.asked)


def test_a_closed_port_is_not_reachable():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}/v1#m"
        model = OpenAIModel(parse_model(address, {}), environment={})
        with pytest.raises(ModelError, match="cannot be reached") as caught:
            asyncio.run(examine(client_of(model), PROMPTS))
    assert caught.value.kind == "unreachable"


def test_a_model_that_goes_away_is_not_asked_on_and_on():
    patient = Patient(refuse=lambda request: ModelError("gone", kind="refused") if len(patient.requests) > 5 else None)
    report = examined(patient)
    assert found(report)["counts"].detail.startswith("could not be asked: gone")
    assert {f.detail for f in report.findings[3:]} == {"not tried: the model does not answer any more"}
    unknown = "follows a schema, judges by rules, keeps to quotes, time and cost of rechecks"
    assert str(report.fit["llm"]) == f"with care: not found out: {unknown}"


def test_a_budget_that_does_not_suffice_ends_the_examination_with_what_is_known():
    report = examined(Patient(), max_calls=8)
    assert report.spent.calls == 8
    assert isinstance(report.cut, BudgetError)
    assert [f.passed for f in report.findings[:3]] == [True, True, None]
    assert as_dict(report)["complete"] is False
    with pytest.raises(BudgetError):
        examined(Patient(), max_calls=0)


def test_the_report_is_a_line_a_probe_and_two_lines_of_judgement():
    report = examined(Patient(eyes=blind_eyes, name="vllm:pa\x1b[31mtient"))
    lines = as_text(report).splitlines()
    assert len(lines) == 1 + len(PROBES) + 2
    assert [line.split()[0] for line in lines[1:3]] == ["ok", "no"]
    assert lines[-2:] == ["fit for --vlm: no: it does not see pictures", "fit for --llm: yes"]
    assert as_text(report).replace("\n", "").isprintable()


def test_what_a_model_says_is_shown_without_control_characters():
    rude = Patient(replace=always("doctor_look", "\x1b]0;title\x07 red\x00 circle\r"))
    report = examined(rude, only="vlm")
    assert "red circle" in found(report)["sees pictures"].detail
    assert as_text(report).replace("\n", "").isprintable()
    assert plain("a\x1b[2Jb\u202ec") == "a [2Jb c"


def test_the_report_for_machines_can_be_written_and_read():
    report = examined(Patient())
    machine = json.loads(json.dumps(as_dict(report), allow_nan=False))
    assert machine["fit"] == {"vlm": {"verdict": "yes", "why": []}, "llm": {"verdict": "yes", "why": []}}
    assert [probe["name"] for probe in machine["probes"]] == [probe.name for probe in PROBES]
    assert machine["calls"] == report.spent.calls
    assert machine["cost"] is None
    priced = examined(Patient(), only="llm", prices=Prices({"vllm:*": Price(input=1.0, output=0.0)}))
    assert as_dict(priced)["cost"] == pytest.approx(priced.spent.calls * 1000 / 1e6)
