"""The charts of a check: step times of the candidate over the baseline's, with the margin, one a group of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.plan.upgrade import CANDIDATE
from bench.report.charts import Drawing, drawing, look_of
from bench.report.charts.forest import changes
from bench.report.document.blocks import Figure
from bench.report.document.groups import Group, groups
from bench.report.document.verdict_tables import ratio

if TYPE_CHECKING:
    from bench.records.schema import Summary

STEP_TIME = "step_time_us"


def drawings(summary: Summary) -> list[Drawing]:
    """Return the charts, in the order of the groups; none where no step time was judged."""
    margin, style = summary.run.settings.margin_of_time, look_of(summary)
    texts = {verdict.cell: ratio(verdict) for verdict in summary.verdicts if verdict.metric == STEP_TIME}
    return [
        drawing(file(index), described(group), changes(group, style, margin=margin, text=lambda row: texts[row.cell]))
        for index, group in enumerate(judged_groups(summary))
    ]


def figures(summary: Summary) -> list[Figure]:
    """Return the charts as they stand in the report."""
    return [Figure(file=file(index), alt=described(group)) for index, group in enumerate(judged_groups(summary))]


def judged_groups(summary: Summary) -> list[Group]:
    """Return the candidate's rows with the ratios of their verdicts, whose bounds are those that decided."""
    if summary.no_charts is not None:
        return []
    ratios = {
        verdict.cell: verdict.ratio
        for verdict in summary.verdicts
        if verdict.metric == STEP_TIME and verdict.ratio is not None
    }
    cells = [
        row.model_copy(update={"ratio": ratios[row.cell]})
        for row in summary.cells
        if row.environment == CANDIDATE and row.cell in ratios
    ]
    return groups(summary.model_copy(update={"cells": cells}))


def described(group: Group) -> str:
    """Say what the chart shows, for who cannot see it."""
    return f"Step time, candidate over baseline, {group.title}, by batch size and runner, with the margin."


def file(index: int) -> str:
    """The chart's name in the folder of charts."""
    return f"step-time-{index}.svg"
