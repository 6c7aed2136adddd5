"""The demo by a language model: the drawn clips in; captions, rules and reasons that a model once gave, replayed, out.

The exchanges lie in `recorded/exchanges.jsonl`; `make rerecord MODEL=…` asks a model anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ruler.config import Settings
from ruler.demo.files import DemoFiles
from ruler.llm.replay import ReplayModel, tidy
from ruler.pipeline import Models, Records, VideoResult, detect_to_folder, gather, induce_to_file
from ruler.progress import Progress
from ruler.report import report_run
from ruler.rules.model import RuleSet

EXCHANGES = Path(__file__).resolve().parent / "recorded" / "exchanges.jsonl"

NORMAL_EVERY, TEST_EVERY = "2s", "1s"
BATCHES, CAPTIONS = 4, 8


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a language model made of the drawn street.

    Attributes:
        rules: that it wrote from captions of the normal clips.
        rules_file: where they are.
        results: of the test clips, rechecked by it.
        page: the report.
        model: who gave the replies.
        calls: how many replies there were.
        notes: what a person should know: replies that are stale.
    """

    rules: RuleSet
    rules_file: Path
    results: tuple[VideoResult, ...]
    page: Path
    model: str
    calls: int
    notes: tuple[str, ...]


def run_replayed(
    files: DemoFiles, folder: Path, settings: Settings, progress: Progress, ask: str | None = None
) -> Replayed:
    """Caption the clips, have rules written, and recheck what is found, by recorded replies.

    Args:
        files: the drawn scene.
        folder: gets `rules-by-model.yaml` and `run-by-model/`.
        settings: of all stages.
        progress: where to say how far it is.
        ask: a model to ask anew, whose replies then take the place of the recorded ones; None replays.

    Raises:
        ModelError: there is no recorded reply to a request, or the model that is asked gave none.
    """
    model = ask or f"replay:{EXCHANGES}"
    seen: list[Models] = []
    fresh = folder / "rerecorded.sqlite" if ask is not None else None
    if fresh is not None:
        folder.mkdir(parents=True, exist_ok=True)
    normal_settings = _with_model(settings, model, NORMAL_EVERY, fresh)
    rules_file = folder / "rules-by-model.yaml"
    normal, _ = gather(files.normal, Records(), normal_settings)
    rules = induce_to_file(
        normal, rules_file, normal_settings, scene="A drawn street", progress=progress, tell=seen.append
    ).rules
    test_settings = _with_model(settings, model, TEST_EVERY, fresh)
    test, _ = gather(files.test, Records(), test_settings)
    found = detect_to_folder(test, rules, folder / "run-by-model", test_settings, progress=progress, tell=seen.append)
    results = tuple(found)
    page = report_run(folder / "run-by-model", labels=files.truth.parent / "labels")
    if fresh is not None:
        # Only a whole recording takes the place of the one that ships.
        recording = fresh.with_suffix(".jsonl")
        tidy(recording)
        EXCHANGES.write_bytes(recording.read_bytes())
    return Replayed(
        rules,
        rules_file,
        results,
        page,
        ReplayModel(EXCHANGES).recorded_from,
        sum(models.usage.calls + models.usage.replayed for models in seen),
        tuple(dict.fromkeys(note for models in seen for note in models.notes)),
    )


def _with_model(settings: Settings, model: str, every: str, fresh: Path | None) -> Settings:
    """The settings with a model for pictures and text, and no motion: what is shown is what the model said.

    Args:
        settings: of all stages.
        model: model string.
        every: frames that are captioned.
        fresh: a cache of its own for recording, lest answers of before are taken for new ones; None where replayed.
    """

    def changed(section: str, **values: object) -> object:
        return getattr(settings, section).model_copy(update=values)

    sections = {
        "models": changed("models", vlm=model, llm=model),
        "caption": changed("caption", every=every, motion=False),
        "induction": changed("induction", batches=BATCHES, captions_per_batch=CAPTIONS, vocabulary=False, limits=False),
        "transport": changed("transport", record=fresh and fresh.with_suffix(".jsonl"), cache=fresh, probe=False),
    }
    return settings.model_copy(update=sections)
