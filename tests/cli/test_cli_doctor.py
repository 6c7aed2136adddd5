"""`ruler doctor`: a real server on this machine is asked, and what it can do is printed."""

from __future__ import annotations

import base64
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import typer

from ruler.cli import doctor as command
from ruler.errors import BudgetError, ModelError, UsageError
from tests.llm.doctor_models import Patient, blind_eyes, tokens_of


class Server(ThreadingHTTPServer):
    """A chat server that shows the pictures it is sent to a patient, and passes on what it says."""

    daemon_threads = True

    def __init__(self, patient, refusal=""):
        super().__init__(("127.0.0.1", 0), Handler)
        self.patient = patient
        self.refusal = refusal
        self.asked = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        self.answer(200, {"object": "list", "data": [{"id": "patient", "object": "model"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        texts, pictures = [], []
        for message in body["messages"]:
            parts = message["content"] if isinstance(message["content"], list) else [{"text": message["content"]}]
            texts += [part["text"] for part in parts if "text" in part]
            urls = [part["image_url"]["url"] for part in parts if "image_url" in part]
            pictures += [base64.b64decode(url.partition(",")[2]) for url in urls]
        if pictures and self.server.refusal:
            self.answer(400, {"error": {"message": self.server.refusal}})
            return
        text = self.server.patient.say(texts, pictures)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [described(token) for token in tokens_of(text)]}
        usage = {"prompt_tokens": 500, "completion_tokens": 20, "total_tokens": 520}
        reply = {"id": "x", "object": "chat.completion", "model": "patient-v2", "choices": [choice], "usage": usage}
        self.answer(200, reply)

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing on stderr."""


def described(token):
    top = [{"token": text, "logprob": logprob} for text, logprob in token.top.items()]
    return {"token": token.text, "logprob": token.logprob, "top_logprobs": top}


@pytest.fixture
def serve():
    """Start servers, and stop them at the end."""
    started = []

    def start(patient, **options):
        server = Server(patient, **options)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        started.append((server, thread))
        return server

    yield start
    for server, thread in started:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Call `ruler doctor ARGS` in this process: the exit code, and what stands on stdout and stderr."""
    monkeypatch.setenv("RULER_CACHE", str(tmp_path / "shared.sqlite"))
    app = typer.Typer()
    app.command("doctor")(command.command)

    def call(*arguments):
        code = app([str(argument) for argument in arguments], standalone_mode=False)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_model_that_can_do_everything(serve, run, tmp_path):
    server = serve(Patient())
    code, out, err = run(server.address)
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == f"{server.address}#patient"
    assert {line.split()[0] for line in lines[1:-2]} == {"ok"}
    assert lines[-2:] == ["fit for --vlm: yes", "fit for --llm: yes"]
    assert "answers as patient-v2; its server lists it alone" in out
    assert "$0.00 per 1,000 captions" in out
    assert f"{len(server.asked)} calls, {520 * len(server.asked):,} tokens, $0.0000" in err
    assert not list(tmp_path.iterdir()), "nothing may be kept"


def test_nothing_is_answered_from_an_earlier_run_unless_a_cache_is_named(serve, run, tmp_path):
    server = serve(Patient())
    run(server.address, "--only", "llm", "-q")
    first = len(server.asked)
    run(server.address, "--only", "llm", "-q")
    assert len(server.asked) == 2 * first
    kept = tmp_path / "kept.sqlite"
    run(server.address, "--only", "llm", "-q", "--cache", kept)
    assert kept.is_file()
    asked = len(server.asked)
    code, out, err = run(server.address, "--only", "llm", "-q", "--cache", kept)
    assert (code, err, len(server.asked)) == (0, "", asked)
    assert "all rechecks came from the cache, so their time is not known" in out


def test_a_server_without_eyes_is_told_as_it_says_it(serve, run):
    server = serve(Patient(), refusal="patient is not a multimodal model")
    code, out, _ = run(server.address, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["fit"]["vlm"] == {"verdict": "no", "why": ["it does not see pictures"]}
    assert told["fit"]["llm"]["verdict"] == "yes"
    probes = {probe["name"]: probe for probe in told["probes"]}
    assert "patient is not a multimodal model" in probes["sees pictures"]["detail"]
    assert probes["counts"]["calls"] == 0
    assert told["calls"] == sum(probe["calls"] for probe in told["probes"])


def test_a_blind_model_fails_and_the_command_does_not(serve, run):
    code, out, err = run(serve(Patient(eyes=blind_eyes)).address, "--only", "vlm", "-q")
    assert (code, err) == (0, "")
    assert "  no  sees pictures" in out
    assert out.splitlines()[-2:] == ["fit for --vlm: no: it does not see pictures", "fit for --llm: not tried"]


def test_another_seed_shows_other_pictures(serve, run):
    server = serve(Patient())
    run(server.address, "--only", "vlm", "-q")
    first = {json.dumps(body["messages"]) for body in server.asked if "data:image" in json.dumps(body)}
    server.asked.clear()
    code, out, _ = run(server.address, "--only", "vlm", "-q", "--seed", 7)
    second = {json.dumps(body["messages"]) for body in server.asked if "data:image" in json.dumps(body)}
    assert "fit for --vlm: yes" in out
    assert code == 0
    assert len(second) == len(first) > 20
    assert not first & second


def test_nobody_there_is_one_line_and_exit_code_4(run):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(ModelError, match=r"cannot be reached .*; is the server started") as caught:
            run(f"http://127.0.0.1:{held.getsockname()[1]}/v1#m")
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)


def test_too_few_calls_end_with_exit_code_5_and_what_was_found(serve, run):
    server = serve(Patient())
    code, out, err = run(server.address, "--max-calls", 6)
    assert (code, len(server.asked)) == (5, 6)
    assert "  ok  sees pictures" in out
    assert "not tried to its end: the limit of 6 calls is reached" in out
    assert "raise --max-calls" in err
    with pytest.raises(BudgetError):
        run(server.address, "--max-calls", 0)


def test_a_model_string_that_is_none(run):
    with pytest.raises(UsageError, match="does not say which server"):
        run("gpt")
