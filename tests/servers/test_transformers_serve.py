"""A server nobody here wrote: `transformers serve` with a tiny model, asked through the client and the command line."""

import asyncio
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from ruler.deduction.reason import Reasoning
from ruler.errors import ModelError
from ruler.llm.base import Image, Message, Request
from ruler.llm.client import Client, ClientOptions
from ruler.llm.labels import label_probabilities
from ruler.llm.names import parse_model
from ruler.llm.openai import OpenAIModel
from ruler.perception.vlm import encode_picture
from ruler.video import write_video
from tests.servers.tiny_vlm import WORDS

HEIGHT, WIDTH = 96, 160

LOOKS = 2
"""Drawn pictures that are asked about before the first frame, to make sure that the model sees."""

RULES = """\
rules:
  - {id: N1, kind: normal, text: People are walking}
  - {id: A1, kind: anomaly, text: Somebody is sitting, keywords: [sitting]}
  - {id: A2, kind: anomaly, text: Somebody is near the door, keywords: [door, window]}
"""


def picture(number):
    """A wash of colour with a square that lies elsewhere for every number."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    drawn = np.stack([x + 3 * number, 2 * y, np.full_like(x, 40 + 11 * number)], axis=2) % 256
    left, top = 37 * number % (WIDTH - 32), 23 * number % (HEIGHT - 32)
    drawn[top : top + 32, left : left + 32] = 255 if number % 2 else 0
    return drawn.astype(np.uint8)


def question(text="What is in the image?", *numbers, **options):
    images = tuple(encode_picture(picture(n), 768) for n in numbers)
    return Request((Message("user", text, images),), **{"max_tokens": 60, **options})


def asked(name, work, sleep=asyncio.sleep, **options):
    """What comes of asking a model: `work` gets the client."""

    async def run():
        client = Client(OpenAIModel(parse_model(name, {}), 60.0), options=ClientOptions(**options), sleep=sleep)
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(run())


def said(server, *requests):
    """The replies to requests, asked one after another."""

    async def work(client):
        return [(await client.say(request)).reply for request in requests]

    return asked(server.name, work)


def test_words_and_pictures_are_answered_and_counted(tiny_server):
    plain, seen, strip = said(tiny_server, question(), question("What is in the image?", 1), question("?", 1, 2, 3))
    for reply in (plain, seen, strip):
        assert set(reply.text.split()) <= set(WORDS)
        assert reply.text.split()
        assert reply.finish == "stop"
        assert not reply.usage.estimated
        assert reply.usage.completion >= len(reply.text.split())
        assert reply.seconds > 0
        assert reply.model.startswith("tiny")
    assert plain.usage.prompt < seen.usage.prompt < strip.usage.prompt


def test_another_picture_gives_another_answer(tiny_server):
    numbers = [1, 2, 3, 4, 5, 6]
    texts = [r.text for r in said(tiny_server, *(question("What is in the image?", n) for n in numbers))]
    again = [r.text for r in said(tiny_server, *(question("What is in the image?", n) for n in numbers))]
    assert again == texts, "at temperature 0 the same picture gives the same answer"
    assert len(set(texts)) >= 4
    here, there = said(tiny_server, question("?", 1, 2), question("?", 2, 1))
    assert here.text != there.text, "pictures are sent in their order"


def test_eight_at_once_get_the_answers_they_asked_for(tiny_server):
    requests = [question("What is in the image?", n) for n in range(8)]
    one_by_one = [reply.text for reply in said(tiny_server, *requests)]

    async def work(client):
        return await asyncio.gather(*(client.say(request) for request in requests))

    answers = asked(tiny_server.name, work, concurrency=8)
    assert [answer.reply.text for answer in answers] == one_by_one
    assert not any(answer.cached for answer in answers)


def test_a_wrong_name_is_told_in_one_line(tiny_server):
    async def work(client):
        with pytest.raises(ModelError) as caught:
            await client.say(question())
        return caught.value, client.budget.spent.calls

    error, calls = asked(f"{tiny_server.base}#other", work)
    assert error.kind == "unknown"
    assert error.lasting
    assert calls == 1, "asking again does not help"
    assert "'tiny'" in str(error), "it says what the server has"
    assert "\n" not in str(error)


def test_a_broken_picture_is_told_in_one_line(tiny_server):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    async def work(client):
        broken = Message("user", "What is this?", (Image(b"this is no JPEG" * 20),))
        with pytest.raises(ModelError) as caught:
            await client.say(Request((broken,), max_tokens=8))
        return caught.value, len(waits), await client.say(question())

    error, waited, alive = asked(tiny_server.name, work, sleep, retries=2)
    assert error.kind in ("request", "failed")
    assert len(str(error).splitlines()) == 1
    assert tiny_server.base in str(error)
    assert "base64" not in str(error)
    assert waited == (2 if error.passing else 0)
    assert alive.value, "the server is none the worse for it"


def test_formats_and_log_probabilities_it_does_not_know_end_as_unreadable(tiny_server):
    request = question("Is anybody sitting?", max_tokens=200, logprobs=True)

    async def work(client):
        return await client.ask(request, Reasoning), client.budget.spent

    answer, spent = asked(tiny_server.name, work)
    assert answer.value is None
    assert answer.mode == "schema", "it was not refused, only passed over"
    assert answer.asked == 2
    assert spent.calls == 2
    assert answer.problem
    assert answer.reply.tokens is None
    assert label_probabilities(answer.reply, "anomalous", ("yes", "no")) is None


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    """Four seconds at 10 frames/s; the first second stands still."""
    path = tmp_path_factory.mktemp("movie") / "yard.mp4"
    return write_video(path, (picture(0 if i < 10 else i) for i in range(40)), 10.0)


@pytest.fixture(scope="module")
def long_movie(tmp_path_factory):
    """Six seconds at 10 frames/s, in which no two pictures look alike."""
    path = tmp_path_factory.mktemp("long") / "gate.mp4"
    return write_video(path, (picture(i) for i in range(60)), 10.0)


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    return path


def lines_of(path):
    """The complete lines of a file that may still be written."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1] == "\n"]


