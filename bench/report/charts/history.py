"""A cost over the releases of a package: step time against an anchor, and a counter that needs no quiet machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from bench.records.metrics import metric
from bench.records.schema import Estimate
from bench.report.charts import parts, releases
from bench.report.charts.spans import covering
from bench.report.charts.theme import Look, Theme, config
from bench.report.document.numbers import ratio

RATIO_PX, COUNTER_PX, PAD_PX = 190, 110, 14


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasePoint:
    """What was seen of one release."""

    release: str
    ratio: Estimate | None = None
    """Step time over the anchor's; None where it could not be had."""
    counters: dict[str, int] = field(default_factory=dict)
    """Exact counts a steady step, by counter."""
    change: bool = False
    """Whether the cost changed with this release."""
    note: str | None = None
    """A few words that are written at a change."""


def history(
    points: Sequence[ReleasePoint],
    look: Look | None = None,
    *,
    package: str,
    anchor: str,
    counter: str = "python_calls",
    subject: str = "",
) -> alt.VConcatChart:
    """Draw step time over that of the release `anchor` for the `points` in their order, and `counter` below it.

    `subject` is what was measured, such as `hf-trainer, mlp on cpu, batch 64`. A panel for which no release has a
    figure is left out.
    """
    theme = (look or Look()).theme
    tables = {
        f"step time \N{DIVISION SIGN} that of {anchor}": [_ratio_row(point) for point in points],
        f"{metric(counter).name} a step": [_count_row(point, counter) for point in points],
    }
    timed, counted = (any(row["value"] is not None for row in table) for table in tables.values())
    shown = [timed or not counted, counted]
    kept = [
        (title, tables[title], kind) for title, kind, keep in zip(tables, (True, False), shown, strict=True) if keep
    ]
    panels = [
        releases.draw(
            _panel(title, table, package, theme, ratio=kind, last=index == len(kept) - 1),
            anchor=kind,
            noted=index == 0,
        )
        for index, (title, table, kind) in enumerate(kept)
    ]
    drawn = alt.VConcatChart(vconcat=panels, spacing=18).properties(title=_head(package, subject, kept[0][1], timed))
    finished: alt.VConcatChart = drawn.configure(**config(theme))
    return finished


def _head(package: str, subject: str, table: Sequence[dict[str, Any]], timed: bool) -> alt.TitleParams:
    told = "Step time against that of the anchor, with 95 % intervals. " if timed else ""
    told += "A dashed rule marks a change."
    told += " \N{MULTIPLICATION SIGN}: no figure." if any(row["value"] is None for row in table) else ""
    return parts.head(f"Releases of {package}{', ' if subject else ''}{subject}", [told])


def _panel(
    title: str, table: list[dict[str, Any]], package: str, theme: Theme, *, ratio: bool, last: bool
) -> releases.Panel:
    values = [row[key] for row in table for key in ("low", "value", "high") if row[key] is not None]
    held = [1.0, *values] if ratio else values
    span = covering(held, RATIO_PX if ratio else COUNTER_PX, log=ratio).padded(PAD_PX, PAD_PX)
    return releases.Panel(title=title, table=table, figures=span, last=last, package=package, theme=theme)


def _row(point: ReleasePoint) -> dict[str, Any]:
    note = f"{point.release}: {point.note}" if point.note else point.release
    return {"release": point.release, "change": point.change, "note": note, "low": None, "high": None}


def _ratio_row(point: ReleasePoint) -> dict[str, Any]:
    if point.ratio is None:
        return _row(point) | {"value": None, "shown": "no figure"}
    figure = point.ratio
    return _row(point) | {"value": figure.value, "low": figure.low, "high": figure.high, "shown": ratio(figure)}


def _count_row(point: ReleasePoint, counter: str) -> dict[str, Any]:
    value = point.counters.get(counter)
    return _row(point) | {"value": value, "shown": "no figure" if value is None else f"{value:,}"}
