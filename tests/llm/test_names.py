"""Model strings: what they mean, which key they take, and that no secret is said again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.errors import UsageError
from ruler.llm.names import PROVIDERS, key_of, parse_model, scrub

SECRET = "s3cret-value"


@pytest.mark.parametrize(
    ("text", "name", "provider", "base_url", "model", "key_variable"),
    [
        (
            "openai:gpt-5-mini",
            "openai:gpt-5-mini",
            "openai",
            "https://api.openai.com/v1",
            "gpt-5-mini",
            "OPENAI_API_KEY",
        ),
        (" OpenAI: gpt-5 ", "openai:gpt-5", "openai", "https://api.openai.com/v1", "gpt-5", "OPENAI_API_KEY"),
        ("ollama:qwen3-vl", "ollama:qwen3-vl", "ollama", "http://localhost:11434/v1", "qwen3-vl", "RULER_API_KEY"),
        ("ollama:qwen3:8b", "ollama:qwen3:8b", "ollama", "http://localhost:11434/v1", "qwen3:8b", "RULER_API_KEY"),
        (
            "openrouter:qwen/qwen3:free",
            "openrouter:qwen/qwen3:free",
            "openrouter",
            "https://openrouter.ai/api/v1",
            "qwen/qwen3:free",
            "OPENROUTER_API_KEY",
        ),
        ("groq:llama", "groq:llama", "groq", "https://api.groq.com/openai/v1", "llama", "GROQ_API_KEY"),
        ("together:a/b", "together:a/b", "together", "https://api.together.xyz/v1", "a/b", "TOGETHER_API_KEY"),
        ("vllm:q", "vllm:q", "vllm", "http://localhost:8000/v1", "q", "RULER_API_KEY"),
        ("lmstudio:q", "lmstudio:q", "lmstudio", "http://localhost:1234/v1", "q", "RULER_API_KEY"),
        ("llamacpp:q", "llamacpp:q", "llamacpp", "http://localhost:8080/v1", "q", "RULER_API_KEY"),
        ("sglang:q", "sglang:q", "sglang", "http://localhost:30000/v1", "q", "RULER_API_KEY"),
    ],
)
def test_short_names(text, name, provider, base_url, model, key_variable):
    endpoint = parse_model(text, {})
    assert endpoint.name == name
    assert (endpoint.provider, endpoint.base_url, endpoint.model) == (provider, base_url, model)
    assert endpoint.key_variable == key_variable


@pytest.mark.parametrize(
    ("text", "base_url", "model"),
    [
        ("http://localhost:8000/v1#qwen3-vl", "http://localhost:8000/v1", "qwen3-vl"),
        ("https://box.lan/v1/#Qwen/Qwen3-VL:latest", "https://box.lan/v1", "Qwen/Qwen3-VL:latest"),
        ("HTTP://LocalHost:8000#a b", "http://localhost:8000/v1", "a b"),
        ("http://localhost:8000", "http://localhost:8000/v1", ""),
        ("http://localhost:80/v1/chat/completions#m", "http://localhost/v1", "m"),
        ("https://host.lan:443/api/openai/v1#m", "https://host.lan/api/openai/v1", "m"),
        ("http://[::1]:8000/v1#m", "http://[::1]:8000/v1", "m"),
        ("http://localhost:8000/v1#org/model@main", "http://localhost:8000/v1", "org/model@main"),
    ],
)
def test_addresses_in_one_spelling(text, base_url, model):
    endpoint = parse_model(text, {})
    assert (endpoint.base_url, endpoint.model, endpoint.provider) == (base_url, model, "http")
    assert endpoint.name == (f"{base_url}#{model}" if model else base_url)
    assert parse_model(endpoint.name, {}) == endpoint


def test_a_model_found_later_gives_the_name_it_would_have_had():
    late = parse_model("http://localhost:8000/v1", {}).with_model("qwen3-vl")
    assert late == parse_model("http://localhost:8000/v1#qwen3-vl", {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("gpt-5-mini", "does not say which server"),
        ("openai:", "names no model"),
        ("llamacpp: ", "http://localhost:8080/v1"),
        ("qwen3-vl:8b", "'qwen3-vl' is no server that is known"),
        ("ftp://host/v1#m", "'ftp' is no server"),
        ("localhost:8000/v1#m", "write http://localhost:8000/v1#m"),
        ("gpu-box:8000", "write http://gpu-box:8000"),
        ("http:host", "is no address"),
        ("http://", "is no address"),
        ("http://[::1/v1#m", "is no address"),
        ("http://a b/v1#m", "is no address"),
        ("http://host:99999/v1#m", "port"),
        ("http://host/v1?version=1#m", "end it after its path"),
        ("openai:gpt\n5", "control characters"),
        ("hf:Qwen/Qwen3-VL-4B-Instruct", "extra 'local', which is not built in this version"),
    ],
)
def test_wrong_strings_are_told_in_one_line(text, says):
    with pytest.raises(UsageError) as caught:
        parse_model(text, {})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "gpt-5-mini", "azure:gpt-5"])
def test_the_hint_lists_the_forms(text):
    with pytest.raises(UsageError) as caught:
        parse_model(text, {})
    said = caught.value.hint or ""
    assert "http://localhost:8000/v1#NAME" in said
    assert all(f"{kind}:NAME" in said for kind in PROVIDERS)


@pytest.mark.parametrize(
    "text",
    [
        f"http://user:{SECRET}@host/v1#m",
        f"https://{SECRET}@host/v1#m",
        f"https://host/v1?api_key={SECRET}#m",
        f"https://host/v1?model=a&access_token={SECRET}",
        f"https://host/v1#m?api-key={SECRET}",
        f"http://user:{SECRET}#x@host/v1",
        f"http://user:{SECRET}/x@host/v1#m",
        f"openai:sk-{SECRET}-0123456789",
        f"sk-{SECRET}-0123456789",
    ],
)
def test_secrets_in_a_model_string_are_refused_and_not_said_again(text):
    with pytest.raises(UsageError) as caught:
        parse_model(text, {})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", [f"http://user:{SECRET}@host/v1#m", f"https://host/v1?api_key={SECRET}#m"])
def test_the_refusal_says_where_the_key_belongs(text):
    with pytest.raises(UsageError, match="RULER_API_KEY"):
        parse_model(text, {})


@pytest.mark.parametrize(
    ("given", "base_url"),
    [
        ("http://127.0.0.1:9000/v1/", "http://127.0.0.1:9000/v1"),
        ("https://gateway.example.com/openai", "https://gateway.example.com/openai"),
    ],
)
def test_openai_may_stand_elsewhere(given, base_url):
    endpoint = parse_model("openai:gpt-5-mini", {"OPENAI_BASE_URL": given})
    assert endpoint.base_url == base_url
    # Another server's replies must not be taken for those of OpenAI.
    assert endpoint.name == f"{base_url}#gpt-5-mini"
    assert endpoint.key_variable == "OPENAI_API_KEY"


@pytest.mark.parametrize(
    ("given", "base_url"),
    [
        ("", "http://localhost:11434/v1"),
        ("0.0.0.0", "http://localhost:11434/v1"),
        ("127.0.0.1:11434", "http://localhost:11434/v1"),
        (":9999", "http://localhost:9999/v1"),
        ("gpu-box", "http://gpu-box:11434/v1"),
        ("gpu-box:80", "http://gpu-box/v1"),
        ("http://gpu-box:9999/", "http://gpu-box:9999/v1"),
        ("https://ollama.example.com", "https://ollama.example.com/v1"),
        ("[::]:7000", "http://localhost:7000/v1"),
        ("[fd00::1]:7000", "http://[fd00::1]:7000/v1"),
    ],
)
def test_ollama_may_stand_elsewhere(given, base_url):
    assert parse_model("ollama:q", {"OLLAMA_HOST": given}).base_url == base_url


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OLLAMA_HOST"])
@pytest.mark.parametrize("given", [f"http://user:{SECRET}@host", f"http://host/v1?api_key={SECRET}", "http://[::1"])
def test_a_wrong_address_in_the_environment_is_named_by_its_variable(variable, given):
    kind = "openai" if variable == "OPENAI_BASE_URL" else "ollama"
    with pytest.raises(UsageError) as caught:
        parse_model(f"{kind}:m", {variable: given})
    assert variable in str(caught.value)
    assert SECRET not in str(caught.value)


def test_keys_are_the_providers_own():
    environment = {"OPENAI_API_KEY": "key-of-openai", "RULER_API_KEY": "key-of-ruler"}
    assert key_of(parse_model("openai:gpt-5-mini", environment), environment) == "key-of-openai"
    assert key_of(parse_model("https://host.example.com/v1#m", environment), environment) == "key-of-ruler"
    assert key_of(parse_model("vllm:m", environment), environment) == "key-of-ruler"


def test_the_address_of_a_provider_takes_its_key_unless_there_is_one_for_addresses():
    text = "https://api.openai.com/v1#gpt-5-mini"
    environment = {"OPENAI_API_KEY": "key-of-openai"}
    assert key_of(parse_model(text, environment), environment) == "key-of-openai"
    environment |= {"RULER_API_KEY": "key-of-ruler"}
    assert key_of(parse_model(text, environment), environment) == "key-of-ruler"


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:8000/v1#m",
        "http://127.0.0.2:1/v1#m",
        "http://[::1]/v1#m",
        "http://10.1.2.3:8000/v1#m",
        "http://gpu-box:8000/v1#m",
        "http://gpu.lan/v1#m",
        "http://host.docker.internal:8000/v1#m",
        "ollama:q",
    ],
)
def test_servers_nearby_need_no_key(text):
    assert key_of(parse_model(text, {}), {}) == ""


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("openai:gpt-5-mini", "OPENAI_API_KEY"),
        ("openrouter:a/b", "OPENROUTER_API_KEY"),
        ("groq:a", "GROQ_API_KEY"),
        ("together:a", "TOGETHER_API_KEY"),
        ("https://llm.example.com/v1#m", "RULER_API_KEY"),
        ("http://8.8.8.8/v1#m", "RULER_API_KEY"),
    ],
)
def test_a_missing_key_of_a_remote_server_is_named(text, variable):
    for environment in ({}, {variable: "  "}):
        with pytest.raises(UsageError, match=variable) as caught:
            key_of(parse_model(text, environment), environment)
        assert "not set" in str(caught.value)


def test_a_key_that_no_header_can_hold_is_refused_and_not_said():
    for key in (f"{SECRET} twice", f"{SECRET}\nX: y", f"{SECRET}ß"):
        environment = {"OPENAI_API_KEY": key}
        with pytest.raises(UsageError, match="OPENAI_API_KEY") as caught:
            key_of(parse_model("openai:m", environment), environment)
        assert SECRET not in str(caught.value)


def test_a_line_break_after_a_key_is_no_part_of_it():
    environment = {"OPENAI_API_KEY": "key\r\n"}
    assert key_of(parse_model("openai:m", environment), environment) == "key"


def test_scrub_blanks_what_looks_like_a_key():
    text = f"key sk-proj-{SECRET}, Authorization: Bearer {SECRET}, http://u:{SECRET}@h/?token={SECRET} gsk_{SECRET}"
    assert SECRET not in scrub(text)
    assert scrub(f"you sent {SECRET}!", SECRET) == "you sent ***!"


def test_scrub_leaves_words_alone():
    text = "the task-force asked for Qwen/Qwen3-VL at http://localhost:8000/v1"
    assert scrub(text) == text
    # A short word taken as a key is blanked as a word, not within others.
    assert scrub("none of the nonesuch", "none") == "*** of the nonesuch"


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused(text):
    try:
        endpoint = parse_model(text, {})
    except UsageError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert endpoint.base_url.startswith(("http://", "https://"))


@given(st.text("abc:/@#?=[]. 019-\\%", max_size=30))
def test_any_address_is_understood_or_refused(rest):
    try:
        endpoint = parse_model(f"http://{rest}", {})
    except UsageError:
        return
    assert parse_model(endpoint.name, {}) == endpoint
