import numpy as np
import pytest

from ruler.video import write_video

WIDTH, HEIGHT = 192, 144


def street(frames, seed=0, fast=()):
    """A grey plain with three walkers, dark on light; one of them moves eight times as fast in the frames of `fast`."""
    random = np.random.default_rng(seed)
    ground = np.clip(random.normal(150, 12, (HEIGHT, WIDTH)), 0, 255)
    places = random.uniform(10, WIDTH - 20, 3)
    paces = random.choice([-1, 1], 3) * random.uniform(0.8, 1.2, 3)
    for i in range(frames):
        picture = ground + random.normal(0, 2, ground.shape)
        places = places + paces * (1 + 7 * ((i in fast) * np.array([1, 0, 0])))
        places = (places + 20) % (WIDTH + 20) - 20 if not fast else np.clip(places, -40, WIDTH + 40)
        for n, x in enumerate(places):
            y = 20 + 38 * n
            x0, x1 = int(max(0, x)), int(np.clip(x + 12, 0, WIDTH))
            picture[y : y + 30, x0:x1] = 40 + 10 * n
        yield np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """Four normal clips and one with somebody fast, as video files."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "normal").mkdir()
    for n in range(4):
        write_video(folder / "normal" / f"n{n}.mp4", street(120, seed=n), 12.5)
    write_video(folder / "test.mp4", street(120, seed=9), 12.5)
    return folder


@pytest.fixture(scope="session")
def rules_file(plain, run_cli):
    """Rules induced from the normal clips by the command line."""
    out = plain / "rules.yaml"
    done = run_cli("induce", plain / "normal", "-o", out)
    assert done.returncode == 0, done.stderr
    return out
