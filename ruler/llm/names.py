"""Model strings: what a person writes in; the server, the model on it and the name of its key out."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from ruler.errors import UsageError

FORMS = (
    "openai:NAME, openrouter:NAME, groq:NAME, together:NAME, ollama:NAME, vllm:NAME, lmstudio:NAME, llamacpp:NAME, "
    "sglang:NAME, or an address such as http://localhost:8000/v1#NAME"
)
"""How a model may be written, for messages."""

OWN_KEY = "RULER_API_KEY"
"""Environment variable with the key of a server that is given by its address."""

_BLANK = "***"
_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;<>]+"), rf"\1 {_BLANK}"),
    (re.compile(r"\b(?:sk-|pk-|gsk_|hf_|tgp_|ghp_)[\w*.…-]{6,}"), _BLANK),
    (re.compile(r"(?<=://)[^\s@]+(?=@)"), _BLANK),
    (
        re.compile(
            r"(?i)(?<=[?&#;])([\w-]*(?:key|token|secret|passw(?:or)?d|auth|sig|signature|credential)s?=)[^&#\s]+"
        ),
        rf"\1{_BLANK}",
    ),
)


@dataclass(frozen=True, slots=True)
class Provider:
    """A kind of server that has a short name.

    Attributes:
        base_url: where it is unless said otherwise.
        key_variable: environment variable with its key.
        address_variable: environment variable that puts it elsewhere; empty for none.
    """

    base_url: str
    key_variable: str = OWN_KEY
    address_variable: str = ""


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "groq": Provider("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "together": Provider("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "ollama": Provider("http://localhost:11434/v1", address_variable="OLLAMA_HOST"),
    "vllm": Provider("http://localhost:8000/v1"),
    "lmstudio": Provider("http://localhost:1234/v1"),
    "llamacpp": Provider("http://localhost:8080/v1"),
    "sglang": Provider("http://localhost:30000/v1"),
}
"""Short name → server."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model on a server.

    Attributes:
        name: the canonical string, without secrets: it stands in files and cache keys.
        provider: one of `PROVIDERS`, or "http" for a server known by its address alone.
        base_url: address of the chat API, without a slash at its end ("http://localhost:8000/v1").
        model: name of the model there; empty for "the only one the server has".
        key_variable: environment variable that holds, or would hold, the key.
    """

    name: str
    provider: str
    base_url: str
    model: str
    key_variable: str

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine."""
        return _is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def near(self) -> bool:
        """Whether the server is on this machine or in this network, where servers often want no key."""
        return _is_near(urlsplit(self.base_url).hostname or "")

    def with_model(self, model: str) -> Endpoint:
        """The same server, its model known by now."""
        return replace(self, model=model, name=f"{self.base_url}#{model}")


def parse_model(text: str, environment: Mapping[str, str] | None = None) -> Endpoint:
    """Understand a model string.

    Args:
        text: one of `FORMS`.
        environment: where addresses are looked up, and which variable has the key; None for that of this process.

    Raises:
        UsageError: it is none of the forms, or holds a secret.
    """
    environment = os.environ if environment is None else environment
    text = text.strip()
    if not text:
        raise UsageError("the model's name is empty", hint=f"write {FORMS}")
    where = _shown(text)
    if not text.isprintable():
        raise UsageError("a model's name has no control characters", where=where, hint=f"write {FORMS}")
    before, colon, after = text.partition(":")
    kind, model = before.strip().lower(), after.strip()
    if kind in ("http", "https"):
        return _at_address(text, environment)
    if kind == "hf" and colon:
        raise UsageError(
            "needs the extra 'local', which is not built in this version",
            where=where,
            hint="serve the model (vLLM, Ollama, llama.cpp, …) and give http://HOST:PORT/v1#NAME",
        )
    if kind not in PROVIDERS or not colon:
        raise _unknown(text, before if colon else "")
    if scrub(model) != model:
        raise UsageError(
            "holds a key", where=where, hint=f"put it into the environment: {PROVIDERS[kind].key_variable}=…"
        )
    if not model:
        address = f", or {PROVIDERS[kind].base_url} for the only one it has" if _is_local(kind) else ""
        raise UsageError("names no model", where=where, hint=f"write {kind}:NAME{address}")
    return _of_provider(kind, model, environment)


def key_of(endpoint: Endpoint, environment: Mapping[str, str] | None = None) -> str:
    """The key to send; empty for a server on this machine or in this network that was given none.

    Raises:
        UsageError: a remote server's key is not set, or is none that could be sent.
    """
    environment = os.environ if environment is None else environment
    key = environment.get(endpoint.key_variable, "").strip()
    if not key and not endpoint.near:
        word = "" if endpoint.key_variable != OWN_KEY else ", to any word where the server asks for none"
        raise UsageError(
            f"needs a key, and {endpoint.key_variable} is not set",
            where=endpoint.name,
            hint=f"set the environment variable {endpoint.key_variable}{word}",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"the key in {endpoint.key_variable} has spaces or characters that no key has",
            where=endpoint.name,
            hint="copy it anew",
        )
    return key


