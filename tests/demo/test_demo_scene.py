"""The drawn street: truth, captions, pictures and files agree with one another."""

import json
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from ruler.demo import DEMO_CLIPS, FRAME_RATE, describe, labels, render_clip, state_at, write_demo
from ruler.demo.camera import CAMERA
from ruler.demo.render import render_state
from ruler.errors import RunFolderError

CLIPS = {clip.name: clip for clip in DEMO_CLIPS}
EVENTS = CLIPS["test-events"]


def short(name, frames):
    return replace(CLIPS[name], frames=frames, events=tuple(e for e in CLIPS[name].events if e.end_frame <= frames))


def test_normal_footage_holds_no_anomaly_and_the_test_clip_holds_five_kinds():
    assert all(not clip.events for clip in DEMO_CLIPS if clip.kind == "normal")
    assert len({event.kind for event in EVENTS.events}) == 5
    assert not CLIPS["test-normal"].events


def test_events_are_inside_their_clip_and_leave_normal_frames_between_them():
    ends = [0]
    for event in EVENTS.events:
        assert ends[-1] < event.start_frame < event.end_frame <= EVENTS.frames
        ends.append(event.end_frame)
    marks = labels(EVENTS)
    assert marks.dtype == np.uint8
    assert marks.shape == (EVENTS.frames,)
    assert marks.sum() == sum(e.end_frame - e.start_frame for e in EVENTS.events)


@pytest.mark.parametrize("event", EVENTS.events, ids=lambda event: event.kind)
def test_an_event_begins_and_ends_where_its_actor_is_amiss(event):
    def amiss(frame):
        return any(a.amiss and a.visible and a.actor.anomaly == event.kind for a in state_at(EVENTS, frame).actors)

    assert amiss(event.start_frame)
    assert amiss(event.end_frame - 1)
    assert not amiss(event.start_frame - 1)
    assert event.end_frame == EVENTS.frames or not amiss(event.end_frame)


WORDS = {
    "person running": "running",
    "cyclist": "riding a bicycle",
    "person lying on the ground": "lying on the ground",
    "vehicle": "van is driving along the pavement",
    "person walking on the road": "in the middle of the road",
}


@pytest.mark.parametrize("event", EVENTS.events, ids=lambda event: event.kind)
def test_a_caption_says_what_is_amiss(event):
    middle = (event.start_frame + event.end_frame) // 2
    assert WORDS[event.kind] in describe(state_at(EVENTS, middle))


def test_captions_of_normal_footage_say_nothing_that_is_amiss():
    for clip in DEMO_CLIPS:
        if not clip.events:
            for frame in range(0, clip.frames, 5):
                caption = describe(state_at(clip, frame))
                assert not any(word in caption for word in WORDS.values()), (clip.name, frame, caption)


def test_a_caption_counts_the_people_it_names():
    numbers = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    for frame in range(0, EVENTS.frames, 25):
        caption = describe(state_at(EVENTS, frame))
        told = caption.split()[2]
        named = caption.split(". Other than")[0].count(" is ") - caption.count("van is") - (told == "one")
        assert named == numbers.index(told) or told == "no", caption


def test_people_get_smaller_with_distance():
    feet, depth = CAMERA.project([(8.0, 9.0, 0.0), (40.0, 9.0, 0.0)])
    heads, _ = CAMERA.project([(8.0, 9.0, 1.75), (40.0, 9.0, 1.75)])
    tall = feet[:, 1] - heads[:, 1]
    assert depth[0] < depth[1]
    assert tall[0] > 2 * tall[1]
    assert feet[0, 1] > feet[1, 1]


def test_the_same_clip_gives_the_same_pictures():
    clip = short("normal-1", 3)
    first, second = list(render_clip(clip)), list(render_clip(clip))
    assert all(picture.shape == (CAMERA.height, CAMERA.width, 3) and picture.dtype == np.uint8 for picture in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    other = next(iter(render_clip(short("normal-2", 1))))
    assert not np.array_equal(first[0], other)


@pytest.mark.parametrize("event", EVENTS.events, ids=lambda event: event.kind)
def test_the_actor_is_drawn_inside_its_box(event):
    """Against the picture without the actor: what differs lies in the box, its shadow's margin, or is noise."""
    frame = (event.start_frame + event.end_frame) // 2
    state = state_at(EVENTS, frame)
    actor = next(a for a in state.actors if a.amiss)
    without = replace(state, actors=tuple(a for a in state.actors if a is not actor))
    drawn = render_state(state, np.random.default_rng(0)).astype(int)
    bare = render_state(without, np.random.default_rng(0)).astype(int)
    changed = np.abs(drawn - bare).max(axis=2) > 40
    ys, xs = np.nonzero(changed)
    box = actor.box
    inside = (xs >= box.x - 3) & (xs <= box.x + box.w + 3) & (ys >= box.y - 3) & (ys <= box.y + box.h + 3)
    assert changed.sum() > 0.1 * box.w * box.h
    assert inside.mean() > 0.8


def test_files_hold_what_was_drawn_and_are_not_drawn_again(tmp_path):
    clips = [short("normal-1", 6), short("test-normal", 5)]
    seen = []
    files = write_demo(tmp_path, lambda name, done, total: seen.append((name, done, total)), clips=clips, workers=1)
    assert sorted(seen) == [("normal-1", 6, 11), ("test-normal", 11, 11)]
    with av.open(str(files.normal[0])) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (640, 360, Fraction(FRAME_RATE))
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    drawn = list(render_clip(clips[0]))
    assert len(pictures) == 6
    assert np.abs(pictures[3].astype(int) - drawn[3]).mean() < 6
    assert len(files.captions["normal-1"].read_text().splitlines()) == 6
    assert np.load(files.labels["test-normal"]).tolist() == [0] * 5
    assert "normal-1" not in files.labels
    truth = json.loads(files.truth.read_text())
    assert [(clip["name"], clip["frames"]) for clip in truth["clips"]] == [("normal-1", 6), ("test-normal", 5)]

    before = files.normal[0].stat().st_mtime_ns
    files.test[0].unlink()
    seen.clear()
    write_demo(tmp_path, lambda name, done, total: seen.append((name, done, total)), clips=clips, workers=1)
    assert seen == [("test-normal", 11, 11)]
    assert files.normal[0].stat().st_mtime_ns == before
    assert not list(tmp_path.rglob("*part*"))


def test_files_of_other_clips_under_the_same_name_are_replaced(tmp_path):
    files = write_demo(tmp_path, clips=[short("test-normal", 3)], workers=1)
    write_demo(tmp_path, clips=[short("test-normal", 4)], workers=1)
    assert len(files.captions["test-normal"].read_text().splitlines()) == 4
    assert len(np.load(files.labels["test-normal"])) == 4
    with av.open(str(files.test[0])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 4


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(RunFolderError, match="choose another folder"):
        write_demo(tmp_path / "taken", clips=[short("normal-1", 1)], workers=1)
