"""A scene in words, what a scripted model says of it, and the whole way from captions to rules and verdicts."""

import re

from ruler.config import load_settings
from ruler.pipeline import Records, detect_to_folder, gather, induce_to_file

WALK = "There are two people. One person is walking and the other is standing near a tree. Other than people, a bench."
TALK = "There are two people. Both are talking beside a bench. Other than people, there is a tree."
CLIMB = "There are two people. One person is climbing over the fence. Other than people, there is a tree."
SLIP = "There is one person. The person is walking past a dog. Other than people, there is a bench."

CANDIDATES = {
    "normal": [{"subject": "human activity", "text": "Being on foot: walking, standing"}],
    "anomaly": [
        {
            "subject": "human activity",
            "text": "Getting over barriers: climbing a fence or wall",
            "keywords": ["climb", "climb over"],
            "clear": 3,
        },
        {
            "subject": "environment",
            "text": "Beings that do not belong: a dog, a horse",
            "keywords": ["dog", "horse"],
            "clear": 2,
        },
    ],
}


def group(request):
    """Groups by the last part of the id: every batch wrote the same rules in the same order."""
    ids = re.findall(r"^(\d+\.[NA]\d+):", request.messages[-1].text, re.MULTILINE)
    parts = {}
    for one in ids:
        parts.setdefault(one.split(".")[1], []).append(one)
    return {
        "groups": [
            {"subject": "human activity", "text": f"Group {k}: all of it", "members": m} for k, m in parts.items()
        ]
    }


def verdict(request):
    """Says what a careful reader would: climbing is an anomaly, anything else is not."""
    caption = re.search(r"<description>\n(.*?)\n</description>", request.messages[1].text, re.DOTALL)[1]
    rules = request.messages[0].text
    climb = re.search(r"^(A\d+): (?:Group A1|Getting over)", rules, re.MULTILINE)[1]
    if "climbing" in caption:
        return {
            "findings": [{"rule": climb, "quote": "climbing over the fence"}],
            "rationale": "Somebody climbs over the fence.",
            "anomalous": "yes",
        }
    normal = re.search(r"^(N\d+):", rules, re.MULTILINE)[1]
    return {
        "findings": [{"rule": normal, "quote": caption.partition(".")[0]}],
        "rationale": "People walk and stand.",
        "anomalous": "no",
    }


ANSWERS = {
    "generate": lambda _: CANDIDATES,
    "aggregate": group,
    "revise": lambda request: {
        "revisions": [
            {"rule": r, "decision": "drop", "keywords": [], "reason": "dogs are walked here"}
            for r in dict.fromkeys(re.findall(r"^(R\d+):", request.messages[-1].text, re.MULTILINE))
        ]
    },
    "reason": verdict,
}


def settings_for(tmp_path, **sections):
    given = {
        "models": {"llm": "scripted"},
        "transport": {"cache": tmp_path / "cache.sqlite", "retries": 0, "probe": False},
        "video": {"frame_rate": 5.0},
    }
    return load_settings(
        None, {name: {**given.get(name, {}), **sections.get(name, {})} for name in {*given, *sections}}
    )


def induce(captions, tmp_path, model, **sections):
    settings = settings_for(tmp_path, **sections)
    inputs, _ = gather([], Records(captions=captions[0]), settings)
    return induce_to_file(inputs, tmp_path / "rules.yaml", settings, make=lambda *_: model)


def detect(captions, tmp_path, model, rules, out="run", examples=(), **sections):
    settings = settings_for(tmp_path, **sections)
    inputs, _ = gather([], Records(captions=captions[1]), settings)
    found = detect_to_folder(inputs, rules, tmp_path / out, settings, make=lambda *_: model, examples=examples)
    return list(found)
