"""A plan in; what was measured against what, in words, for every table, out."""

from __future__ import annotations

from ruler.bench.plan import Plan

NOT_THE_PAPERS = (
    "This is not the paper's protocol, which makes rules from captions of training video; those were never published."
)


def describe(plan: Plan) -> str:
    """Say in words what is measured and what the normal reference is."""
    said = [f"{len(plan.videos)} test videos of {plan.dataset.name}, perception: {plan.sources}."]
    if plan.captions_every > 1 and plan.sources.captions:
        said.append(f"Captions of one frame in {plan.captions_every} of the measured videos are read.")
    if plan.training:
        said.append(_motion(plan))
    if plan.texts:
        said += [_text(plan), NOT_THE_PAPERS]
    if plan.written is not None:
        said.append(_written(plan))
    if plan.method == "anomalyruler-base":
        assert plan.keywords is not None
        said.append(
            f"Keywords of {plan.keywords.name}, matched as substrings; no model rechecks. Its smoothing compares each "
            "frame with the mean of its own video, so a score depends on frames after it."
        )
    if not (plan.texts or plan.written) and plan.method == "ruler":
        said.append("No words are judged.")
    return " ".join(said)


def _motion(plan: Plan) -> str:
    frames = f"{len(plan.training)} normal training videos"
    scenes = len(set(plan.scenes.values()))
    each = f", for each of {scenes} scenes apart" if scenes > 1 and plan.method != "speed" else ""
    where = f" of {plan.reference.root.name}" if plan.apart else ""
    what = {"ruler": "Limits", "speed": "One limit on pixel speed", "novelty": "A memory of normal objects"}
    return f"{what.get(plan.method, 'Limits')} from {frames}{where}{each}."


def _text(plan: Plan) -> str:
    kept = f"captions of frames labelled normal, at least {plan.margin} frames from any anomaly,"
    if plan.folds:
        count = len(plan.texts)
        return (
            f"What is usual in words from {kept} of the other folds' videos ({count} folds: videos sorted by name, "
            "index mod K); scores of all folds pooled."
        )
    return f"What is usual in words from {kept} of {len(plan.texts[0].videos)} other test videos."


def _written(plan: Plan) -> str:
    assert plan.written is not None
    scenes = list(plan.written.scenes.values()) or [plan.written]
    made_from = {name for scene in scenes for name in scene.provenance.reference}
    both = made_from & {video.name for video in plan.videos}
    more = f"; normal parts of {len(both)} of the measured videos were in their reference" if both else ""
    makers = sorted({scene.provenance.induction for scene in scenes if scene.provenance.induction})
    return f"Rules written before ({plan.written_from}{', by ' + ', '.join(makers) if makers else ''}{more})."
