"""A cost over the releases of a package: step time against an anchor, and a counter that needs no quiet machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.metrics import metric
from bench.records.schema import Estimate
from bench.report.charts import frame
from bench.report.charts.frame import Spec, quantity
from bench.report.charts.theme import SMALL_PX, Style, Theme, config
from bench.report.document.numbers import ratio

WIDTH_PX, AXIS_PX, RATIO_PX, COUNTER_PX, PAD_PX, TICK_PX = 620, 44, 190, 110, 14, 35
NOTE_PX, LEFT_SHARE = 17, 0.6
"""Notes of changes in this share of the releases start at their rules; later ones, near the edge, end there."""
LEVEL_LABELS, SLANTED_PX = 10, 16
"""More releases than this are written at a slant, each of which takes so much."""
CROSS = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasePoint:
    """What was seen of one release."""

    release: str
    ratio: Estimate | None = None
    """Step time over the anchor's; None where it could not be had."""
    python_calls: int | None = None
    """Those of a steady step."""
    change: bool = False
    """Whether the cost changed with this release."""
    note: str | None = None
    """A few words that are written at a change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One of the two, which share the releases."""

    title: str
    rows: list[Spec]
    """One a release: its name, whether it changed the cost, its note, and where it has a figure the figure."""
    height_px: int
    is_ratio: bool = False


def history(points: Sequence[ReleasePoint], style: Style, *, package: str, anchor: str, subject: str) -> Spec:
    """Draw step time over that of the release `anchor` for the `points` in their order, and Python calls below it.

    `subject` is what was measured, such as `hf-trainer, mlp on cpu, batch 64`. A panel for which no release has a
    figure is left out.
    """
    panels = _panels(points, anchor)
    drawn = [
        _draw(panel, style.theme, _x(points, package if panel is panels[-1] else None), noted=panel is panels[0])
        for panel in panels
    ]
    caption = "Step time against that of the anchor, with 95 % intervals. " if panels[0].is_ratio else ""
    caption += "A dashed rule marks a change."
    caption += f" {CROSS}: no figure." if any("value" not in row for row in panels[0].rows) else ""
    head = frame.head(f"Releases of {package}, {subject}", [caption])
    return {"title": head, "config": config(style.theme), "spacing": 18, "vconcat": drawn}


def _panels(points: Sequence[ReleasePoint], anchor: str) -> list[Panel]:
    title = f"step time \N{DIVISION SIGN} that of {anchor}"
    ratios = Panel(title=title, rows=[_ratio_row(point) for point in points], height_px=RATIO_PX, is_ratio=True)
    title = f"{metric('python_calls').name} per step"
    counts = Panel(title=title, rows=[_count_row(point) for point in points], height_px=COUNTER_PX)
    return [panel for panel in (ratios, counts) if any("value" in row for row in panel.rows)] or [ratios]


def _ratio_row(point: ReleasePoint) -> Spec:
    if point.ratio is None:
        return _row(point)
    figure = point.ratio
    return _row(point) | {"value": figure.value, "low": figure.low, "high": figure.high, "shown": ratio(figure)}


def _count_row(point: ReleasePoint) -> Spec:
    value = point.python_calls
    return _row(point) | ({} if value is None else {"value": value, "shown": f"{value:,}"})


def _row(point: ReleasePoint) -> Spec:
    note = f"{point.release}: {point.note}" if point.note else point.release
    return {"release": point.release, "change": point.change, "note": note}