def test_captions_from_the_command_line(tiny_server, movie, run_cli, tmp_path, rules):
    out = tmp_path / "captions"
    command = ["caption", movie, "--vlm", tiny_server.name, "--every", "5", "-o"]
    cache = ["--cache", tmp_path / "cache.sqlite", "--json"]
    done = run_cli(*command, out, *cache)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    records = lines_of(out / "yard.jsonl")
    assert [r["frame"] for r in records] == list(range(0, 40, 5))
    assert all(set(r["caption"].split()) <= set(WORDS) for r in records)
    assert len({r["caption"] for r in records}) >= 4
    assert records[1]["caption"] == records[0]["caption"]
    assert records[1]["caption_from"] == 0
    assert {r["model"] for r in records} == {tiny_server.name}
    (video,) = found["videos"]
    assert (video["captions"], video["reused"], video["missing"], found["calls"]) == (8, 1, 0, LOOKS + 7)
    usage = json.loads((out / "run.json").read_text())["usage"]
    assert usage["calls"] == LOOKS + 7
    assert usage["prompt_tokens"] > usage["completion_tokens"] > 0

    again = json.loads(run_cli(*command, out, *cache).stdout)
    assert again["videos"] == found["videos"]
    assert again["calls"] == 0
    elsewhere = run_cli(*command, tmp_path / "elsewhere", *cache)
    assert json.loads(elsewhere.stdout)["calls"] == 0, "equal questions are answered from the cache"
    assert lines_of(tmp_path / "elsewhere" / "yard.jsonl") == records
    judged = run_cli("detect", movie, "--captions", out, "--rules", rules, "-o", tmp_path / "run", "--json")
    assert judged.returncode == 0, judged.stderr
    assert json.loads(judged.stdout)["videos"][0]["status"] == "done"


def test_detection_with_replies_that_cannot_be_read(tiny_server, movie, rules, run_cli, tmp_path):
    run = tmp_path / "run"
    command = ["detect", movie, "--vlm", tiny_server.name, "--llm", tiny_server.name, "--rules", rules, "--every", "5"]
    command += ["-o", run, "--cache", tmp_path / "cache.sqlite", "--json"]
    done = run_cli(*command)
    assert done.returncode == 0, done.stderr
    (video,) = json.loads(done.stdout)["videos"]
    assert (video["status"], video["frames"], video["unparsed"]) == ("done", 40, 8)
    assert "8 verdicts are unparsed" in done.stderr
    verdicts = lines_of(run / "yard" / "verdicts.jsonl")
    assert len(verdicts) == 40
    assert [v["frame"] for v in verdicts if v.get("status", "ok") == "unparsed"] == list(range(0, 40, 5))
    scores = np.loadtxt(run / "yard" / "scores.csv", delimiter=",", skiprows=1)
    assert scores.shape == (40, 3)
    assert np.isfinite(scores).all()
    record = json.loads((run / "run.json").read_text())
    assert record["finished"]
    assert record["videos"]["yard"]["unparsed"] == 8
    # Seven pictures; each description that is not the same as another was asked about, and once more.
    descriptions = {o["caption"] for o in lines_of(run / "yard" / "observations.jsonl") if o.get("caption")}
    assert record["usage"]["calls"] == LOOKS + 7 + 2 * len(descriptions)
    assert (run / "report.html").exists()


