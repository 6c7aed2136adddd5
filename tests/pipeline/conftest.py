"""Fixtures of the stages together: captions of a scene in words."""

import pytest

from tests.pipeline.scripted_scene import CLIMB, SLIP, TALK, WALK


@pytest.fixture
def captions(tmp_path):
    """Normal captions of four videos, and a test video of which a third shows a climber."""
    normal, test = tmp_path / "normal", tmp_path / "test"
    normal.mkdir()
    test.mkdir()
    for n in range(4):
        (normal / f"n{n}.txt").write_text("\n".join([WALK, TALK, WALK, SLIP] * 20) + "\n")
    (test / "a.txt").write_text("\n".join([WALK] * 30 + [CLIMB] * 30 + [TALK] * 30) + "\n")
    return normal, test
