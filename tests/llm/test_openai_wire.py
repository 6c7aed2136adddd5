"""Chat servers over real connections: answers that break, that never come, and nobody there."""

from __future__ import annotations

import asyncio
import json
import socket

import httpx2
import pytest

from ruler.errors import ModelError
from ruler.llm.base import Reply
from ruler.llm.names import parse_model
from ruler.llm.openai import OpenAIModel
from tests.llm.chat_servers import ENVIRONMENT, HELLO, Server, completion, model


async def raw_server(answer: bytes | None) -> tuple[asyncio.Server, int]:
    """A server that sends bytes and hangs up, or says nothing at all."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length"))
        await reader.readexactly(length)
        if answer is None:
            await reader.read()  # until the other side hangs up
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def over_wire(answer: bytes | None, timeout: float = 30) -> Reply:
    async def run() -> Reply:
        server, port = await raw_server(answer)
        asked = OpenAIModel(parse_model(f"http://127.0.0.1:{port}/v1#m", {}), timeout, environment={})
        try:
            return await asked.generate(HELLO)
        finally:
            await asked.close()
            server.close()

    return asyncio.run(run())


BODY = json.dumps(completion()).encode()


def head(length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % length


def test_a_reply_over_the_wire():
    assert over_wire(head(len(BODY)) + BODY).text == "Hi."


def test_a_server_on_this_machine_is_asked_past_any_proxy(monkeypatch):
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert over_wire(head(len(BODY)) + BODY).text == "Hi."


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "unreachable"),
        (head(len(BODY) + 9) + BODY, "failed"),
        (head(len(BODY)).replace(b"Content-Length", b"Content-Encoding: gzip\r\nContent-Length") + BODY, "failed"),
        (b"SSH-2.0-OpenSSH\r\n", "unreachable"),
    ],
    ids=["nothing", "broken off", "no gzip", "no HTTP"],
)
def test_broken_answers_over_the_wire(answer, kind):
    with pytest.raises(ModelError) as caught:
        over_wire(answer)
    assert (caught.value.kind, caught.value.sent) == (kind, True)


def test_a_server_that_never_answers_is_given_up():
    with pytest.raises(ModelError, match=r"did not answer within 0\.05 s") as caught:
        over_wire(None, timeout=0.05)
    assert (caught.value.kind, caught.value.sent) == ("unreachable", True)


def test_a_server_that_goes_on_and_on_is_given_up():
    async def never(_: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        return httpx2.Response(200)

    with pytest.raises(ModelError, match=r"did not answer within 0\.05 s") as caught:
        asyncio.run(model(never, timeout=0.05).generate(HELLO))
    assert (caught.value.kind, caught.value.sent) == ("unreachable", True)


def test_a_server_that_sends_on_to_another_is_followed():
    async def run() -> Reply:
        there, port = await raw_server(head(len(BODY)) + BODY)
        target = b"http://127.0.0.1:%d/v1/chat/completions" % port
        moved = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + target + b"\r\nContent-Length: 0\r\n\r\n"
        here, port = await raw_server(moved)
        asked = OpenAIModel(parse_model(f"http://127.0.0.1:{port}/v1#m", {}), environment={})
        try:
            return await asked.generate(HELLO)
        finally:
            await asked.close()
            here.close()
            there.close()

    assert asyncio.run(run()).text == "Hi."


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        name = f"http://127.0.0.1:{taken.getsockname()[1]}/v1#m"
        with pytest.raises(ModelError, match="cannot be reached") as caught:
            asyncio.run(OpenAIModel(parse_model(name, {}), environment={}).generate(HELLO))
    assert (caught.value.kind, caught.value.sent) == ("unreachable", False)


def test_a_name_that_no_server_has():
    asked = OpenAIModel(parse_model("http://nobody.invalid/v1#m", ENVIRONMENT), environment=ENVIRONMENT)
    with pytest.raises(ModelError) as caught:
        asyncio.run(asked.generate(HELLO))
    assert (caught.value.kind, caught.value.sent) == ("unreachable", False)


def test_closing_gives_back_the_connections():
    async def run() -> bool:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(Server(completion())))
        asked = OpenAIModel(parse_model("vllm:m", {}), environment={}, http_client=client)
        await asked.generate(HELLO)
        await asked.close()
        return client.is_closed

    assert asyncio.run(run())
