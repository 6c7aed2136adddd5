"""What every failure of a chat server is called, and that no key is in what is said of it."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.llm.faults import wait_of, words
from tests.llm.chat_servers import KEY, Server, ask, complaint, completion, fail, listing


@pytest.mark.parametrize(
    ("status", "fields", "kind"),
    [
        (400, {}, "request"),
        (400, {"code": "content_filter"}, "filtered"),
        (400, {"message": "The model `x` does not exist"}, "unknown"),
        (400, {"code": "model_not_found"}, "unknown"),
        (400, {"message": "Model qwen2.5:7b not found"}, "unknown"),
        (400, {"message": "m is not a valid model ID"}, "unknown"),
        (400, {"message": "Server is pinned to 'q'; requests for another are refused"}, "unknown"),
        (400, {"message": "Invalid model: m"}, "unknown"),
        (400, {"message": "Invalid model parameters"}, "request"),
        (400, {"message": "The model takes no pictures. The picture was not found."}, "request"),
        (401, {}, "refused"),
        (402, {"message": "Insufficient credits"}, "refused"),
        (403, {}, "refused"),
        (403, {"message": "Your input was flagged by moderation"}, "filtered"),
        (404, {}, "unknown"),
        (404, {"message": "No endpoints found that support image input"}, "request"),
        (405, {}, "unknown"),
        (408, {}, "busy"),
        (409, {}, "busy"),
        (413, {}, "request"),
        (415, {}, "request"),
        (418, {}, "request"),
        (422, {}, "request"),
        (429, {}, "busy"),
        (429, {"code": "insufficient_quota"}, "refused"),
        (429, {"type": "insufficient_quota"}, "refused"),
        (500, {}, "failed"),
        (502, {}, "failed"),
        (503, {}, "busy"),
        (504, {}, "failed"),
        (529, {}, "busy"),
    ],
)
def test_statuses(status, fields, kind):
    error = fail(Server(complaint(status, **{"message": "so it is", **fields})))
    assert (error.kind, error.status) == (kind, status)
    assert str(status) in error.what
    assert fields.get("message", "so it is") in error.what
    assert error.passing == (kind in ("busy", "failed"))
    assert error.lasting == (kind in ("refused", "unknown"))
    assert "so it is" in error.raw or "message" in fields


def test_a_status_in_the_place_of_a_reply_is_that_status():
    body = {"error": {"code": 429, "message": "slow down"}}
    assert fail(Server(body)).kind == "busy"
    assert (
        fail(Server({"choices": [{"error": {"code": 502, "message": "x"}, "message": {"content": ""}}]})).kind
        == "failed"
    )
    assert fail(Server({"error": "odd"})).kind == "failed"


def test_a_moved_address_is_told():
    moved = httpx2.Response(301, headers={"location": "https://llm.example.com/v1/"}, html="<title>Moved</title>")
    error = fail(Server(moved), name="http://gpu-box:8000/v1#m")
    assert error.kind == "unknown"
    assert "https://llm.example.com/v1/" in str(error)


def test_a_wrong_model_is_answered_with_those_there_are():
    def answer(request: httpx2.Request) -> Any:
        return listing("qwen3-vl", "gemma") if request.method == "GET" else complaint(404, "no such thing")

    error = fail(Server(answer))
    assert error.hint == "the server has qwen3-vl, gemma"


def test_a_wrong_address_is_answered_with_the_address():
    error = fail(Server(httpx2.Response(404, html="<html><title>Not &amp; Found</title></html>")))
    assert "https://llm.example.com/v1" in (error.hint or "")


def test_a_model_missing_from_ollama_is_to_be_fetched():
    error = fail(Server(complaint(404, 'model "m" not found')), name="ollama:m")
    assert error.hint == "fetch it: ollama pull m"


def test_a_wrong_key_names_its_variable():
    assert "RULER_API_KEY" in str(fail(Server(complaint(401, "bad key"))))
    assert "OPENAI_API_KEY" in str(fail(Server(complaint(401, "bad key")), name="openai:m"))


@pytest.mark.parametrize("echo", [KEY, f"Bearer {KEY}", "sk-proj-abcdefghij…xyz"])
@pytest.mark.parametrize("status", [400, 401, 500, 200])
def test_a_key_that_comes_back_is_blanked(echo, status):
    error = fail(Server(complaint(status, f"you sent {echo} as key")))
    assert "you sent ***" in error.what or "you sent Bearer ***" in error.what
    assert "abcdefghij" not in f"{error} {error.raw}"


@pytest.mark.parametrize("before", range(165, 205, 3))
def test_a_key_that_is_cut_off_is_blanked(before):
    error = fail(Server(complaint(400, f"{'x' * before} {KEY}")))
    assert KEY[:4] not in str(error)


def test_a_key_that_comes_back_in_a_page_or_a_refusal_is_blanked():
    fail(Server(httpx2.Response(200, html=f"<html>{KEY}</html>")))
    fail(Server(httpx2.Response(502, html=f"<html>{KEY}</html>")))
    fail(Server(completion(None, message={"refusal": f"I will not say {KEY}"})))
    fail(Server(httpx2.ConnectError(f"no route for {KEY}")))
    fail(Server(httpx2.Response(302, headers={"location": f"https://x/?k={KEY}"})))


def test_a_refusal_is_filtered():
    error = fail(Server(completion(None, message={"refusal": "I cannot help with that."})))
    assert (error.kind, error.sent) == ("filtered", True)
    assert "I cannot help with that." in error.what
    assert fail(Server(completion("", choice={"finish_reason": "content_filter"}))).kind == "filtered"


def test_a_reply_beside_an_empty_or_odd_refusal_is_a_reply():
    assert ask(Server(completion("Hi.", message={"refusal": ""}))).text == "Hi."
    assert ask(Server(completion("", message={"refusal": None}))).text == ""
    assert ask(Server(completion("Hi.", message={"refusal": "not that"}))).text == "Hi."


def test_what_was_said_before_the_filter_is_a_reply():
    reply = ask(Server(completion("A man", choice={"finish_reason": "content_filter"})))
    assert (reply.text, reply.finish) == ("A man", "content_filter")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        '{"choices": [{"mess',
        "[]",
        "null",
        '"hello"',
        "{}",
        '{"choices": null}',
        '{"choices": []}',
        '{"choices": [null]}',
        '{"choices": [{}]}',
        '{"choices": [{"message": null}]}',
        '{"choices": {"0": 1}}',
        "<html><title>Welcome</title></html>",
        '{"a":' * 100_000,
        "\ud83d".encode("utf-16", "surrogatepass").decode("latin-1"),
    ],
)
def test_bodies_that_are_no_reply_may_pass_and_may_be_billed(body):
    for kind in ("application/json", "text/html"):
        error = fail(Server(httpx2.Response(200, content=body.encode(), headers={"content-type": kind})))
        assert (error.kind, error.sent, error.passing) == ("failed", True, True)


@pytest.mark.parametrize(
    ("raised", "kind", "sent"),
    [
        (httpx2.ConnectError("[Errno 111] Connection refused"), "unreachable", False),
        (httpx2.ConnectError("[Errno -2] Name or service not known"), "unreachable", False),
        (httpx2.ConnectTimeout(""), "unreachable", False),
        (httpx2.PoolTimeout(""), "unreachable", False),
        (httpx2.ProxyError("502 of the proxy"), "unreachable", False),
        (httpx2.WriteError("broken pipe"), "unreachable", False),
        (httpx2.WriteTimeout(""), "unreachable", False),
        (httpx2.ReadTimeout(""), "unreachable", True),
        (httpx2.ReadError("reset by peer"), "unreachable", True),
        (httpx2.RemoteProtocolError("Server disconnected without sending a response."), "unreachable", True),
        (httpx2.RemoteProtocolError("peer closed connection without sending complete message body"), "failed", True),
        (httpx2.DecodingError("no gzip"), "failed", True),
        (httpx2.UnsupportedProtocol("no"), "unknown", False),
    ],
)
def test_connections_that_fail(raised, kind, sent):
    error = fail(Server(raised))
    assert (error.kind, error.sent) == (kind, sent)
    assert error.status == (200 if kind == "failed" else None)


def test_a_server_on_this_machine_that_is_not_there_is_to_be_started():
    refused = Server(httpx2.ConnectError("[Errno 111] Connection refused"))
    assert "ollama serve" in str(fail(refused, name="ollama:m"))
    assert "http://localhost:8000/v1" in str(fail(refused, name="vllm:m"))


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6"}, 6),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6m0s"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "later"}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers, seconds):
    assert wait_of(headers, NOW) == (None if seconds is None else pytest.approx(seconds))


def test_the_wait_is_told_where_the_trouble_may_pass():
    for status in (429, 503, 500):
        response = httpx2.Response(status, headers={"Retry-After": "3"}, json={})
        assert fail(Server(response)).retry_after == 3
    assert fail(Server(httpx2.Response(401, headers={"Retry-After": "3"}, json={}))).retry_after is None


@given(st.text())
def test_any_body_is_told_in_a_line(body):
    said = words(body)
    assert said.isprintable() or not said
    assert len(said) <= 200
