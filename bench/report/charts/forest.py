"""One row a runner and batch size: a dot with its 95 % interval, and the figure beside it."""

from __future__ import annotations

import altair as alt

from bench.report.charts import rows
from bench.report.charts.forest_dots import draw
from bench.report.charts.forest_rows import Plot
from bench.report.charts.theme import Look
from bench.report.document.groups import Group, baseline_of

AGAINST_THE_BASELINE = "Right of the line is slower. Bars: the intervals that decide. Hollow: no difference shown."
READ = "Right of the line is slower. Bars: 95 % intervals. Hollow: the interval holds the line, no difference shown."


def ratios(group: Group, look: Look | None = None) -> alt.LayerChart:
    """Draw step time over the hand-written loop's, without `floor`, on a logarithmic axis with a line at 1."""
    plot = Plot(
        title=f"Ratio to {baseline_of(group.cells)}, {group.title}",
        axis=f"step time \N{DIVISION SIGN} that of {baseline_of(group.cells)}, log scale",
        cells=rows.loops(group),
        figure=rows.compared("ratio"),
        same=1.0,
        log=True,
        told=f"{READ}{rows.without_floor(group)}",
    )
    return draw(plot, group, look)


def changes(group: Group, look: Look | None = None, *, margin: float) -> alt.LayerChart:
    """Draw step time of a candidate over its baseline's, from the `ratio` of its rows.

    `margin` (0.03 for 3 %) is drawn as a band around the line at 1: what the check lets pass.
    """
    plot = Plot(
        title=f"Candidate over baseline, {group.title}",
        axis="step time \N{DIVISION SIGN} that of the baseline, log scale",
        cells=group.cells,
        figure=lambda cell: cell.ratio,
        same=1.0,
        log=True,
        band=(1 / (1 + margin), 1 + margin),
        told=f"{AGAINST_THE_BASELINE} The band is the margin of {100 * margin:g} %.",
    )
    return draw(plot, group, look)


def overhead(group: Group, look: Look | None = None) -> alt.LayerChart:
    """Draw step time minus the hand-written loop's, without `floor`, in µs, with a line at 0."""
    plot = Plot(
        title=f"Overhead in µs a step, {group.title}",
        axis=f"step time minus that of {baseline_of(group.cells)}, µs",
        cells=rows.loops(group),
        figure=rows.compared("overhead_us"),
        same=0.0,
        told=f"{READ}{rows.without_floor(group)}",
    )
    return draw(plot, group, look)


def throughput(group: Group, look: Look | None = None) -> alt.LayerChart:
    """Draw samples a second of every runner, from 0."""
    plot = Plot(
        title=f"Throughput, {group.title}",
        axis="samples a second",
        cells=group.cells,
        figure=rows.throughput,
        told="Samples a second, higher is better. Bars: 95 % intervals.",
    )
    return draw(plot, group, look)
