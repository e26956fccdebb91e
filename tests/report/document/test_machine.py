"""What reports of releases say of the machine they were measured on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench.cli import bisect_search
from bench.records import store
from bench.records.schema import ByCalibration
from bench.report.document import machine
from bench.report.document.blocks import document
from bench.report.kinds.bisect import report as bisect_report
from bench.report.kinds.upgrade import report as upgrade_report
from bench.report.media import markdown, terminal
from tests import checks, factories, searches

BY = ByCalibration(made_at=datetime(2026, 1, 2, tzinfo=UTC), setting="blocks", usual=6, chosen=6, resolves=0.031)


def test_nothing_is_said_of_a_machine_of_which_nothing_is_known():
    assert document("x", machine.sections(factories.summary())).blocks == ()


def test_the_calibration_comes_before_the_warnings():
    summary = factories.summary()
    settings = summary.run.settings.model_copy(update={"by_calibration": BY})
    run = summary.run.model_copy(update={"settings": settings})
    summary = summary.model_copy(update={"run": run, "warnings": ["Load is 3.1."]})
    assert markdown.written(document("x", machine.sections(summary))).split("\n\n")[1:] == [
        "## What this machine can resolve",
        "- By this machine's calibration of 2026-01-02, the usual 6 blocks: expected CI ±3.1 %.",
        "## Warnings",
        "- Load is 3.1.\n",
    ]


@pytest.mark.parametrize("made", [checks.ended(checks.planned(), checks.timed(checks.planned(), checks.QUIET)), None])
def test_a_margin_that_a_calibration_made_wider_is_told_with_every_verdict(made):
    kind = upgrade_report if made is not None else bisect_report
    made = made or searches.summary(searches.planned(metric="step_time"))
    margin = {"made_at": BY.made_at, "setting": "margin", "usual": 0.03}
    for chosen, drifts in ((0.042, 1), (0.03, 0)):
        by = ByCalibration(**margin, chosen=chosen, resolves=0.041)
        settings = made.run.settings.model_copy(update={"by_calibration": by, "time_margin": chosen})
        summary = made.model_copy(update={"run": made.run.model_copy(update={"settings": settings})})
        lines = terminal.lines(kind.document(summary, "results/a"))
        sentence = "the margin of time is 4.2 % instead of 3.0 %; --margin sets another."
        assert sum(sentence in line for line in lines) == drifts


@pytest.mark.parametrize("quiet", [False, True])
def test_a_bisection_says_what_a_calibration_made_of_its_margin_before_it_measures(
    tmp_path, capsys, monkeypatch, quiet
):
    run = searches.planned(metric="step_time")
    by = ByCalibration(made_at=BY.made_at, setting="margin", usual=0.03, chosen=0.042, resolves=0.041)
    settings = run.settings.model_copy(update={"by_calibration": by, "time_margin": 0.042})
    folder = store.create(tmp_path, run.model_copy(update={"settings": settings}))
    monkeypatch.setattr(
        bisect_search.BisectSearch, "_count", lambda *_, **__: pytest.fail(capsys.readouterr().err, pytrace=False)
    )
    with pytest.raises(pytest.fail.Exception) as at_the_first_count:
        bisect_search.hunted(folder, lambda _: pytest.fail("nothing to install"), confirm=True, quiet=quiet)
    sentence = str(at_the_first_count.value)
    assert ("the margin of time is 4.2 % instead of 3.0 %; --margin sets another." in sentence) is not quiet
