"""Prices by name, and the most a request can take: bounds that hold for every text and picture."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from ruler.assets import asset
from ruler.errors import UsageError
from ruler.llm.base import Image, Message, Request, Schema
from ruler.llm.prices import Price, Prices, upper_bound


def request(text="What is seen?", max_tokens=100, images=(), **options):
    return Request((Message("user", text, tuple(images)),), max_tokens=max_tokens, **options)


def picture(width, height, kind="JPEG"):
    data = io.BytesIO()
    Pillow.new("RGB", (width, height)).save(data, kind)
    return Image(data.getvalue(), f"image/{kind.lower()}")


# --- bounds ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.text(st.characters(exclude_categories=())), min_size=1, max_size=4), st.integers(1, 5000))
def test_text_is_never_more_tokens_than_bytes(texts, max_tokens):
    asked = Request(tuple(Message("user", text) for text in texts), max_tokens=max_tokens)
    most = upper_bound(asked)
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    assert size + 4 * len(texts) < most.prompt <= size + 16 * len(texts) + 128
    assert most.completion == max_tokens
    assert most.estimated


def test_a_format_counts():
    content = {"type": "object", "properties": {"verdict": {"type": "string", "description": "x" * 500}}}
    with_format = upper_bound(request(schema=Schema("verdict", content))).prompt
    assert with_format - upper_bound(request()).prompt > 560


def tiles(width, height, base, tile):
    """Tokens of a picture by the published rule of tiles: into 2048 × 2048, then the shorter side to 768."""
    shrink = min(1, 2048 / max(width, height))
    shrink *= min(1, 768 / (min(width, height) * shrink))
    across, down = (-(-side * shrink // 512) for side in (width, height))
    return base + tile * int(across * down)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    "size", [(1, 1), (64, 48), (640, 360), (768, 768), (1280, 720), (1920, 1080), (2500, 16), (3840, 2160)]
)
def test_a_picture_is_bounded_by_its_size(size, kind):
    width, height = size
    most = upper_bound(request(images=[picture(width, height, kind)])).prompt - upper_bound(request()).prompt
    assert most >= -(-width // 14) * -(-height // 14)
    assert most >= -(-width // 28) * -(-height // 28)
    assert most >= tiles(width, height, 85, 170)
    assert most >= min(1536, -(-width // 32) * -(-height // 32)) * 2.46
    assert most >= 12 * 256 + 256, "what open models make of any picture that they cut into 12 tiles"
    assert most < 4000 + width * height / 100, "a bound that is far too high lets nobody work"


def test_a_picture_by_its_price():
    price = Price(input=1, output=1, image_tokens=765)
    images = [picture(3000, 2000), Image(b"no picture")]
    most = upper_bound(request(images=images), price).prompt - upper_bound(request(), price).prompt
    assert 2 * 765 < most <= 2 * (765 + 16)


def test_a_picture_nobody_can_read_counts_as_text():
    data = b"\xff\xd8\xff no picture" * 5000
    most = upper_bound(request(images=[Image(data)])).prompt
    assert most >= len(data) * 4 / 3


@pytest.mark.parametrize(
    ("model", "rule_of_tiles"),
    [("openai:gpt-4o", (85, 170)), ("openai:gpt-4o-mini", (2833, 5667)), ("openai:gpt-5", (70, 140))],
)
@given(width=st.integers(1, 5000), height=st.integers(1, 5000))
def test_shipped_picture_tokens_hold_for_every_size(model, rule_of_tiles, width, height):
    assert tiles(width, height, *rule_of_tiles) <= SHIPPED.of(model).image_tokens


# --- prices ---------------------------------------------------------------------------------------------------------

SHIPPED = Prices.load()


def test_the_shipped_table():
    assert "date: 2026-11" in asset("configs", "prices.yaml")
    mini = SHIPPED.of("openai:gpt-4o-mini")
    assert (mini.input, mini.output) == (0.15, 0.6)
    assert SHIPPED.of("openai:gpt-4o").input == SHIPPED.of("openai:gpt-4o-2024-08-06").input == 2.5
    assert SHIPPED.of("openai:gpt-4o-2024-05-13").input == 5.0
    assert SHIPPED.of("openai:gpt-5-mini-2025-08-07") == SHIPPED.of("openai:gpt-5-mini")
    assert SHIPPED.of("https://api.openai.com/v1#gpt-4.1") == SHIPPED.of("openai:gpt-4.1")
    assert SHIPPED.of("https://api.openai.com/v1#gpt-4.1-2025-04-14") == SHIPPED.of("openai:gpt-4.1")
    paid = [price for model, price in SHIPPED.entries.items() if model.startswith("openai:")]
    assert len(paid) > 15
    assert all(0 < price.input < price.output for price in paid)


@pytest.mark.parametrize(
    "model",
    [
        "ollama:qwen3-vl",
        "hf:Qwen/Qwen3-VL-4B-Instruct",
        "replay:demo.jsonl",
        "http://localhost:8000/v1#qwen",
        "http://localhost/v1#qwen",
        "http://127.0.0.1:8080/v1",
        "http://[::1]:8000/v1#qwen",
    ],
)
def test_what_runs_here_costs_nothing(model):
    price = SHIPPED.of(model)
    assert (price.input, price.output) == (0, 0)


@pytest.mark.parametrize(
    "model",
    [
        "openai:gpt-99",
        "openai:gpt-4o-audio-preview",
        "openai:gpt-4",
        "https://example.com/v1#gpt-4o",
        "http://localhost.example.com/v1#qwen",
        "http://127.0.0.1.example.com:80/v1#qwen",
        "http://192.168.1.5:8000/v1#qwen",
        "OPENAI:gpt-4o",
        "",
    ],
)
def test_nothing_is_known_of_others(model):
    assert SHIPPED.of(model) is None


def test_the_longest_entry_wins():
    def priced(number):
        return Price(input=number, output=number)

    prices = Prices(
        {
            "m:*": priced(1.0),
            "m:big-*": priced(2.0),
            "m:big-one": priced(3.0),
            "m:b[gi]*": priced(4.0),
            "m:big-2026-*": priced(5.0),
            "m:old*": priced(6.0),
            "m:ol?*": priced(7.0),
        }
    )
    told = {
        "m:x": 1,
        "m:big-two": 4,
        "m:big-one": 3,
        "m:big-one-2026-01-01": 3,
        "m:big-2026-01-01": 5,
        "m:bg": 4,
        "m:older": 7,
    }
    assert {model: prices.of(model).input for model in told} == told
    assert prices.of("x:m:big-one") is None


def test_a_file_is_laid_over_the_shipped_one(tmp_path):
    file = tmp_path / "prices.yaml"
    file.write_text(
        "models:\n"
        "  openai:gpt-4o: {input: 1, output: 2.5}\n"
        "  https://example.com/v1#llava: {input: 0.5, output: 0.5, image_tokens: 576}\n"
    )
    prices = Prices.load(file)
    assert prices.of("openai:gpt-4o") == Price(input=1.0, output=2.5)
    assert prices.of("https://example.com/v1#llava").image_tokens == 576
    assert prices.of("openai:gpt-4o-mini") == SHIPPED.of("openai:gpt-4o-mini")
    file.write_text("")
    with pytest.raises(UsageError, match="models: is missing"):
        Prices.load(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("models:\n  m: {input: 1, output: 1, imput: 1}\n", "models, m, imput: is no key"),
        ("models:\n  m: {input: 1}\n", "models, m, output: is missing"),
        ("models:\n  m: {input: -1, output: 1}\n", "models, m, input: "),
        ("models:\n  m: {input: .inf, output: 1}\n", "models, m, input: "),
        ("models:\n  m: {input: .nan, output: 1}\n", "models, m, input: "),
        ("models:\n  m: {input: '1', output: 1}\n", "models, m, input: "),
        ("models:\n  m: {input: true, output: 1}\n", "models, m, input: "),
        ("models:\n  m: {input: 1, output: 1, image_tokens: 0}\n", "models, m, image_tokens: "),
        ("models:\n  m: {input: 1, output: 1, image_tokens: 1.5}\n", "models, m, image_tokens: "),
        ("models:\n  m: 5\n", "models, m: is no price"),
        ("models:\n  5: {input: 1, output: 1}\n", "models, 5: "),
        ("models: [m]\n", "models: "),
        ("model: {}\nmodels: {}\n", "model: is no key"),
        ("just words\n", "is no price table"),
        ("models:\n  m: {input: 1, output: 1}\n  m: {input: 2, output: 2}\n", ":3: is not YAML, or has a key twice"),
        ("models: [\n", "is not YAML"),
        ("models: 2026-77-77\n", "is not YAML"),
        ("models: " + "[" * 600, "is not YAML"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, content, says):
    file = tmp_path / "mine.yaml"
    file.write_text(content)
    with pytest.raises(UsageError) as caught:
        Prices.load(file)
    said = str(caught.value)
    assert "mine.yaml" in said
    assert says in said
    assert "write models: {" in said


def test_a_file_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(UsageError, match=r"cannot be read.*give --prices"):
            Prices.load(path)
    (tmp_path / "latin.yaml").write_bytes(b"models: {\xe9: {input: 1, output: 1}}")
    with pytest.raises(UsageError, match="not UTF-8"):
        Prices.load(tmp_path / "latin.yaml")
