"""Rules from the words of normal captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ruler.induction.vocabulary import Clip, VocabularyOptions, induce_vocabulary
from ruler.rules.vocabulary import vocabulary_excess

WALK = "A man is walking. Other than people, there is a tree."
SIT = "A man is sitting. Other than people, there is a bench."
RIDE = "A man is riding a horse."


def clip(captions: Sequence[str | None], rate: float = 10.0) -> Clip:
    return captions, np.arange(len(captions)) / rate


def ordinary(clips: int = 12) -> list[Clip]:
    return [clip(([WALK] * 8 + [SIT] * 2) * 10) for _ in range(clips)]


def test_the_rules_say_what_is_usual_and_what_would_not_be():
    activities, things, anomaly, other = induce_vocabulary(ordinary())
    assert activities.kind == things.kind == "normal"
    assert activities.text == "Usual activities: walking (in 80 % of the captions), sitting (20 %)"
    assert things.text == "Usual things: tree (in 80 % of the captions), bench (20 %)"
    assert things.subject == "environment"
    assert anomaly.kind == "anomaly"
    assert anomaly.text.endswith("(usual: walking, sitting)")
    assert anomaly.limit is not None
    assert (anomaly.limit.measure, anomaly.limit.unit, anomaly.limit.usual) == ("unusual activity", "nats", 0)
    assert anomaly.support is not None
    assert anomaly.support.votes == anomaly.support.of == 5
    assert other.limit is not None
    # Things count half of what activities do.
    assert other.limit.measure == "unusual thing"
    assert other.limit.value == pytest.approx(2 * anomaly.limit.value, rel=0.01)


def of_activities(rules):
    return next(rule for rule in rules if rule.limit is not None and rule.limit.measure == "unusual activity")


def test_the_noisier_the_normal_captions_the_less_a_strange_word_counts():
    odd = [clip(([WALK] * 9 + [f"A man is {act}."]) * 10) for act in ("jumping", "dancing", "kneeling", "waving")]
    quiet, noisy = (of_activities(induce_vocabulary(clips)) for clips in (ordinary(), [*ordinary(4), *odd]))
    assert noisy.limit.value > quiet.limit.value


def test_normal_captions_exceed_nothing_and_strange_ones_do():
    rule = of_activities(induce_vocabulary(ordinary()))
    assert rule.vocabulary is not None
    assert rule.limit is not None
    usual = [WALK, WALK, SIT, WALK, WALK] * 12
    captions = usual + [RIDE] * 30 + usual
    found = vocabulary_excess(captions, np.arange(150) / 10, rule.vocabulary)
    over = found.values > 0.5
    assert over[62:88].all()
    assert not over[:50].any()
    assert not over[100:].any()


def test_a_rate_above_the_usual_is_strange_although_the_term_is_not():
    rule = of_activities(induce_vocabulary([clip(([WALK] * 19 + [RIDE]) * 5) for _ in range(10)]))
    assert rule.vocabulary is not None
    assert rule.vocabulary.rates["riding horse"] == 0.05
    assert vocabulary_excess([RIDE] * 30, np.arange(30) / 10, rule.vocabulary).values.min() > 1


@pytest.mark.parametrize("clips", [200, 400])
def test_one_odd_clip_does_not_make_its_activity_normal(clips):
    rules = induce_vocabulary([*ordinary(clips - 1), clip([RIDE] * 100)])
    rule = of_activities(rules)
    assert rule.vocabulary is not None
    assert rule.vocabulary.rates["riding horse"] < 1
    assert "horse" not in " ".join(r.text for r in rules)
    assert vocabulary_excess([RIDE] * 30, np.arange(30) / 10, rule.vocabulary).values.min() > 0
    half = of_activities(induce_vocabulary([*ordinary(6), *[clip([RIDE] * 100)] * 6]))
    assert half.vocabulary is not None
    assert half.vocabulary.rates["riding horse"] == 1


def test_given_batches_vote():
    clips = [*ordinary(3), clip([RIDE] * 100)]
    batches = [np.array([0, 1]), np.array([1, 2]), np.array([2, 3])]
    normal = induce_vocabulary(clips, batches)[0]
    assert normal.support is not None
    assert (normal.support.votes, normal.support.of) == (3, 3)
    assert "riding" not in normal.text


def test_left_out_stretches_say_nothing():
    gappy = [clip([WALK] * 40 + [None] * 20 + [WALK] * 40) for _ in range(4)]
    rule = of_activities(induce_vocabulary([*gappy, clip([None] * 50), clip([])]))
    assert rule.vocabulary is not None
    assert dict(rule.vocabulary.rates) == {"walking": 1}
    assert rule.support is not None
    assert rule.support.of == 4


def test_a_single_clip_is_enough_and_none_makes_no_rule():
    rule = of_activities(induce_vocabulary([clip([WALK] * 50)]))
    assert rule.kind == "anomaly"
    assert rule.support is None
    assert rule.limit is not None
    options = VocabularyOptions()
    noise = options.belief * options.expected / (1 + options.belief)
    assert rule.limit.value == pytest.approx(options.rarity * noise**2, rel=0.01)
    assert induce_vocabulary([]) == induce_vocabulary([clip([None, None]), clip(["???"])]) == []


def test_things_can_be_left_out():
    rules = induce_vocabulary(ordinary(), options=VocabularyOptions(things=0))
    assert [r.limit.measure for r in rules if r.limit] == ["unusual activity"]


def test_the_same_clips_make_the_same_rules():
    assert induce_vocabulary(ordinary()) == induce_vocabulary(ordinary())


def area(labels: np.ndarray, scores: np.ndarray) -> float:
    positive, negative = scores[labels == 1], np.sort(scores[labels == 0])
    below = np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
    return float(below.sum() / (2 * len(positive) * len(negative)))


def test_public_captions_are_ranked_as_measured(shared_data: Path):
    """Out of fold on half of the public test set; 0.791 when this was written (2 folds, captions alone)."""
    root = shared_data / "shanghaitech"
    names = sorted(path.stem for path in (root / "captions").glob("*.txt"))
    lines = {n: (root / "captions" / f"{n}.txt").read_text(encoding="utf-8").splitlines() for n in names}
    labels = {n: np.load(root / "labels" / f"{n}.npy") for n in names}
    scores = {}
    for fold in range(2):
        clips = []
        for name in (n for i, n in enumerate(names) if i % 2 != fold):
            near = np.convolve(labels[name], np.ones(81), "same") > 0.5
            clips.append(clip([None if out else line for line, out in zip(lines[name], near, strict=True)], 24.0))
        vocabulary = of_activities(induce_vocabulary(clips)).vocabulary
        assert vocabulary is not None
        for name in (n for i, n in enumerate(names) if i % 2 == fold):
            scores[name] = vocabulary_excess(lines[name], np.arange(len(lines[name])) / 24, vocabulary).values
    pooled = area(np.concatenate([labels[n] for n in names]), np.concatenate([scores[n] for n in names]))
    assert 0.77 < pooled < 0.9
