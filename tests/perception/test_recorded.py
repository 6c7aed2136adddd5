"""Recorded perception: what files say, line by line, and what they become."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.errors import RecordError
from ruler.perception.recorded import (
    CAPTION_SUFFIXES,
    MOT_SUFFIXES,
    RecordedPerceiver,
    find_record,
    merge_observations,
    read_captions,
    read_mot,
    record_names,
)
from ruler.schema import Box, CameraState, Observation, TrackedObject, VideoInfo


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def video(name: str = "01", frames: int | None = None, frame_rate: float = 10.0) -> VideoInfo:
    return VideoInfo(name, f"{name}.mp4", 320, 240, frame_rate, True, frames)


def walk(frames: range, track: int, x: float = 10.0, step: float = 2.0) -> str:
    return "".join(f"{f},{track},{x + step * i:g},20,10,30,1,-1,-1,-1\n" for i, f in enumerate(frames))


class TestCaptions:
    def test_one_line_per_frame_and_an_empty_line_is_no_caption(self, tmp_path):
        lines = read_captions(write(tmp_path / "a.txt", "One.\n\n  Three. \nFour"))
        assert [(c.frame, c.caption, c.line) for c in lines] == [
            (0, "One.", 1),
            (1, None, 2),
            (2, "Three.", 3),
            (3, "Four", 4),
        ]

    def test_byte_order_mark_and_windows_line_ends(self, tmp_path):
        lines = read_captions(write(tmp_path / "a.TXT", b"\xef\xbb\xbfCaf\xc3\xa9\r\n\r\nx\r\n"))
        assert [c.caption for c in lines] == ["Café", None, "x"]

    @given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])), min_size=1))
    def test_any_text_without_line_ends_keeps_its_frame(self, tmp_path_factory, rows):
        path = write(tmp_path_factory.mktemp("t") / "a.txt", "\n".join(rows) + "\n")
        assert [c.caption or "" for c in read_captions(path)][1:] == [r.strip() for r in rows][1:]

    def test_json_lines_are_sorted_and_may_leave_frames_out(self, tmp_path):
        rows = [{"frame": 30, "caption": "b", "time": 1.5, "objects": []}, {"frame": 2, "caption": None}]
        lines = read_captions(write(tmp_path / "a.jsonl", "\n\n".join(map(json.dumps, rows)) + "\r\n"))
        assert [(c.frame, c.caption, c.time, c.line) for c in lines] == [(2, None, None, 3), (30, "b", 1.5, 1)]

    @pytest.mark.parametrize("torn", [b'{"frame": 1, "capt', b'{"frame": 1, "caption": "caf\xc3', b"{"])
    def test_a_torn_last_line_is_dropped(self, tmp_path, torn):
        path = write(tmp_path / "a.jsonl", b'{"frame": 0, "caption": "a"}\n' + torn)
        assert [c.frame for c in read_captions(path)] == [0]

    def test_a_whole_last_line_without_line_end_is_kept(self, tmp_path):
        path = write(tmp_path / "a.jsonl", '{"frame": 0, "caption": "a"}\n{"frame": 1, "caption": "b"}')
        assert [c.frame for c in read_captions(path)] == [0, 1]

    @pytest.mark.parametrize(
        ("content", "line", "says"),
        [
            ('{"frame": 0, "caption": "a"}\n{"frame": 1, "capt\n', 2, "JSON"),
            ('{"frame": 0, "caption": "a"}\n{"frame": 0, "caption": "b"}\n', 2, "in line 1"),
            ('{"frame": -1, "caption": "a"}\n', 1, "frame is -1"),
            ('{"frame": 1.5, "caption": "a"}\n', 1, "frame is 1.5"),
            ('{"frame": true, "caption": "a"}\n', 1, "frame is true"),
            ('{"frame": 99999999999999, "caption": "a"}\n', 1, "frame is 99999999999999"),
            ('{"caption": "a"}\n', 1, "frame is null"),
            ('{"frame": 0}\n', 1, "caption is null"),
            ('{"frame": 0, "caption": ["a"]}\n', 1, 'caption is ["a"]'),
            ('{"frame": 0, "caption": "a", "time": NaN}\n', 1, "time is NaN"),
            ('{"frame": 0, "caption": "a", "time": -2}\n', 1, "time is -2"),
            ("\n[1]\n", 2, "not an object"),
            ("[" * 100_000 + "\n", 1, "JSON"),
            (b'\n\n{"frame": 0, "caption": "\xff"}\n', 3, "UTF-8"),
            (
                '{"frame": 4, "caption": "a", "time": 1}\n{"frame": 2, "caption": "a", "time": 1.5}\n',
                1,
                "not after frame 2",
            ),
        ],
    )
    def test_bad_json_lines_are_named(self, tmp_path, content, line, says):
        path = write(tmp_path / "a.jsonl", content)
        with pytest.raises(RecordError) as error:
            read_captions(path)
        assert error.value.where == f"{path}:{line}"
        assert says in str(error.value)

    def test_bad_utf8_is_named_by_its_line(self, tmp_path):
        path = write(tmp_path / "a.txt", b"one\ntwo\nthr\xe9e\n")
        with pytest.raises(RecordError, match=r"a\.txt:3: not UTF-8"):
            read_captions(path)

    @pytest.mark.parametrize(
        ("name", "content"), [("a.txt", ""), ("a.jsonl", "\n"), ("a.jsonl", '{"fr'), ("a.csv", "x"), ("b.txt", None)]
    )
    def test_files_without_captions_or_of_another_format(self, tmp_path, name, content):
        if content is not None:
            write(tmp_path / name, content)
        with pytest.raises(RecordError, match=name):
            read_captions(tmp_path / name)

    @pytest.mark.parametrize("count", [9, 11])
    def test_a_text_file_must_have_one_line_for_each_frame_of_the_video(self, tmp_path, count):
        path = write(tmp_path / "a.txt", "x\n" * count)
        with pytest.raises(RecordError, match=f"{count} lines for 10 frames"):
            read_captions(path, video(frames=10))
        assert len(read_captions(path, video(frames=count))) == len(read_captions(path, video())) == count

    def test_sparse_captions_need_not_reach_the_end_but_may_not_pass_it(self, tmp_path):
        path = write(tmp_path / "a.jsonl", '{"frame": 3, "caption": "a"}\n')
        assert read_captions(path, video(frames=4))
        with pytest.raises(RecordError, match=r"frame 3 is past the end.*3 frames"):
            read_captions(path, video(frames=3))


class TestMot:
    @pytest.mark.parametrize("separator", [",", " ", "\t", ", "])
    @pytest.mark.parametrize("columns", [6, 7, 10])
    def test_separators_and_columns(self, tmp_path, separator, columns):
        rows = [[2, 5, 1.5, -2, 3, 4, 0.5, -1, -1, -1], [1, 5, 1, 2, 3, 4, 0.25, -1, -1, -1]]
        text = "\n".join(separator.join(map(str, row[:columns])) for row in rows)
        table = read_mot(write(tmp_path / "a.txt", b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n\r\n"))
        assert table.frame.tolist() == [0, 1]
        assert table.id.tolist() == [5, 5]
        assert table.box.tolist() == [[1, 2, 3, 4], [1.5, -2, 3, 4]]
        assert table.score.tolist() == ([0.25, 0.5] if columns > 6 else [1, 1])
        assert table.frames == 2

    def test_an_empty_file_is_a_video_without_anybody(self, tmp_path):
        table = read_mot(write(tmp_path / "a.txt", "\n"))
        assert (len(table), table.frames, table.box.shape) == (0, 0, (0, 4))

    def test_ids_from_zero_are_moved_and_ids_of_detections_are_passed_over(self, tmp_path):
        path = write(tmp_path / "a.txt", "1,0,1,1,1,1\n1,1,5,5,1,1\n")
        assert read_mot(path).id.tolist() == [1, 2]
        assert read_mot(path, "detections").id.tolist() == [-1, -1]

    @pytest.mark.parametrize(
        ("row", "says"),
        [
            ("0,1,1,1,1,1", "frame 0"),
            ("1.5,1,1,1,1,1", "frame 1.5"),
            ("1e30,1,1,1,1,1", "frame 1e"),
            ("2,-1,1,1,1,1", "--detections"),
            ("2,1.5,1,1,1,1", "id 1.5"),
            ("2,1,nan,1,1,1", "the x is nan"),
            ("2,1,1,inf,1,1", "the y is inf"),
            ("2,1,1,1,0,1", "the width is 0"),
            ("2,1,1,1,1,-3", "the height is -3"),
            ("2,1,1,1,1,x", "'x' is not a number"),
            ("2,1,1,1,1,", "'' is not a number"),
            ("2,1,1,1,1", "5 columns"),
            ("2,1,1,1,1,\u0663\u00e9", "not a row of numbers"),
            ("1,1,9,9,1,1", "in frame 1 already"),
        ],
    )
    def test_bad_rows_are_named(self, tmp_path, row, says):
        path = write(tmp_path / "a.txt", f"1,1,1,1,1,1\n\n{row}\n3,1,1,1,1,1\n")
        with pytest.raises(RecordError) as error:
            read_mot(path)
        assert error.value.where == f"{path}:3"
        assert says in str(error.value)

    @pytest.mark.parametrize("columns", [5, 11])
    def test_too_few_and_too_many_columns(self, tmp_path, columns):
        with pytest.raises(RecordError, match=f"{columns} columns"):
            read_mot(write(tmp_path / "a.txt", ",".join("1" * columns) + "\n"))

    @given(st.lists(st.tuples(st.integers(1, 50), st.floats(-1e4, 1e4), st.floats(0.01, 1e4)), max_size=30))
    def test_what_is_written_is_read(self, tmp_path_factory, rows):
        text = "".join(f"{frame},-1,{x!r},{-x!r},{size!r},{size!r},1\n" for frame, x, size in rows)
        table = read_mot(write(tmp_path_factory.mktemp("m") / "a.txt", text), "detections")
        expected = sorted(rows, key=lambda r: r[0])
        assert table.frame.tolist() == [r[0] - 1 for r in expected]
        assert table.box.tolist() == [[x, -x, s, s] for _, x, s in expected]


class TestFind:
    def test_a_file_is_itself_and_a_folder_is_searched_by_name(self, tmp_path):
        one, two = write(tmp_path / "01.txt", "x"), write(tmp_path / "02.jsonl", "{}")
        assert find_record(one, "anything", CAPTION_SUFFIXES) == one
        assert find_record(tmp_path, "01", CAPTION_SUFFIXES) == one
        assert find_record(tmp_path, "02", CAPTION_SUFFIXES) == two
        with pytest.raises(RecordError, match=r"no 02\.txt for the video '02'.*holds 01"):
            find_record(tmp_path, "02", MOT_SUFFIXES)

    def test_two_records_of_one_video_are_refused(self, tmp_path):
        write(tmp_path / "01.txt", "x"), write(tmp_path / "01.jsonl", "{}")
        with pytest.raises(RecordError, match="both"):
            find_record(tmp_path, "01", CAPTION_SUFFIXES)

    @pytest.mark.parametrize("name", ["../01", "a/01", "..", ""])
    def test_a_name_does_not_lead_out_of_the_folder(self, tmp_path, name):
        write(tmp_path / "01.txt", "x"), (tmp_path / "in" / "a").mkdir(parents=True)
        with pytest.raises(RecordError):
            find_record(tmp_path / "in", name, MOT_SUFFIXES)

    def test_names_are_in_the_order_of_counting_without_hidden_files(self, tmp_path):
        for name in ("10.txt", "2.txt", "b_1.jsonl", "b_10.txt", "b_9.txt", "._2.txt", ".x.txt", "readme.md"):
            write(tmp_path / name, "x")
        assert record_names(tmp_path, CAPTION_SUFFIXES) == ["2", "10", "b_1", "b_9", "b_10"]
        assert record_names(tmp_path / "10.txt", CAPTION_SUFFIXES) == ["10"]

    def test_a_missing_place(self, tmp_path):
        for search in (lambda p: find_record(p, "a", MOT_SUFFIXES), lambda p: record_names(p, MOT_SUFFIXES)):
            with pytest.raises(RecordError, match="nowhere"):
                search(tmp_path / "nowhere")


class TestPerceiver:
    def test_captions_alone_without_a_video(self, tmp_path):
        perceiver = RecordedPerceiver(write(tmp_path / "a.txt", "one\n\nthree\n"))
        seen = list(perceiver.observe())
        assert [(o.frame, o.time, o.caption) for o in seen] == [(0, 0.0, "one"), (1, 0.04, None), (2, 0.08, "three")]
        assert all(o.sources == ("captions",) and not o.measures and not o.objects for o in seen)
        info = perceiver.describe()
        assert (info.name, info.frames, info.frame_rate, info.frame_rate_known) == ("a", 3, 25.0, False)

    def test_sparse_captions_alone_give_the_captioned_frames(self, tmp_path):
        perceiver = RecordedPerceiver(
            write(tmp_path / "a.jsonl", '{"frame": 8, "caption": "b"}\n{"frame": 4, "caption": "a"}\n')
        )
        assert [(o.frame, o.time) for o in perceiver.observe(video(frames=30))] == [(4, 0.4), (8, 0.8)]
        assert perceiver.describe().frames == 9

    def test_recorded_times_are_kept_and_interpolated(self, tmp_path):
        rows = '{"frame": 2, "caption": "a", "time": 1}\n{"frame": 4, "caption": "b", "time": 2}\n'
        tracks = write(tmp_path / "t.txt", walk(range(1, 7), 1))
        seen = list(RecordedPerceiver(write(tmp_path / "a.jsonl", rows), tracks, frame_rate=10).observe())
        assert [o.time for o in seen] == pytest.approx([0.8, 0.9, 1.0, 1.5, 2.0, 2.1])

    def test_sources_merge_per_frame_and_the_longest_counts(self, tmp_path):
        captions = write(tmp_path / "c" / "01.txt", "one\ntwo\n")
        tracks = write(tmp_path / "t" / "01.txt", walk(range(1, 21), 7))
        found = write(tmp_path / "d" / "01.txt", walk(range(5, 31), -1, x=200.0))
        perceiver = RecordedPerceiver(captions.parent, tracks.parent, found.parent, frame_rate=10)
        assert perceiver.names() == ["01"]
        seen = list(perceiver.observe(name="01"))
        assert [o.frame for o in seen] == list(range(30))
        assert [o.caption for o in seen[:3]] == ["one", "two", None]
        assert all(o.sources == ("captions", "tracks", "detections") for o in seen)
        assert [o.measures["objects"] for o in seen] == [1] * 4 + [2] * 16 + [1] * 10
        assert [o.track_id for o in seen[10].objects] == [7, 8]
        assert seen[0].objects[0].box == Box(10, 20, 10, 30)

    def test_measures_of_a_steady_walk(self, tmp_path):
        # 2 pixels a frame at 10 frames per second and a height of 30: 20 / 30 heights per second.
        perceiver = RecordedPerceiver(tracks=write(tmp_path / "01.txt", walk(range(1, 41), 1)), frame_rate=10)
        middle = list(perceiver.observe())[20].objects[0]
        assert middle.measures["speed"] == pytest.approx(2 / 3, rel=0.02)
        assert middle.measures["height"] == pytest.approx(30)
        assert all(np.isfinite(list(o.measures.values())).all() for seen in perceiver.observe() for o in seen.objects)

    def test_what_cannot_be_measured_is_absent(self, tmp_path):
        def measure(times, boxes):
            return {"speed": np.where(times > 0, 1.0, np.nan), "height": boxes[:, 3]}

        path = write(tmp_path / "01.txt", walk(range(1, 3), 1))
        seen = list(RecordedPerceiver(tracks=path, measure=measure).observe())
        assert [dict(o.objects[0].measures) for o in seen] == [{"height": 30}, {"speed": 1, "height": 30}]

    def test_detections_are_linked_and_unlinked_ones_stay_unmeasured(self, tmp_path):
        path = write(tmp_path / "01.txt", walk(range(1, 4), -1) + walk(range(1, 4), -1, x=200))

        def link(frames):
            assert [len(f.boxes) for f in frames] == [2, 2, 2]
            return [[1, -1] for _ in frames]

        seen = list(RecordedPerceiver(detections=path, link=link).observe())
        assert [[(o.track_id, bool(o.measures)) for o in s.objects] for s in seen] == [[(1, True), (-1, False)]] * 3

    def test_empty_tracks_of_a_known_video_are_frames_without_objects(self, tmp_path):
        path = write(tmp_path / "01.txt", "")
        assert [len(o.objects) for o in RecordedPerceiver(tracks=path).observe(video(frames=5))] == [0] * 5
        with pytest.raises(RecordError, match="no frame"):
            RecordedPerceiver(tracks=path).observe()

    def test_the_decoded_count_outranks_what_the_container_says(self, tmp_path):
        path = write(tmp_path / "01.txt", "x\n" * 8)
        assert len(list(RecordedPerceiver(path).observe(video(frames=9), 8))) == 8
        with pytest.raises(RecordError, match=r"01\.txt: 8 lines for 9 frames; write one line"):
            RecordedPerceiver(path).observe(video(frames=8), 9)

    def test_boxes_past_the_end_of_the_video(self, tmp_path):
        path = write(tmp_path / "01.txt", walk(range(1, 12), 1))
        assert len(list(RecordedPerceiver(tracks=path).observe(video(frames=11)))) == 11
        with pytest.raises(RecordError, match="frame 11, but the video has 10 frames"):
            RecordedPerceiver(tracks=path).observe(video(frames=10))

    def test_places_that_cannot_serve(self, tmp_path):
        with pytest.raises(RecordError, match="--captions"):
            RecordedPerceiver()
        with pytest.raises(RecordError, match="gone"):
            RecordedPerceiver(tmp_path / "gone")
        write(tmp_path / "c" / "01.txt", "x"), write(tmp_path / "t" / "02.txt", "")
        with pytest.raises(RecordError, match="needed"):
            RecordedPerceiver(tmp_path / "c").observe()
        with pytest.raises(RecordError, match="all sources"):
            RecordedPerceiver(tmp_path / "c", tmp_path / "t").names()
        with pytest.raises(RecordError, match=r"no 02\.txt or 02\.jsonl"):
            RecordedPerceiver(tmp_path / "c").observe(video("02"))

    def test_public_records_fit_their_videos(self, shared_data):
        root = shared_data / "shanghaitech"
        perceiver = RecordedPerceiver(root / "captions", root / "tracks" / "testing", frame_rate=24)
        names = perceiver.names()
        assert len(names) == 54
        for name in names[::9]:
            frames = len(np.load(root / "labels" / f"{name}.npy"))
            seen = list(perceiver.observe(video(name), frames))
            assert len(seen) == frames
            assert any("speed" in o.measures for s in seen for o in s.objects)
            assert all(s.caption for s in seen)


def thing(track: int, label: str = "object") -> TrackedObject:
    return TrackedObject(track, Box(0, 0, 1, 1), label)


class TestMerge:
    motion = Observation(
        3, 0.31, "2 objects move.", (thing(1, "moving"),), {"objects": 1, "light": 5}, CameraState.MOVED, ("motion",)
    )
    recorded = Observation(3, 0.3, "Two walk.", (thing(1), thing(-1)), {"objects": 2}, sources=("captions", "tracks"))

    @pytest.mark.parametrize("turned", [False, True])
    def test_recorded_and_motion(self, turned):
        merged = merge_observations(*((self.motion, self.recorded) if turned else (self.recorded, self.motion)))
        assert merged.caption == "Two walk."
        assert [(o.track_id, o.label) for o in merged.objects] == [(1, "object"), (-1, "object"), (1_000_001, "moving")]
        assert merged.measures == {"objects": 2, "light": 5}
        assert (merged.time, merged.camera) == (0.31, CameraState.MOVED)
        assert merged.sources == (("motion", "captions", "tracks") if turned else ("captions", "tracks", "motion"))

    def test_a_rendered_caption_stays_where_nothing_was_written(self):
        merged = merge_observations(Observation(3, 0.3, sources=("captions",)), self.motion)
        assert merged.caption == "2 objects move."
        assert [o.track_id for o in merged.objects] == [1]

    def test_an_id_is_the_same_in_frames_where_the_other_source_sees_nobody(self):
        empty = Observation(3, 0.3, sources=("tracks",))
        assert [o.track_id for o in merge_observations(empty, self.motion).objects] == [1_000_001]

    def test_other_frames_do_not_merge(self):
        with pytest.raises(ValueError, match="3 and 4"):
            merge_observations(self.motion, Observation(4, 0.4))