def scrub(text: str, *secrets: str) -> str:
    """Text with keys blanked: those given, and whatever looks like one.

    Args:
        text: words of a server, say.
        secrets: keys; empty ones are passed over.
    """
    for secret in secrets:
        if len(secret) >= 8:
            text = text.replace(secret, _BLANK)
        elif secret:  # a word such as "none" is blanked where it stands alone
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _BLANK, text)
    for pattern, blank in _SECRETS:
        text = pattern.sub(blank, text)
    return text


def _of_provider(kind: str, model: str, environment: Mapping[str, str]) -> Endpoint:
    provider = PROVIDERS[kind]
    variable = provider.address_variable
    base = provider.base_url
    if given := environment.get(variable, "").strip() if variable else "":
        try:
            parts = urlsplit(_ollama_address(given) if kind == "ollama" else given)
        except ValueError:
            raise UsageError("is no address", where=variable, hint="write http://HOST:PORT") from None
        base = _address(parts, variable, provider.key_variable)
    name = f"{kind}:{model}" if base == provider.base_url else f"{base}#{model}"
    return Endpoint(name, kind, base, model, provider.key_variable)


def _at_address(text: str, environment: Mapping[str, str]) -> Endpoint:
    base_text, _, model = text.partition("#")
    try:
        parts = urlsplit(base_text)
    except ValueError:
        raise UsageError("is no address", where=_shown(text), hint=f"write {FORMS}") from None
    if scrub(model) != model:
        raise _secret(parts, _shown(text), OWN_KEY)
    base = _address(parts, _shown(text), OWN_KEY)
    host = urlsplit(base).hostname
    kind = next((k for k, p in PROVIDERS.items() if not _is_local(k) and urlsplit(p.base_url).hostname == host), "http")
    variable = OWN_KEY if kind == "http" or environment.get(OWN_KEY, "").strip() else PROVIDERS[kind].key_variable
    model = model.strip()
    return Endpoint(f"{base}#{model}" if model else base, kind, base, model, variable)


def _address(parts: SplitResult, where: str, key_variable: str) -> str:
    """The address of a chat API in one spelling, after it was checked."""
    if "@" in parts.netloc or scrub(f"?{parts.query}") != f"?{parts.query}":
        raise _secret(parts, where, key_variable)
    try:
        port, host = parts.port, parts.hostname
    except ValueError:
        raise UsageError("has a port that is no number from 0 to 65535", where=where, hint=f"write {FORMS}") from None
    if parts.scheme not in ("http", "https") or not host or " " in parts.netloc + parts.path:
        raise UsageError("is no address", where=where, hint="write http://HOST:PORT/v1, or https://…")
    if parts.query or parts.fragment:
        raise UsageError("has a part that a chat server's address has not", where=where, hint="end it after its path")
    path = re.sub(r"(/chat)?(/completions|/models)?$", "", parts.path.rstrip("/"))
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port is None or (parts.scheme, port) in (("http", 80), ("https", 443)) else f":{port}"
    return f"{parts.scheme}://{shown_host}{shown_port}{path or '/v1'}"


def _ollama_address(given: str) -> str:
    """OLLAMA_HOST as an address: it may lack scheme and port, and name the address that the server listens on."""
    scheme, mark, rest = given.rpartition("://")
    parts = urlsplit(f"//{rest}")
    if "@" in parts.netloc or parts.query:
        return f"http://{rest}"  # refused by whoever reads it
    said = parts.hostname or ""
    host = "localhost" if said in ("", "0.0.0.0", "::", "127.0.0.1") else f"[{said}]" if ":" in said else said
    port = parts.port or (None if mark else 11434)
    return f"{scheme or 'http'}://{host}{f':{port}' if port else ''}{parts.path}"


def _unknown(text: str, before: str) -> UsageError:
    where = _shown(text)
    if re.match(r"(?:localhost|\d+\.\d+\.\d+\.\d+):\d+|[\w.-]+:\d{4,5}(?:[/#]|$)", text):
        return UsageError("is an address without http://", where=where, hint=f"write http://{where}")
    if before:
        return UsageError(f"'{_shown(before)}' is no server that is known", where=where, hint=f"write {FORMS}")
    return UsageError("does not say which server has the model", where=where, hint=f"write {FORMS}")


def _secret(parts: SplitResult, where: str, key_variable: str) -> UsageError:
    """A refusal that does not say the secret again."""
    if "://" in where:
        where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return UsageError("holds a key or a password", where=where, hint=f"put it into the environment: {key_variable}=…")


def _shown(text: str) -> str:
    clean = scrub("".join(c if c.isprintable() else " " for c in text))
    return clean if len(clean) <= 80 else f"{clean[:79]}…"


def _is_local(kind: str) -> bool:
    return PROVIDERS[kind].key_variable == OWN_KEY


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_near(host: str) -> bool:
    if _is_loopback(host) or not {".", ":"} & set(host):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host.endswith((".local", ".lan", ".internal", ".home.arpa"))
