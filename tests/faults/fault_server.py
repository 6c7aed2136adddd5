"""A chat server on loopback that fails by plan: requests in; faults, or honest answers, out, and a log of both."""

from __future__ import annotations

import hashlib
import json
import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

MODEL = "judge"
RETRY_AFTER = 0.01


class Fault(StrEnum):
    """What can be wrong with an exchange."""

    BUSY_FOR = "429 with retry-after"
    BUSY = "429"
    FAILED = "500"
    OVERLOADED = "503"
    HANG = "no answer until the client is gone"
    RESET = "the connection is reset in the middle of the body"
    SHORT = "the connection is closed before the end of the body"
    TRUNCATED = "half a JSON body, whole for HTTP"
    HTML = "an HTML page"
    NO_CHOICES = "empty choices"
    REFUSAL = "the model declines"
    WRONG_IDS = "rules that there are not"
    INVENTED = "quotes that do not stand in the caption"
    UNREADABLE = "no JSON in the reply"
    LENGTH = "the reply is cut off by its limit"


PASSING = tuple(Fault)[: tuple(Fault).index(Fault.REFUSAL)]
"""Faults of servers and of the way to them: the same request may well be answered a moment later."""

SAID = (Fault.WRONG_IDS, Fault.INVENTED, Fault.UNREADABLE, Fault.LENGTH)
"""Faults of what is said: the answer came, and is paid for and kept like any other."""

EVERY: Mapping[Fault, float] = {fault: 0.3 if fault is Fault.HANG else 1.0 for fault in Fault}
"""Every fault → its weight; a hang is seldomer, since each takes the client's whole timeout."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came.

    Attributes:
        number: of the request to this server, from 0.
        attempt: of a request with the very same body, from 0.
        key: hash of the body.
        body: parsed.
    """

    number: int
    attempt: int
    key: str
    body: Mapping[str, Any]

    @property
    def turn(self) -> int:
        """Answers that stand in the conversation already: 0, or 1 where what was wrong with the first is told."""
        return sum(message["role"] == "assistant" for message in self.body["messages"])

    @property
    def rules(self) -> str:
        """What is said of the rules."""
        return str(self.body["messages"][0]["content"])

    @property
    def caption(self) -> str:
        """The caption that is asked about."""
        first = next(m["content"] for m in self.body["messages"] if m["role"] == "user")
        found = re.search(r"<description>\n(.*?)\n</description>", first, re.DOTALL)
        return found[1] if found else ""


@dataclass(slots=True)
class Exchange:
    """What became of a request; it was answered where a whole reply went out, sensible or not."""

    asked: Asked
    fault: Fault | None
    answered: bool = False


Answering = Callable[[Asked], dict[str, Any]]
"""A request → the honest answer, a function of the request alone."""

Plan = Callable[[Asked], Fault | None]
"""A request → what goes wrong with it."""


def first(fault: Fault, times: int = 1) -> Plan:
    """The first attempts of every request fail."""
    return lambda asked: fault if asked.attempt < times else None


def always(fault: Fault) -> Plan:
    """Nothing else ever happens."""
    return lambda _: fault


def never(_: Asked) -> Fault | None:
    """Nothing goes wrong."""
    return None


def seeded(rate: float, seed: int, faults: Mapping[Fault, float] = EVERY, most: int = 3) -> Plan:
    """Each attempt fails with a probability; what is drawn depends on what is asked, and the attempt, alone.

    Args:
        rate: probability of a fault.
        seed: of the draws.
        faults: what can happen → its weight.
        most: attempts after which a request is answered honestly, so that it never fails as often as a client tries.
    """

    def plan(asked: Asked) -> Fault | None:
        place = f"{seed}|{asked.caption}|{asked.turn}|{asked.body.get('seed')}|{asked.attempt}"
        draw = random.Random(place)
        if asked.attempt >= most or draw.random() >= rate:
            return None
        return draw.choices(list(faults), list(faults.values()))[0]

    return plan


