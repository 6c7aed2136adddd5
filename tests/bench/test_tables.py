"""What a person reads of an evaluation, and the figures of others beside it."""

from __future__ import annotations

import zipfile

import pytest
from pydantic import ValidationError

from ruler.bench.published import Published, all_published, published_on
from ruler.bench.tables import as_markdown, as_text


def test_the_table_names_what_was_measured(measured):
    text = as_text(measured[1])
    for part in (
        "micro AUC",
        "95 %",
        "alarms per hour",
        "R@1, TD ≤ p",
        "not the paper's protocol",
        "AnomalyRuler-base",
    ):
        assert part in text
    assert all(line == line.rstrip() for line in text.split("\n"))
    assert "this run (ruler)" in text and "labels/*.npy" in text


def test_markdown_tables_are_whole(measured):
    lines = as_markdown(measured[1]).split("\n")
    tables = [line for line in lines if line.startswith("|")]
    assert lines[0] == "### shanghaitech, ruler" and len(tables) > 20
    widths = [line.replace("\\|", "").count("|") for line in tables]
    assert {3, 9, 8} == set(widths)


def test_every_published_figure_says_where_it_is_from():
    known = {"ped1", "ped2", "avenue", "shanghaitech", "ubnormal", "ucf-crime", "xd-violence"}
    for one in all_published():
        assert one.source and one.dataset in known, one
        assert one.metric in ("micro AUC", "macro AUC", "AUC", "AP"), one
        # a metric of which it is not said how videos are pooled compares with nothing
        assert one.metric != "AUC" or one.comparable.startswith("no"), one
    with pytest.raises(ValidationError):
        Published.model_validate({**all_published()[0].model_dump(), "comparable": "no"})


def test_the_paper_and_its_program_stand_in_the_file():
    def figures(method):
        return {one.dataset: one.value for one in all_published() if one.method == method}

    assert figures("AnomalyRuler") == {"ped2": 0.979, "avenue": 0.897, "shanghaitech": 0.852, "ubnormal": 0.719}
    assert figures("AnomalyRuler-base") == {"ped2": 0.965, "avenue": 0.822, "shanghaitech": 0.846, "ubnormal": 0.698}
    assert figures("AnomalyRuler-base, its program") == {"ped2": 0.925, "avenue": 0.724, "shanghaitech": 0.845}
    assert all(one.comparable.startswith("no") for one in published_on("ubnormal") if "AnomalyRuler" in one.method)
    assert published_on("folder") == ()


def test_the_figures_ship_in_the_wheel(wheel):
    assert "ruler/_assets/benchmarks/published.yaml" in zipfile.ZipFile(wheel).namelist()
