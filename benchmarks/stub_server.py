"""A chat server that answers everything the same after a fixed time, for measuring clients and not models.

    python -m benchmarks.stub_server [MILLISECONDS]

It prints its port and serves until its standard input ends. It reads as little of HTTP as it can, so that it takes next
to no time itself: a request is a head with a Content-Length, and a body that is thrown away.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

REPLY = {"reason": "Nothing is out of the ordinary.", "anomalous": "no"}
"""What is answered, as JSON, in every reply."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def answer() -> bytes:
    """The whole answer, head and body."""
    message = {"role": "assistant", "content": json.dumps(REPLY)}
    body = json.dumps(
        {
            "id": "stub",
            "object": "chat.completion",
            "created": 0,
            "model": "stub",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 60, "completion_tokens": 20, "total_tokens": 80},
        }
    ).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class StubProtocol(asyncio.Protocol):
    """One connection; kept open, answered in order.

    Args:
        reply: what is sent.
        seconds: from the last byte of a request to its answer.
    """

    def __init__(self, reply: bytes, seconds: float) -> None:
        self._reply = reply
        self._seconds = seconds
        self._came = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take in what came; each request that is whole is answered later."""
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._came, 0, end + 2)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._came) < whole:
                return
            self._came = self._came[whole:]
            asyncio.get_running_loop().call_later(self._seconds, self._send)

    def _send(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._reply)


async def serve(seconds: float) -> None:
    """Serve on a free port of loopback until standard input ends."""
    reply, loop = answer(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: StubProtocol(reply, seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1] if len(sys.argv) > 1 else 50) / 1000))
