"""Any server of the OpenAI chat API: a request in; the reply, or an error that says what to mend, out."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from typing import Any

import httpx2
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, OpenAIError

from ruler.errors import ModelError, TaughtError
from ruler.llm.base import Image, Message, Reply, Request
from ruler.llm.faults import Place, broken, of_connection, of_status, words
from ruler.llm.manners import Manners
from ruler.llm.names import PROVIDERS, Endpoint, key_of
from ruler.llm.reading import read_models, read_reply

CONNECT = 10.0
"""Seconds within which a connection has to stand."""

LISTING = 10.0
"""Seconds within which a server has to list its models."""

_UNSET = "none"
_KEPT = 64
_TEACHING = (400, 403, 422, 500, 501)


class OpenAIModel:
    """A model on a server of the OpenAI chat API: OpenAI, vLLM, Ollama, llama.cpp, LM Studio, SGLang, gateways.

    It belongs to the event loop it is first used in.

    Args:
        endpoint: where it is.
        timeout: seconds a reply may take, from asking to its last byte.
        concurrency: most calls at a time; connections are kept for so many.
        environment: where the key is; None for that of this process.
        http_client: what speaks HTTP, given over with this; None for one of its own.

    Attributes:
        endpoint: as given; with the model's name where the server was asked for it.

    Raises:
        UsageError: a remote server's key is not set.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        timeout: float = 300.0,
        *,
        concurrency: int = 100,
        environment: Mapping[str, str] | None = None,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self._key = key_of(endpoint, environment)
        official = endpoint.base_url == PROVIDERS["openai"].base_url
        # Its reasoning models take the new name alone, and the other ones either.
        self._manners = Manners(lengths=("max_completion_tokens", "max_tokens")) if official else Manners()
        self._uris: dict[tuple[str, str], str] = {}
        self._naming = asyncio.Lock()
        limits = httpx2.Limits(max_connections=concurrency + 1, max_keepalive_connections=concurrency + 1)
        times = httpx2.Timeout(timeout, connect=min(CONNECT, timeout), pool=None)
        self._client = AsyncOpenAI(
            api_key=self._key or _UNSET,
            base_url=endpoint.base_url,
            # A header of its own, since one from OPENAI_CUSTOM_HEADERS would go to whoever is asked.
            default_headers={"Authorization": f"Bearer {self._key or _UNSET}"},
            max_retries=0,
            timeout=times,
            # What is on this machine is not behind a proxy.
            http_client=http_client
            or httpx2.AsyncClient(limits=limits, timeout=times, trust_env=not endpoint.loopback, follow_redirects=True),
        )
        if not official:
            self._client.organization = self._client.project = None

    @property
    def name(self) -> str:
        """The model string, without secrets; it gains the model's name where the server has to be asked for it."""
        return self.endpoint.name

    async def ready(self) -> None:
        """Have the server name its model where the endpoint does not; the name is final then.

        Raises:
            ModelError: it cannot be reached, or has several models, or none.
        """
        async with self._naming:
            if self.endpoint.model:
                return
            found = await self.models()
            if len(found) == 1:
                self.endpoint = self.endpoint.with_model(found[0])
                return
            several = f"has several models ({', '.join(m[:80] for m in found[:8])}{', …' if len(found) > 8 else ''})"
            example = f"{self.endpoint.base_url}#{found[0][:80]}" if found else f"{self.endpoint.base_url}#NAME"
            raise ModelError(
                several if found else "has no model",
                where=self.name,
                hint=f"name one: {example}" if found else "load one into the server",
                kind="unknown",
            )

    async def generate(self, request: Request) -> Reply:
        """Answer a request, trying once.

        Raises:
            TaughtError: the server does not take one of the parameters, which is left out from then on.
            ModelError: no answer came; its kind says why, and whether asking again may help.
        """
        await self.ready()
        place = self._place()
        payload = self._payload(request)
        began = time.perf_counter()
        try:
            answer = await self._ask(payload)
        except APIStatusError as error:
            self._learn(error, payload)
            if error.status_code in _TEACHING and self._payload(request) != payload:
                said = place.said(error.response.text)
                raise TaughtError(f"refused a parameter ({said})", where=self.name, kind="request") from None
            raise await self._fault(error, place) from None
        return read_reply(answer.content, answer.headers, place, request, time.perf_counter() - began)

    async def models(self) -> list[str]:
        """Names of the server's models, in its order.

        Raises:
            ModelError: it does not say.
        """
        place = self._place(min(LISTING, self._timeout))
        try:
            async with asyncio.timeout(place.timeout):
                answer = await self._client.models.with_raw_response.list()
        except APIStatusError as error:
            raise of_status(place, error.status_code, error.response.headers, error.response.text) from None
        except (OpenAIError, httpx2.InvalidURL, TimeoutError) as error:
            raise _on_the_way(error, place) from None
        return read_models(answer.content, place)

    async def close(self) -> None:
        """Give back connections."""
        await self._client.close()

    def _place(self, timeout: float | None = None) -> Place:
        return Place(self.endpoint, self._key, self._timeout if timeout is None else timeout)

    async def _ask(self, payload: dict[str, Any]) -> httpx2.Response:
        place = self._place()
        try:
            # The limits of the HTTP library are for each read: a server that sends a byte now and then passes them.
            async with asyncio.timeout(self._timeout):
                answer = await self._client.chat.completions.with_raw_response.create(**payload)
        except APIStatusError:
            raise
        except (OpenAIError, httpx2.InvalidURL, TimeoutError) as error:
            raise _on_the_way(error, place) from None
        response: httpx2.Response = answer.http_response
        return response

    def _payload(self, request: Request) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "model": self.endpoint.model,
            "messages": [{"role": m.role, "content": self._content(m)} for m in request.messages],
        }
        if request.schema is not None and request.mode == "schema":
            schema = {"name": request.schema.name, "strict": True, "schema": dict(request.schema.content)}
            payload["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif request.schema is not None and request.mode == "json":
            payload["response_format"] = {"type": "json_object"}
        return payload | self._manners.parameters(request)

    def _content(self, message: Message) -> Any:
        # Half a surrogate pair, as broken replies contain it, cannot be sent.
        text = message.text.encode("utf-8", "replace").decode()
        if not message.images:
            return text
        pictures = [{"type": "image_url", "image_url": {"url": self._uri(image)}} for image in message.images]
        return [*pictures, {"type": "text", "text": text}]

    def _uri(self, image: Image) -> str:
        """A picture as a data URI; the last few are kept, since votes and second questions send them again."""
        key = (image.digest, image.media_type)
        uri = self._uris.pop(key, None) or f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"
        self._uris[key] = uri
        if len(self._uris) > _KEPT:
            del self._uris[next(iter(self._uris))]
        return uri

    def _learn(self, error: APIStatusError, payload: Mapping[str, Any]) -> None:
        if error.status_code in _TEACHING:
            parameter = error.param if isinstance(error.param, str) else None
            self._manners = self._manners.taught(payload, words(error.response.text), parameter)

    async def _fault(self, error: APIStatusError, place: Place) -> ModelError:
        response = error.response
        fault = of_status(place, error.status_code, response.headers, response.text)
        if fault.kind != "unknown":
            return fault
        try:
            choices = await self.models()
        except ModelError:
            return fault
        return of_status(place, error.status_code, response.headers, response.text, choices)


def _on_the_way(error: Exception, place: Place) -> ModelError:
    if isinstance(error, APIConnectionError):
        return of_connection(place, error.__cause__)
    if isinstance(error, OpenAIError):
        return broken(place, f"the reply cannot be read ({type(error).__name__})")
    return of_connection(place, error)