# --- a server that dies -----------------------------------------------------------------------------------------------


def killed_amid(server, arguments, written, checkout, at_least=5):
    """Run a command, kill the server when some lines are written, and give what the command ended with."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ruler.cli", *map(str, arguments)],
        cwd=checkout,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while len(lines_of(written)) < at_least and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    server.kill()
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 4, stderr
    assert "Traceback" not in stderr
    assert server.base in stderr
    return json.loads(stdout)


def one_at_a_time(cache):
    return ["--cache", cache, "--concurrency", "1", "--set", "transport.retries=0", "--json"]


def test_captions_go_on_after_a_server_was_killed(tiny_server, long_movie, run_cli, tmp_path, checkout):
    out, undisturbed = tmp_path / "captions", tmp_path / "undisturbed"
    command = ["caption", long_movie, "--vlm", tiny_server.name, "--every", "1", "-o", out]
    command += one_at_a_time(tmp_path / "cache.sqlite")
    broken = killed_amid(tiny_server, command, out / "gate.jsonl", checkout)
    (video,) = broken["videos"]
    assert 5 <= video["captions"] < 60
    assert video["missing"] == 0, "what was not answered is asked again, not written down as missing"
    assert not json.loads((out / "run.json").read_text())["finished"]

    tiny_server.start()
    done = run_cli(*command)
    assert done.returncode == 0, done.stderr
    (video,) = json.loads(done.stdout)["videos"]
    assert (video["captions"], video["missing"]) == (60, 0)
    other = ["caption", long_movie, "--vlm", tiny_server.name, "--every", "1", "-o", undisturbed, "--cache"]
    assert run_cli(*other, tmp_path / "other.sqlite").returncode == 0
    there, here = lines_of(undisturbed / "gate.jsonl"), lines_of(out / "gate.jsonl")
    assert [(r["frame"], r["caption"]) for r in here] == [(r["frame"], r["caption"]) for r in there]


def test_detection_goes_on_after_a_server_was_killed(tiny_server, long_movie, rules, run_cli, tmp_path, checkout):
    run = tmp_path / "run"
    command = ["detect", long_movie, "--vlm", tiny_server.name, "--rules", rules, "--every", "1", "-o", run]
    command += ["--set", "caption.motion=false", *one_at_a_time(tmp_path / "cache.sqlite")]
    broken = killed_amid(tiny_server, command, run / "gate" / "observations.jsonl", checkout)
    assert broken["videos"][0]["status"] == "partial"
    assert (run / "report.html").exists()

    tiny_server.start()
    done = run_cli(*command)
    assert done.returncode == 0, done.stderr
    (video,) = json.loads(done.stdout)["videos"]
    assert (video["status"], video["frames"]) == ("done", 60)
    assert "degraded" not in video
    seen = lines_of(run / "gate" / "observations.jsonl")
    assert [o["frame"] for o in seen] == list(range(60))
    assert all(o["caption"] for o in seen)
    assert json.loads((run / "run.json").read_text())["finished"]


def test_findings_stand_where_the_server_that_rechecks_them_is_gone(tiny_server, rules, run_cli, tmp_path):
    captions = tmp_path / "gate.txt"
    captions.write_text("\n".join(f"a person is {'sitting' if 40 <= i < 60 else 'walking'}" for i in range(100)) + "\n")
    tiny_server.kill()
    command = ["detect", "--captions", captions, "--llm", tiny_server.name, "--rules", rules, "--frame-rate", "10"]
    command += ["-o", tmp_path / "run", *one_at_a_time(tmp_path / "cache.sqlite")]
    for done in (run_cli(*command), run_cli(*command)):
        assert done.returncode == 4, done.stderr
        assert "Traceback" not in done.stderr
        assert "100 verdicts are degraded" in done.stderr
        (video,) = json.loads(done.stdout)["videos"]
        assert video["degraded"] == 100
        assert video["events"] == 1, "the initial finding stands"
