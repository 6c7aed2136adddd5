from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.errors import VideoError
from ruler.video import find_videos, run_names


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def found(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in find_videos(root)]


def test_a_file_is_one_video(tmp_path: Path) -> None:
    touch(tmp_path, "a.bin")
    assert find_videos(tmp_path / "a.bin") == [tmp_path / "a.bin"]


def test_a_folder_with_pictures_is_one_video(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.jpg", "Thumbs.db", "labels.txt", ".cache/x.mp4", "empty/readme.md")
    assert find_videos(str(tmp_path)) == [tmp_path]


def test_a_folder_of_videos_is_a_set_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, "10.avi", "9.MP4", "1.mkv", "notes.txt", ".hidden.mp4")
    assert found(tmp_path) == ["1.mkv", "9.MP4", "10.avi"]


def test_a_folder_of_folders_is_a_set(tmp_path: Path) -> None:
    touch(tmp_path, "frames/10/1.jpg", "frames/2/1.jpg", "labels/gt.mat", "cameras/a.mp4")
    assert found(tmp_path) == ["cameras/a.mp4", "frames/2", "frames/10"]


@pytest.mark.parametrize(
    "names", [("1.jpg", "a.mp4"), ("1.jpg", "sub/2.jpg"), ("a.mp4", "sub/b.mp4"), ("x/1.jpg", "x/a.mp4")]
)
def test_mixed_folders_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    touch(tmp_path, *names)
    with pytest.raises(VideoError, match="mixed"):
        find_videos(tmp_path)


def test_nothing_found(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no such file"):
        find_videos(tmp_path / "none")
    touch(tmp_path, "readme.txt")
    with pytest.raises(VideoError, match="no video and no picture"):
        find_videos(tmp_path)


def test_a_link_to_a_parent_is_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "sub/deep/a.mp4")
    (tmp_path / "sub" / "deep" / "up").symlink_to(tmp_path, target_is_directory=True)
    assert found(tmp_path) == ["sub/deep/a.mp4"]


def named(*paths: str) -> list[str]:
    return list(run_names(paths).values())


def test_names_are_stems_and_parents_only_on_a_clash() -> None:
    assert named("/v/a.mp4", "/v/b.part.mp4") == ["a", "b.part"]
    assert named("/v/north/a.mp4", "/v/south/a.mp4", "/v/south/b.mp4") == ["north__a", "south__a", "b"]
    assert named("/v/n/1/a.mp4", "/v/s/1/a.mp4") == ["n__1__a", "s__1__a"]
    assert named("/v/n/1/a.mp4", "/v/s/1/a.mp4", "/v/2/a.mp4") == ["n__1__a", "s__1__a", "2__a"]
    assert named("/v/a.mp4", "/v/a.avi") == ["a.mp4", "a.avi"]
    assert named("/v/n/A.mp4", "/v/s/a.mp4") == ["n__A", "s__a"]
    assert named("/a.mp4", "/v/a.mp4") == ["a", "v__a"]


def test_a_folder_keeps_its_whole_name(tmp_path: Path) -> None:
    touch(tmp_path, "day.1/1.jpg", "day.2/1.jpg")
    assert named(str(tmp_path / "day.1"), str(tmp_path / "day.2")) == ["day.1", "day.2"]


def test_names_are_keyed_by_the_paths_given() -> None:
    assert run_names([Path("x/a.mp4"), "y/../z/a.mp4"]) == {Path("x/a.mp4"): "x__a", Path("y/../z/a.mp4"): "z__a"}


parts = st.sampled_from(["a", "b", "A", "a__b", "1"])


@given(st.lists(st.tuples(st.lists(parts, max_size=3), parts, st.sampled_from([".mp4", ".avi"])), max_size=8))
def test_names_are_always_different_and_fit_for_folders(pieces: list[tuple[list[str], str, str]]) -> None:
    paths = {Path("/", *folders, stem + suffix) for folders, stem, suffix in pieces}
    names = run_names(paths)
    assert names.keys() == paths
    assert len({name.casefold() for name in names.values()}) == len(paths)
    assert all(name and "/" not in name for name in names.values())
