"""What reports of releases say of the machine they were measured on."""

from __future__ import annotations

from datetime import UTC, datetime

from bench.records.schema import ByCalibration
from bench.report import machine
from tests import factories

BY = ByCalibration(made_at=datetime(2026, 1, 2, tzinfo=UTC), setting="blocks", usual=6, chosen=6, resolves=0.031)


def test_nothing_is_said_of_a_machine_of_which_nothing_is_known():
    assert machine.section(factories.summary()) == []


def test_the_calibration_comes_before_the_warnings():
    summary = factories.summary()
    settings = summary.run.settings.model_copy(update={"by_calibration": BY})
    run = summary.run.model_copy(update={"settings": settings})
    summary = summary.model_copy(update={"run": run, "machine_warnings": ["Load is 3.1."]})
    assert machine.section(summary) == [
        "## What this machine can resolve",
        "- By this machine's calibration of 2026-01-02, the usual 6 blocks should tell the ratio of two loops to "
        "within 3.1 %.",
        "## What to be wary of",
        "- Load is 3.1.",
    ]