class FaultServer(ThreadingHTTPServer):
    """The server, in threads of its own while it is entered as a context.

    Attributes:
        plan: what goes wrong; may be changed between requests.
        log: every request, in the order in which they came.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, answer: Answering, plan: Plan = never) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.plan = plan
        self.log: list[Exchange] = []
        self._attempts: Counter[str] = Counter()
        self._hanging = 0
        self._changed = threading.Condition()
        self._serving = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self._serving.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away are what this server is for."""

    @property
    def url(self) -> str:
        """The model string."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1#{MODEL}"

    @property
    def repeated(self) -> list[str]:
        """Captions of the requests that came again after they had been answered."""
        answered: set[str] = set()
        again = []
        for exchange in self.log:
            if exchange.asked.key in answered:
                again.append(exchange.asked.caption)
            if exchange.answered:
                answered.add(exchange.asked.key)
        return again

    def received(self, raw: bytes) -> Exchange:
        """Write a request down, and what is going to happen to it."""
        key = hashlib.sha256(raw).hexdigest()
        with self._changed:
            asked = Asked(len(self.log), self._attempts[key], key, json.loads(raw))
            self._attempts[key] += 1
            exchange = Exchange(asked, self.plan(asked))
            self.log.append(exchange)
        return exchange

    def hang(self, connection: socket.socket) -> None:
        """Say nothing until the client is gone."""
        with self._changed:
            self._hanging += 1
            self._changed.notify_all()
        try:
            connection.recv(1, socket.MSG_PEEK)
        finally:
            with self._changed:
                self._hanging -= 1
                self._changed.notify_all()

    def wait_for_hanging(self, count: int, timeout: float) -> bool:
        """Wait until so many requests hang at a time; whether they ever did."""
        with self._changed:
            return self._changed.wait_for(lambda: self._hanging == count, timeout)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: FaultServer

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/chat/completions":
            self._send(404, b"{}")
            return
        exchange = self.server.received(raw)
        fault = exchange.fault
        if fault is Fault.HANG:
            self.close_connection = True
            self.server.hang(self.connection)
        elif fault in _STATUSES:
            status, headers = _STATUSES[fault]
            self._send(status, json.dumps({"error": {"message": "Not now."}}).encode(), headers)
        else:
            self._reply(exchange)

    def _reply(self, exchange: Exchange) -> None:
        fault = exchange.fault
        body = _completion(exchange.asked, fault, self.server.answer)
        if fault in (Fault.RESET, Fault.SHORT):
            self._break_off(body, reset=fault is Fault.RESET)
            return
        # Before it goes out: the client may be quicker than this thread.
        exchange.answered = fault is None or fault in SAID
        try:
            self._send(200, body)
            self.wfile.flush()
        except OSError:
            exchange.answered = False
            raise

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _break_off(self, body: bytes, *, reset: bool) -> None:
        """Send half of a body and hang up, politely or not."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """The log is kept elsewhere."""


_STATUSES: Mapping[Fault | None, tuple[int, Mapping[str, str]]] = {
    Fault.BUSY_FOR: (429, {"Retry-After": str(RETRY_AFTER)}),
    Fault.BUSY: (429, {}),
    Fault.FAILED: (500, {}),
    Fault.OVERLOADED: (503, {}),
}


def _completion(asked: Asked, fault: Fault | None, answer: Answering) -> bytes:
    """The body of a reply, with what is wrong with it."""
    if fault is Fault.HTML:
        return b"<html><head><title>Welcome</title></head><body>It works.</body></html>"
    text, finish = json.dumps(_said(answer(asked), asked, fault)), "stop"
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if fault is Fault.UNREADABLE:
        message["content"] = "Looks fine to me!"
    elif fault is Fault.LENGTH:
        message["content"], finish = text[: len(text) // 2], "length"
    elif fault is Fault.REFUSAL:
        message |= {"content": None, "refusal": "I cannot help with that."}
    choices = [] if fault is Fault.NO_CHOICES else [{"index": 0, "message": message, "finish_reason": finish}]
    body = json.dumps(
        {
            "id": f"chat-{asked.number}",
            "object": "chat.completion",
            "created": 0,
            "model": MODEL,
            "choices": choices,
            "usage": {"prompt_tokens": 400, "completion_tokens": 40, "total_tokens": 440},
        }
    ).encode()
    return body[: len(body) // 2] if fault is Fault.TRUNCATED else body


def _said(honest: dict[str, Any], asked: Asked, fault: Fault | None) -> dict[str, Any]:
    """The honest answer, or one whose claims do not hold; its verdict stays."""
    if fault not in (Fault.WRONG_IDS, Fault.INVENTED):
        return honest
    claims = honest["findings"] or [{"rule": "N1", "quote": asked.caption.partition(".")[0]}]
    lie = {"rule": "A99"} if fault is Fault.WRONG_IDS else {"quote": "a unicorn in the snow"}
    return {**honest, "findings": [{**claim, **lie} for claim in claims]}
