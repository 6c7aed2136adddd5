"""One Settings model: defaults < file < environment (RULER_*) < command line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ruler.errors import UsageError

_EVERY = re.compile(r"^(0*[1-9]\d*f?|(?=.*[1-9])(\d+(\.\d*)?|\.\d+)s|motion(:[^:]+){0,2})$")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MotionSettings(_Section):
    """Perception from pixels. Owned by ruler/perception/motion."""

    width: int = Field(360, ge=64, description="pictures are analysed at this width, in pixels; never enlarged")
    contrast: float = Field(
        11.0, gt=0, le=255, description="least difference from the background that stands out, in grey levels"
    )
    absorb_after: float = Field(60.0, gt=0, description="seconds in which what stands still fades into the background")
    adopt_after: float = Field(
        10.0, ge=0, description="seconds after which the view of a moved camera is taken as its view"
    )


class VideoSettings(_Section):
    """How videos are read."""

    frame_rate: float | None = Field(
        None, gt=0, description="frames/s of image folders and recorded captions; 25 is assumed where absent"
    )
    reader: Literal["auto", "pyav", "decord"] = "auto"
    every: str | None = Field(
        None, description="frames that are looked at: '5' every fifth, '1s' one a second, 'motion'; all where absent"
    )
    start: datetime | None = Field(None, description="wall-clock time of the first frame, for rules with hours")

    @field_validator("every")
    @classmethod
    def _sampling(cls, value: str | None) -> str | None:
        if value is not None and not _EVERY.match(value.strip()):
            raise ValueError(f"'{value}' is no sampling; write '5' (every fifth frame), '0.5s' or 'motion'")
        return value


class ModelSettings(_Section):
    """Which models are asked, and how; all of it may change what they say."""

    vlm: str | None = Field(None, description="model for pictures: 'openai:NAME', 'http://HOST/v1#NAME', 'ollama:X'")
    llm: str | None = Field(None, description="model for text: rules and rechecks")
    prompts: Path | None = Field(None, description="folder of prompts that replace shipped ones of the same name")
    logprobs: bool = Field(True, description="ask for token log-probabilities, where the server gives them")
    seed: int = 0


class TransportSettings(_Section):
    """How calls are made; none of it changes what is answered, so a run may go on with other values."""

    concurrency: int = Field(8, ge=1, le=256, description="calls at a time")
    timeout: float = Field(120.0, gt=0, description="seconds to wait for an answer")
    retries: int = Field(4, ge=0, le=20, description="attempts after the first, where the trouble may pass")
    cache: Path | None = Field(None, description="file of answered calls; RULER_CACHE or the user's cache where absent")
    cache_megabytes: int = Field(1024, ge=1, description="size at which the oldest answers are dropped")
    max_calls: int | None = Field(None, ge=0, description="most calls of a run")
    max_cost: float | None = Field(None, ge=0, description="most US dollars of a run; needs a price for each model")
    prices: Path | None = Field(None, description="prices laid over configs/prices.yaml")
    probe: bool = Field(True, description="first make sure, by two drawn pictures, that the model sees pictures")
    record: Path | None = Field(None, description="file that every exchange is appended to, for replay:FILE")


class CaptionSettings(_Section):
    """How a model is asked what frames show."""

    every: str = Field("1s", description="frames that are captioned: '30' every thirtieth, '1s' one a second")
    strip: int = Field(1, ge=1, le=8, description="consecutive pictures shown together; 1 for the frame alone")
    strip_step: float = Field(0.4, gt=0, description="seconds between the pictures of a strip")
    facts: bool = Field(False, description="put motion facts beside the picture")
    motion: bool = Field(True, description="also measure motion in the pictures, where no boxes are recorded")
    width: int = Field(768, ge=64, le=4096, description="largest side of the pictures sent, in pixels; never enlarged")
    same: float = Field(
        3.0, ge=0, description="largest change of any cell of a 64×36 thumbnail, in grey levels, to reuse a caption"
    )
    tokens: int = Field(400, ge=16, description="most tokens of a caption")

    @field_validator("every")
    @classmethod
    def _sampling(cls, value: str) -> str:
        if not _EVERY.match(value.strip()) or value.strip().startswith("motion"):
            raise ValueError(f"'{value}' is no sampling of captions; write '30' (every thirtieth frame) or '1s'")
        return value


class RecheckSettings(_Section):
    """How a model rechecks findings."""

    which: Literal["all", "uncertain", "none"] = Field("all", description="frames with a caption that are asked about")
    band: float = Field(1.15, ge=1, description="a frame is uncertain from threshold / band to threshold · band")
    votes: int = Field(1, ge=1, le=25, description="k of the vote")
    reducer: Literal["majority", "mean", "median", "weighted"] = "majority"
    reuse: bool = Field(False, description="take over the outcome of a frame within a second that speaks of the same")
    shots: int = Field(0, ge=0, le=10, description="nearest normal captions shown as examples")
    temperature: float = Field(0.5, ge=0, le=2, description="of votes after the first")


class InductionSettings(_Section):
    """How rules are made from normal footage."""

    alpha: float = Field(0.01, gt=0, lt=0.5, description="level per rule: share of normal values over its limit")
    bands: int = Field(12, ge=1, le=64, description="bands of image rows a limit may differ between")
    batches: int = Field(10, ge=1, description="n of the vote")
    clips_per_batch: int | None = Field(None, ge=1, description="m of the vote; a quarter of the clips where absent")
    clip_seconds: float = Field(10.0, gt=0, description="fewer than four videos are cut into clips of this length")
    folds: int = Field(5, ge=2, description="folds over clips in which false alarms are measured")
    seed: int = 0
    captions_per_batch: int = Field(10, ge=1, description="m of rule generation by a model")
    contrast: bool = Field(True, description="ask for anomaly rules by contrast to the normal ones")
    split: bool = Field(True, description="keep human activities and the environment apart")
    abstract: bool = Field(True, description="go from abstract classes to concrete instances")
    aggregation: bool = Field(True, description="group the rules of all batches and count; else the first batch's")
    support: int = Field(1, ge=1, description="batches an anomaly rule must come from")
    keyword_support: int = Field(1, ge=1, description="batches a keyword must come from")
    revise: bool = Field(True, description="have rules reworded whose keywords are found often in normal captions")
    loud: float = Field(0.05, gt=0, le=1, description="share of normal captions from which a keyword is asked about")
    vocabulary: bool = Field(True, description="also make the rule on what normal captions speak of")
    limits: bool = Field(True, description="also make limits on what is measured")


class MatchSettings(_Section):
    """How frames are held against rules."""

    track_sigma: float = Field(1.25, ge=0, description="seconds over which exceedances are smoothed along a track")
    power: float = Field(
        1.0,
        ge=1,
        description="p of the p-norm over sources (limits, words, …); 1 adds, inf takes the largest",
    )
    words: Literal["words", "substring"] | None = Field(
        None,
        description="how keywords match: whole words and inflections, or as the published program does; "
        "by the preset where absent",
    )


class SmoothingSettings(_Section):
    """How findings are smoothed over time."""

    preset: Literal["centred", "causal", "paper", "published-code"] = "centred"
    sigma: float = Field(0.8, ge=0, description="seconds, standard deviation of the centred Gaussian")
    tau: float = Field(0.8, ge=0, description="seconds, time constant of the causal average")
    alpha: float = Field(0.33, gt=0, le=1, description="of the paper's EMA")
    padding: int = Field(5, ge=0, description="p of the paper's majority vote, frames on each side")


class EventSettings(_Section):
    """What counts as an event."""

    alarms: str | None = Field(
        None,
        description="events wanted per camera and time on normal footage: '2/day'; "
        "the rules file's own threshold where absent",
    )
    low: float = Field(0.8, gt=0, le=1, description="an event goes on down to this share of the threshold")
    minimum: float = Field(0.3, ge=0, description="seconds an event must last")
    gap: float = Field(1.0, ge=0, description="seconds between two events up to which they are one")

    @field_validator("alarms")
    @classmethod
    def _rate(cls, value: str | None) -> str | None:
        if value is not None:
            alarms_per_hour(value)
        return value


class Settings(BaseSettings):
    """Everything that can be set. One object goes through the whole program; nothing else is global.

    Sources, the later winning: the defaults here, a YAML file, the environment (`RULER_SMOOTHING__PRESET=causal`), the
    command line.
    """

    model_config = SettingsConfigDict(
        env_prefix="RULER_", env_nested_delimiter="__", extra="forbid", frozen=True, case_sensitive=False
    )

    video: VideoSettings = VideoSettings()
    motion: MotionSettings = MotionSettings()
    induction: InductionSettings = InductionSettings()
    match: MatchSettings = MatchSettings()
    smoothing: SmoothingSettings = SmoothingSettings()
    events: EventSettings = EventSettings()
    models: ModelSettings = ModelSettings()
    transport: TransportSettings = TransportSettings()
    caption: CaptionSettings = CaptionSettings()
    recheck: RecheckSettings = RecheckSettings()


OUTCOME = tuple(name for name in Settings.model_fields if name != "transport")
"""Sections that decide what comes out; a run goes on only with the same ones."""

DEFAULTS = Settings.model_construct()
"""The defaults alone: no file, and no environment, which `load_settings` reads and checks."""

_SPANS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1.0, "day": 24.0, "week": 168.0, "month": 730.0}


def alarms_per_hour(text: str) -> float:
    """Read a rate of alarms: '2/day' → 2 / 24.

    Raises:
        ValueError: not a number over 0, a slash and second, minute, hour, day, week or month.
    """
    number, _, span = text.partition("/")
    hours = _SPANS.get(span.strip().lower())
    try:
        count = float(number)
    except ValueError:
        count = 0.0
    if hours is None or not 0 < count < math.inf:
        raise ValueError(f"'{text}' is not a rate of alarms; write it as '2/day' or '1/hour'")
    return count / hours


def load_settings(file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Put the settings together: defaults < file < environment < overrides.

    Args:
        file: YAML with the sections of `Settings`; None for none.
        overrides: section → key → value, from the command line; a value of None means "not given".

    Raises:
        UsageError: a file that cannot be read, an unknown key, or a value out of its range, named with its place.
    """
    given = {s: {k: v for k, v in part.items() if v is not None} for s, part in (overrides or {}).items()}
    try:
        environment = EnvSettingsSource(
            Settings, env_prefix="RULER_", env_nested_delimiter="__", case_sensitive=False
        )()
        known = {name: part for name, part in environment.items() if name in Settings.model_fields}
        merged = _merged(_merged(_read(file), known), given)
        return Settings.model_validate(merged)
    except (ValidationError, SettingsError) as error:
        raise _first_problem(error, file) from None


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        content = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot be read ({error.strerror})", where=file, hint="give --config a settings file"
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise UsageError("is not YAML", where=where, hint="see configs/default.yaml for an example") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError("holds no sections", where=file, hint="see configs/default.yaml for an example")
    return content


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in over.items():
        old = out.get(key)
        out[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return out


def _first_problem(error: ValidationError | SettingsError, file: Path | None) -> UsageError:
    if isinstance(error, SettingsError):
        return UsageError(str(error), where="environment", hint="see the settings in configs/default.yaml")
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message, names = "is not a setting", _names(problem["loc"][:-1])
        near = get_close_matches(str(problem["loc"][-1]), names, 1) or names
        return UsageError(message, where=f"{file or 'settings'}: {place}", hint=f"did you mean {', '.join(near)}?")
    return UsageError(message, where=place, hint=f"it is {problem['input']!r} now")


def _names(place: tuple[int | str, ...]) -> list[str]:
    fields = Settings.model_fields
    for part in place:
        section = fields[str(part)].annotation
        fields = getattr(section, "model_fields", {})
    return list(fields)