def _x(points: Sequence[ReleasePoint], package: str | None) -> Spec:
    """Releases side by side, written under the last panel; where they are many, every so many, the newest always."""
    names = [point.release for point in points]
    every = -(-len(names) * SLANTED_PX // WIDTH_PX)
    axis: Spec = {"title": f"release of {package}", "values": names[::-1][::every][::-1], "grid": False}
    axis |= {"labelAngle": -45 if len(names) > LEVEL_LABELS else 0, "labelLimit": 90}
    bare: Spec = {"title": None, "labels": False, "ticks": False, "grid": False}
    scale = {"type": "point", "padding": 0.5, "domain": names}
    return {"field": "release", "type": "ordinal", "scale": scale, "axis": axis if package else bare}


def _draw(panel: Panel, theme: Theme, x: Spec, *, noted: bool) -> Spec:
    """Draw one panel, with room above it for the notes of its changes where it is `noted`."""
    notes = _notes(panel.rows) if noted else []
    top_px = NOTE_PX * len(notes)
    height_px = panel.height_px + top_px
    changes = [{"release": row["release"], "note": "", "y": 0} for row in panel.rows if row["change"]]
    return {
        "width": WIDTH_PX,
        "height": height_px,
        "encoding": {"x": x},
        "layer": [
            {"data": {"values": panel.rows}, "layer": _figures(panel, theme, top_px)},
            {"data": {"values": notes if noted else changes}, "layer": _changes(theme, height_px)},
        ],
        "resolve": {"scale": {"y": "independent"}},
    }


def _figures(panel: Panel, theme: Theme, top_px: int) -> list[Spec]:
    """Draw the line, broken where there is no figure, the intervals, dots, and the line at 1 of ratios."""
    bottom_px = top_px + panel.height_px
    scale = {"type": "log" if panel.is_ratio else "linear", "nice": False, "zero": False, "padding": PAD_PX}
    y = quantity("value", scale=scale | {"range": [bottom_px, top_px]})
    y["axis"] = {"title": panel.title, "minExtent": AXIS_PX, "tickCount": panel.height_px // TICK_PX}
    line = {"type": "line", "color": theme.accent, "strokeWidth": 1.6}
    rule = {"type": "rule", "color": theme.accent, "strokeWidth": 1.6}
    anchor: Spec = {"x": {"value": 0}, "x2": {"value": "width"}, "y": {"datum": 1}}
    cross = {"type": "text", "text": CROSS, "fontSize": 14, "color": theme.muted}
    return [
        {"mark": line, "encoding": {"y": y}},
        {"mark": rule, "encoding": {"y": y | {"field": "low"}, "y2": {"field": "high"}}},
        *([frame.ONCE | {"mark": {"type": "rule", "color": theme.ink}, "encoding": anchor}] if panel.is_ratio else []),
        {"mark": {"type": "point", "filled": True, "opacity": 1}, "encoding": {"y": y} | _dots(theme)},
        {
            "transform": [{"filter": "!isValid(datum.value)"}],
            "mark": cross,
            "encoding": {"y": {"value": bottom_px - 8}},
        },
    ]


def _dots(theme: Theme) -> Spec:
    """A dot at each figure, and a diamond at a change."""
    changed = {"color": (theme.vermillion, theme.accent), "shape": ("diamond", "circle"), "size": (110, 42)}
    dots: Spec = {
        channel: {"condition": {"test": "datum.change", "value": change}, "value": usual}
        for channel, (change, usual) in changed.items()
    }
    return dots | {"tooltip": frame.tooltip({name: name for name in ("release", "shown", "note")})}


def _notes(rows: Sequence[Spec]) -> list[Spec]:
    """Return each change's note with a line of its own above the figures.

    A rule goes from the bottom up to its note. So a note stands below those whose text its rule would cross: first
    those that end at their rules, from the last one back, then the others from the first.
    """
    changes = [(index, row) for index, row in enumerate(rows) if row["change"]]
    early = [row for index, row in changes if index + 0.5 <= LEFT_SHARE * len(rows)]
    late = [row for _, row in changes[len(early) :]]
    ordered = [*((row, "right", -6) for row in reversed(late)), *((row, "left", 6) for row in early)]
    return [
        {"release": row["release"], "note": row["note"], "y": NOTE_PX * (line + 0.5), "align": align, "dx": dx}
        for line, (row, align, dx) in enumerate(ordered)
    ]


def _changes(theme: Theme, height_px: int) -> list[Spec]:
    """Draw a rule at each change, from the bottom to `y` in pixels, and its note there, clear of rules behind it."""
    y = quantity("y", scale={"domain": [0, height_px], "range": [0, height_px], "nice": False}, axis=None)
    rule = {"type": "rule", "color": theme.vermillion, "strokeDash": [4, 3]}
    text = {"type": "text", "fontSize": SMALL_PX, "limit": (1 - LEFT_SHARE) * WIDTH_PX - 8}
    text |= {"align": {"expr": "datum.align"}, "dx": {"expr": "datum.dx"}}
    note = {"y": y, "text": {"field": "note"}}
    return [
        {"mark": rule, "encoding": {"y": y, "y2": {"value": height_px}}},
        {"mark": text | {"stroke": theme.background, "strokeWidth": 5}, "encoding": note},
        {"mark": text, "encoding": note},
    ]
