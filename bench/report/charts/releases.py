"""How one panel of a history is drawn: a line over the releases, its intervals, gaps, changes and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from bench.report.charts import parts
from bench.report.charts.notes import Note, placed
from bench.report.charts.spans import Span
from bench.report.charts.theme import SMALL_PX, Theme

WIDTH_PX, AXIS_PX, NOTE_PX = 620, 44, 17
LEVEL_LABELS = 10
"""More releases than this are written at a slant."""
SLANTED_PX = 16
CROSS = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One of the two, which share the releases.

    A row of `table` has release, change, note, shown, and value, low and high, which may be None.
    """

    title: str
    table: list[dict[str, Any]]
    figures: Span
    """The axis without room for notes."""
    last: bool
    """Whether the releases are written below it."""
    package: str
    theme: Theme


def draw(panel: Panel, *, anchor: bool, noted: bool) -> alt.LayerChart:
    """Draw the panel; with `anchor` a line at 1, with `noted` the notes of its changes above the line."""
    changes = [(index, row["note"]) for index, row in enumerate(panel.table) if row["change"]]
    notes, rows = placed(changes, len(panel.table), WIDTH_PX) if noted else ([], 0)
    span = panel.figures.extended(rows * NOTE_PX)
    tops = {note.index: span.value(span.size_px - NOTE_PX * (note.row + 0.5)) for note in notes}
    rules = [{**panel.table[index], "bottom": span.low, "top": tops.get(index, span.high)} for index, _ in changes]
    layers = [
        *_line(panel, span),
        *([_anchor_line(panel, span)] if anchor else []),
        _rules(panel, span, rules),
        *_points(panel, span),
        *_gaps(panel, span),
        *_notes(panel, span, notes, tops),
    ]
    drawn: alt.LayerChart = alt.LayerChart(layer=layers).properties(width=WIDTH_PX, height=span.size_px)
    return drawn


def _x(panel: Panel) -> alt.X:
    """Releases side by side, in their order; where they are many, every so many is written, the newest always."""
    names = [row["release"] for row in panel.table]
    every = -(-len(names) * SLANTED_PX // WIDTH_PX)
    axis = alt.Axis(
        title=f"release of {panel.package}" if panel.last else None,
        values=names[::-1][::every][::-1],
        labelAngle=-45 if len(names) > LEVEL_LABELS else 0,
        labelLimit=90,
        labels=panel.last,
        ticks=panel.last,
        grid=False,
    )
    return alt.X("release:O", sort=names, scale=alt.Scale(type="point", padding=0.5, domain=names), axis=axis)


def _y(panel: Panel, span: Span, field: str = "value") -> alt.Y:
    look: dict[str, Any] = {"domain": False, "ticks": False, "minExtent": AXIS_PX}
    axis = parts.axis(panel.figures, panel.title, **look)
    return alt.Y(f"{field}:Q", scale=parts.scale(span), axis=axis)


def _line(panel: Panel, span: Span) -> list[alt.Chart]:
    """Draw the line, broken where there is no figure, and the intervals."""
    base = parts.chart(panel.table).encode(x=_x(panel), y=_y(panel, span))
    spread = [row for row in panel.table if row["low"] is not None and row["high"] is not None]
    bars = parts.over(base, spread).mark_rule(color=panel.theme.accent, strokeWidth=1.6)
    return [
        base.mark_line(color=panel.theme.accent, strokeWidth=1.6),
        bars.encode(y=_y(panel, span, "low"), y2=alt.Y2("high:Q")),
    ]


def _points(panel: Panel, span: Span) -> list[alt.Chart]:
    """Draw a dot at each figure, and a diamond at a change."""
    tooltip = [alt.Tooltip(f"{name}:N") for name in ("release", "shown", "note")]
    base = parts.chart([]).encode(x=_x(panel), y=_y(panel, span), tooltip=tooltip)
    held = [row for row in panel.table if row["value"] is not None]
    dots = parts.over(base, [row for row in held if not row["change"]])
    changes = parts.over(base, [row for row in held if row["change"]])
    return [
        dots.mark_point(filled=True, opacity=1, shape="circle", size=42, color=panel.theme.accent),
        changes.mark_point(filled=True, opacity=1, shape="diamond", size=110, color=panel.theme.vermillion),
    ]


def _anchor_line(panel: Panel, span: Span) -> alt.Chart:
    base = parts.chart([{"value": 1.0}]).encode(y=_y(panel, span))
    drawn: alt.Chart = base.mark_rule(color=panel.theme.ink, strokeWidth=0.8)
    return drawn


def _gaps(panel: Panel, span: Span) -> list[alt.Chart]:
    gaps = [row for row in panel.table if row["value"] is None]
    base = parts.chart(gaps).encode(x=_x(panel), **parts.px(y=span.size_px - 8))
    return [base.mark_text(color=panel.theme.muted, text=CROSS, fontSize=14)] if gaps else []


def _rules(panel: Panel, span: Span, rows: Sequence[dict[str, Any]]) -> alt.Chart:
    base = parts.chart(rows).encode(x=_x(panel), y=_y(panel, span, "top"), y2=alt.Y2("bottom:Q"))
    drawn: alt.Chart = base.mark_rule(color=panel.theme.vermillion, strokeDash=[4, 3], strokeWidth=1)
    return drawn


def _notes(panel: Panel, span: Span, notes: Sequence[Note], tops: dict[int, float]) -> list[alt.Chart]:
    """Write the notes; what lies behind one is covered by the background around its letters."""
    layers: list[alt.Chart] = []
    for left in (True, False):
        rows = [
            {"release": panel.table[note.index]["release"], "top": tops[note.index], "text": note.text}
            for note in notes
            if note.left == left
        ]
        base = parts.chart(rows).encode(x=_x(panel), y=_y(panel, span, "top"), text=alt.Text("text:N"))
        side: dict[str, Any] = {"align": "left", "dx": 6} if left else {"align": "right", "dx": -6}
        halo: dict[str, Any] = {"stroke": panel.theme.background, "strokeWidth": 5}
        text = {**side, "baseline": "middle", "fontSize": SMALL_PX}
        layers += [base.mark_text(**text, **halo), base.mark_text(**text)]
    return layers
