"""The rules file as frozen pydantic models: what a person may write in `rules.yaml`. Unknown keys are refused."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ruler.measures import MEASURES

Kind = Literal["normal", "anomaly"]
Subject = Literal["human activity", "environment"]
Row = tuple[float, float, float] | tuple[float, float, float, float]
Point = tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]]

_HOURS = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)$")


class Model(BaseModel):
    """Base: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Support(Model):
    """Number of batches a rule came from."""

    votes: int = Field(ge=0)
    of: int = Field(ge=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.votes > self.of:
            raise ValueError(f"{self.votes} votes of {self.of}")
        return self


class FalseAlarms(Model):
    """How often a rule fires on the normal reference, leaving the clip it is counted on out of the calibration."""

    count: int = Field(ge=0)
    of: int = Field(ge=0)
    by: Literal["frame", "object"] = "frame"

    @property
    def rate(self) -> float:
        """Rate with one added on both sides, so that it is never 0: (count + 1) / (of + 1)."""
        return (self.count + 1) / (self.of + 1)


class Where(Model):
    """A place in the picture: a polygon in fractions of width and height. An object is where its foot point is."""

    name: str = ""
    polygon: tuple[Point, ...] = Field(min_length=3)


class Limit(Model):
    """A limit on one measure.

    Attributes:
        measure: a name of `ruler.measures.MEASURES`.
        above: values over it are anomalous. Exactly one of `above` and `below` is given.
        below: values under it are anomalous.
        usual: median of the normal reference, from which exceedance counts (r = 0); 0 where absent.
        unit: unit of all numbers; must be the measure's own.
        per: "row" where the limit depends on the image row of the foot point; `table` then holds
            [from row, to row, limit] or [from row, to row, limit, usual], rows in pixels of the reference's picture.
        table: see `per`. Rows outside every band use the numbers above.
    """

    measure: str
    above: float | None = None
    below: float | None = None
    usual: float | None = None
    unit: str = ""
    per: Literal["row"] | None = None
    table: tuple[Row, ...] = ()

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("a limit needs exactly one of 'above' and 'below'")
        if bool(self.table) != (self.per is not None):
            raise ValueError("'per' and 'table' go together")
        numbers = (self.above or 0, self.below or 0, self.usual or 0, *(x for row in self.table for x in row))
        if any(map(math.isnan, numbers)):
            raise ValueError("a limit holds .nan, which is no number")
        for row in self.table:
            if row[0] >= row[1]:
                raise ValueError(f"the band {row[0]:g} to {row[1]:g} of the table is empty")
        return self

    @property
    def value(self) -> float:
        """The limit without its table."""
        number = self.above if self.above is not None else self.below
        assert number is not None
        return number

    @property
    def scope(self) -> str:
        """Whether it holds of an "object" or a "frame"; "frame" for a measure nobody knows."""
        known = MEASURES.get(self.measure)
        return known.scope if known else "frame"


class Vocabulary(Model):
    """What normal captions speak of: the largest normal rate of each term in a window of captions.

    Attributes:
        rates: term → limit on its smoothed rate, 0 to 1: the share of captions in a window that may speak of it on
            normal footage.
        unseen: limit for a term that no normal caption holds.
        window: standard deviation of the smoothing window, in seconds.
    """

    rates: Mapping[str, float] = Field(default_factory=dict)
    unseen: float = Field(0.01, gt=0, le=1)
    window: float = Field(0.4, gt=0)


class Rule(Model):
    """One rule. A person's own needs `kind` and `text` only.

    Attributes:
        id: N1… or A1…; given by the file's order where a person left it out.
        kind: normal or anomaly. Only anomaly rules are matched.
        subject: what it speaks of.
        text: from abstract to concrete ("Bypassing safety: reaching behind the guard of the press").
        keywords: words or phrases; a caption that speaks of one (whole words, inflections, not negated) matches.
        limit: a limit on a measure.
        any: several limits, of which one is enough (r is the largest).
        all: several limits that must hold for the same object or frame (r is the smallest).
        mean: several limits on objects that count together: r is told by the mean of how far an object goes towards
            each.
        vocabulary: turns the rule into "something never described in normal footage"; goes with `limit` on a caption's
            measure.
        where: applies to objects there only.
        when: applies in these hours only ("22:00-06:00", over midnight where the end is before the start).
        support: votes of the batches.
        false_alarms: measured on the normal reference; absent for a rule that was never calibrated.
        note: a person's or the calibration's remark.
    """

    id: str = ""
    kind: Kind
    subject: Subject = "human activity"
    text: str = Field(min_length=1)
    keywords: tuple[str, ...] = ()
    limit: Limit | None = None
    any: tuple[Limit, ...] = ()
    all: tuple[Limit, ...] = ()
    mean: tuple[Limit, ...] = ()
    vocabulary: Vocabulary | None = None
    where: Where | None = None
    when: str | None = None
    support: Support | None = None
    false_alarms: FalseAlarms | None = None
    note: str | None = None

    @field_validator("when")
    @classmethod
    def _hours(cls, value: str | None) -> str | None:
        if value is not None and not _HOURS.match(value):
            raise ValueError(f"'{value}' is not a span of hours; write it as '22:00-06:00'")
        return value

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if sum(map(bool, (self.limit, self.any, self.all, self.mean))) > 1:
            raise ValueError("'limit', 'any', 'all' and 'mean' exclude one another")
        if any(limit.scope != "object" for limit in self.mean if limit.measure in MEASURES):
            raise ValueError("'mean' takes limits on measures of objects only")
        return self

    @property
    def limits(self) -> tuple[Limit, ...]:
        """All limits of the rule."""
        return ((self.limit,) if self.limit else ()) + self.any + self.all + self.mean

    def applies_at(self, moment: datetime | None) -> bool:
        """Whether the rule's hours hold at a wall-clock time; False for a rule with hours where the time is unknown."""
        if self.when is None:
            return True
        if moment is None:
            return False
        found = _HOURS.match(self.when)
        assert found is not None
        h1, m1, h2, m2 = map(int, found.groups())
        start, end, now = time(h1, m1), time(h2, m2), moment.time()
        return start <= now < end if start <= end else now >= start or now < end


class Provenance(Model):
    """Where the rules came from."""

    perception: str = ""
    induction: str = ""
    reference: tuple[str, ...] = ()
    frames: int | None = None
    prompts: Mapping[str, str] = Field(default_factory=dict)
    created: date | None = None
    ruler: str = ""
    picture: tuple[int, int] | None = Field(None, description="width and height in pixels of the reference's picture")
    frame_rate: float | None = None
    frame_rate_known: bool = True
    candidates: str = Field("", description="file beside this one that the rules were grouped from, and its hash")


class Calibration(Model):
    """How the file as a whole behaves on the normal reference, each clip held against rules made without it.

    Attributes:
        alpha: level per rule.
        scale: exceedance of the whole file that becomes score 0.5.
        alarms_per_hour: events an hour on normal footage that score 0.5 stands for.
        frames: frames it was measured on.
        objects: objects it was measured on.
        clips: independent clips.
        hours: hours of normal footage.
        preset: smoothing it was measured with.
        frames_in_events: share of the frames inside an event.
        alarms: [scaled exceedance, events per hour at that threshold], falling; for `--alarms`.
        tail: beyond the table the rate falls by e for each `tail` of scaled exceedance.
        words: exceedance of a frame whose caption speaks of a calibrated rule's keywords, one for all such rules;
            absent where no rule on words was induced: each then counts by its own false alarms.
    """

    alpha: float = Field(0.01, gt=0, lt=1)
    scale: float = Field(1.0, gt=0)
    alarms_per_hour: float | None = Field(None, gt=0)
    frames: int = Field(0, ge=0)
    objects: int = Field(0, ge=0)
    clips: int = Field(0, ge=0)
    hours: float = Field(0.0, ge=0)
    preset: str = "centred"
    frames_in_events: float | None = None
    alarms: tuple[tuple[float, float], ...] = ()
    tail: float | None = None
    words: float | None = Field(None, gt=0)


class PersonHeight(Model):
    """Usual height of a person at each image row: base + slope · row of the foot point.

    In pixels of the reference's picture, measured in normal footage; speeds in body heights per second are told by it.
    """

    base: float
    slope: float
    least: float = 4.0


class Scene(Model):
    """The rules of one named scene of a file for several cameras."""

    scene: str = ""
    provenance: Provenance = Field(default_factory=Provenance)
    person_height: PersonHeight | None = None
    calibration: Calibration | None = None
    rules: tuple[Rule, ...] = ()


class RuleSet(Scene):
    """`rules.yaml`: the rules of one scene, or of several named scenes.

    Attributes:
        schema: version of the file format. Written `schema` in the file.
        scenes: name → rules of that scene; empty for a file of one camera.
    """

    version: Literal[1] = Field(1, alias="schema")
    scenes: Mapping[str, Scene] = Field(default_factory=dict)

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, str_strip_whitespace=True)

    @model_validator(mode="after")
    def _ids(self) -> Self:
        for rules in (self.rules, *(s.rules for s in self.scenes.values())):
            given = [r.id for r in rules if r.id]
            twice = sorted({i for i in given if given.count(i) > 1})
            if twice:
                raise ValueError(f"the id {twice[0]} is given to more than one rule")
        return self


def numbered(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Give an id to every rule without one: N1…, A1…, the first free number of its kind."""
    used = {r.id for r in rules if r.id}
    out = []
    for rule in rules:
        if not rule.id:
            letter = "N" if rule.kind == "normal" else "A"
            number = next(n for n in range(1, len(rules) + len(used) + 2) if f"{letter}{n}" not in used)
            used.add(f"{letter}{number}")
            rule = rule.model_copy(update={"id": f"{letter}{number}"})
        out.append(rule)
    return tuple(out)
