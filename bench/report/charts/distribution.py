"""How step times are spread: the share of steps that take no longer, by runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from bench.records.schema import STEP_QUANTILES
from bench.report.charts import parts
from bench.report.charts.spans import Span, covering
from bench.report.charts.theme import Look
from bench.report.document.numbers import number

HEIGHT_PX, LEFT_PX, ROW_PX = 270, 74, 18
SAMPLE_PX = 26
"""The piece of its line that stands before a runner's name."""
HEAD = "runner, median"


def distribution(
    quantiles_us: Mapping[str, Sequence[float]], look: Look | None = None, *, where: str = ""
) -> alt.LayerChart:
    """Draw how step times are spread: by runner the `step_quantiles_us` of its row, in µs. `where` ends the title.

    These leave out the slowest steps: one in a thousand that took fifty times as long would leave all others no room.
    """
    look = (look or Look()).knowing(list(quantiles_us))
    medians = {runner: quantiles[STEP_QUANTILES // 2] for runner, quantiles in quantiles_us.items()}
    names = {
        name: f"{look.name(name)}, {number(medians[name])} µs" for name in sorted(medians, key=medians.__getitem__)
    }
    width = parts.WIDTH_PX - LEFT_PX - SAMPLE_PX - 40 - parts.text_px([*names.values(), HEAD])
    table: list[dict[str, Any]] = [
        {"runner": runner, "x": value, "y": 100 * place / STEP_QUANTILES}
        for runner, quantiles in quantiles_us.items()
        for place, value in enumerate(quantiles)
    ]
    x = covering([row["x"] for row in table], round(width), log=True).padded(8, 8)
    y = Span(low=0.0, high=100.0, size_px=HEIGHT_PX)
    layers = [*_curves(table, medians, x, y, look), *_key(names, x, y, look)]
    told = "The share of steady steps that take no longer: further left is faster. "
    told += "Each runner's slowest 0.5 % is left out."
    title = f"Step times, {where}" if where else "Step times"
    return parts.titled(layers, look.theme, title, [told], width=x.size_px, height=HEIGHT_PX)


def _curves(
    table: Sequence[dict[str, Any]], medians: Mapping[str, float], x: Span, y: Span, look: Look
) -> list[alt.Chart]:
    x_axis = parts.axis(x, "step time, µs, log scale", grid=False)
    y_axis = parts.axis(y, "share of steps, %", values=[0, 25, 50, 75, 100], domain=False, ticks=False)
    base = parts.chart(table).encode(
        x=alt.X("x:Q", scale=parts.scale(x), axis=x_axis),
        y=alt.Y("y:Q", scale=parts.scale(y), axis=y_axis),
        color=parts.runner_colour(look),
    )
    middle = [
        {"runner": runner, "x": value, "y": 50.0, "shown": f"{number(value)} µs"} for runner, value in medians.items()
    ]
    tooltip = [alt.Tooltip("runner:N"), alt.Tooltip("shown:N", title="median")]
    lines = base.mark_line(strokeWidth=1.8).encode(strokeDash=parts.runner_dash(look), order=alt.Order("y:Q"))
    return [lines, _dots(parts.over(base, middle).encode(tooltip=tooltip), look)]


def _dots(base: alt.Chart, look: Look) -> alt.Chart:
    dots = base.mark_point(filled=True, opacity=1, size=70, stroke=look.theme.background, strokeWidth=0.8)
    drawn: alt.Chart = dots.encode(shape=parts.runner_shape(look))
    return drawn


def _key(names: Mapping[str, str], x: Span, y: Span, look: Look) -> list[alt.Chart]:
    """Name the lines right of the plot, the fastest first, each behind a piece of it: their ends all lie at the top."""
    left = x.size_px + 16
    rows = [
        {"runner": runner, "text": text, "y": y.value(HEIGHT_PX - ROW_PX * (rank + 1.5))}
        for rank, (runner, text) in enumerate(names.items())
    ]
    base = parts.chart(rows).encode(y=alt.Y("y:Q", scale=parts.scale(y)))
    sample = base.mark_rule(strokeWidth=1.8).encode(**parts.px(x=left, x2=left + SAMPLE_PX))
    coloured = base.encode(color=parts.runner_colour(look))
    head = parts.chart([{"text": HEAD}]).mark_text(align="left", baseline="middle", color=look.theme.muted)
    return [
        sample.encode(color=parts.runner_colour(look), strokeDash=parts.runner_dash(look)),
        _dots(coloured.encode(**parts.px(x=left + SAMPLE_PX / 2)), look),
        base.mark_text(align="left", baseline="middle").encode(
            **parts.px(x=left + SAMPLE_PX + 8), text=alt.Text("text:N")
        ),
        head.encode(**parts.px(x=left, y=ROW_PX / 2), text=alt.Text("text:N")),
    ]
