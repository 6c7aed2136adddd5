"""What was asked of a run: no secret is kept, and differences are said in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.rundir import RunFolder
from ruler.rundir.command import differences, normalised
from ruler.schema import CameraState

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "command",
    [
        {"llm": {"api_key": "s3cret-value"}},
        {"llm": {"headers": {"Authorization": "Bearer s3cret-value"}}},
        {"password": ["s3cret-value"]},
        {"inputs": ["rtsp://admin:s3cret-value@10.0.0.7/stream"]},
        {"vlm": "http://s3cret-value@localhost:8000/v1#name"},
        {"vlm": "https://host/v1?model=a&api_key=s3cret-value#name"},
        {"note": "uses sk-s3cret-value-0123456789"},
        {"inputs": [Path("http:/x")], "access_token": "s3cret-value"},
    ],
)
def test_no_secret_is_written(tmp_path, command):
    with RunFolder.open(tmp_path / "x", command) as run:
        run.video_folder("a", "rtsp://admin:s3cret-value@10.0.0.7/stream")
    written = (tmp_path / "x" / "run.json").read_text()
    assert "s3cret-value" not in written
    assert "***" in written


def test_what_is_no_secret_stays():
    command = {
        "max_tokens": 300,
        "prompt_tokens": 7,
        "vlm": "http://localhost:8000/v1#qwen",
        "api_key": None,
        "path": "a@b",
    }
    assert normalised(command) == command


def test_another_key_is_the_same_command():
    assert differences(normalised({"api_key": "one"}), normalised({"api_key": "two"})) == ""


@given(st.dictionaries(st.text(), plain, max_size=4))
def test_a_command_is_itself_again_after_writing(command):
    once = normalised(command)
    assert differences(once, json.loads(json.dumps(once, allow_nan=False))) == ""
    assert normalised(once) == once


def test_differences_name_the_setting():
    old = normalised({"a": {"b": [1, 2], "c": CameraState.OK}, "d": (1,), "same": 0})
    assert differences(old, old) == ""
    assert differences(old, normalised({**old, "same": 1})) == "same was 0, now 1"
    assert differences(old, {"same": 0}) == (
        'a.b[0] was 1, now not set; a.b[1] was 2, now not set; a.c was "ok", now not set; and 1 more'
    )
