"""How charts look: two themes, and one colour, shape and dash for each runner, the same in every chart.

The colours follow Okabe and Ito (Color Universal Design, 2008), darkened where they would vanish on white.
No chart rests on colour alone: a runner has a shape and a dash too, and stacked parts differ in lightness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from bench.report.charts.names import short_names

FONT = "Helvetica, Arial, sans-serif"
SMALL_PX, TEXT_PX, TITLE_PX = 11, 12, 15
"""No text is smaller than ten pixels, which is what people can still read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Theme:
    """Every colour of a chart, as #rrggbb in lower case."""

    background: str
    ink: str
    muted: str
    """Second text, and what lies behind the data."""
    grid: str
    band: str
    accent: str
    black: str
    vermillion: str
    purple: str
    blue: str
    green: str
    grey: str
    brown: str
    sky: str
    gold: str
    parts: tuple[str, str, str, str, str]
    """Of stacked bars, from dark to light in both themes, so that neighbours differ without colour."""
    on_dark: str = "#fefefe"
    on_light: str = "#010101"
    """Text on the two darker and on the three lighter parts."""


LIGHT = Theme(
    background="#ffffff",
    ink="#1f2328",
    muted="#59636e",
    grid="#e6e9ed",
    band="#f1e3c6",
    accent="#0a5ea8",
    black="#1a1a1a",
    vermillion="#d55e00",
    purple="#b8538f",
    blue="#0072b2",
    green="#00855f",
    grey="#7d848c",
    brown="#8c564b",
    sky="#2b93cc",
    gold="#a47a00",
    parts=("#2d3f7f", "#2a78a6", "#43b094", "#b5d36a", "#e9e5d5"),
)
DARK = Theme(
    background="#0d1117",
    ink="#f0f6fc",
    muted="#9198a1",
    grid="#252c35",
    band="#40371f",
    accent="#58a6ff",
    black="#f5f5f5",
    vermillion="#f0813a",
    purple="#dd8fbc",
    blue="#3f9ad6",
    green="#1fb58a",
    grey="#959da6",
    brown="#c08a7d",
    sky="#74c3f0",
    gold="#dcb035",
    parts=("#4a61b8", "#3187b8", "#43b194", "#b5d46a", "#e9e6d5"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """How one runner is drawn: a field of `Theme`, a shape of Vega or a path, and dashes in pixels."""

    colour: str
    shape: str
    dash: tuple[int, ...]


SOLID = (1, 0)
MARKS = {
    "pytorch": Mark(colour="black", shape="circle", dash=SOLID),
    "hf-trainer": Mark(colour="vermillion", shape="square", dash=(8, 3)),
    "lightning": Mark(colour="purple", shape="diamond", dash=(8, 2, 2, 2)),
    "accelerate": Mark(colour="blue", shape="triangle-up", dash=(5, 2)),
    "fabric": Mark(colour="green", shape="triangle-down", dash=(3, 2)),
    "floor": Mark(colour="grey", shape="cross", dash=(1, 2)),
}
SPARE_COLOURS = ("brown", "sky", "gold")
STAR = "M0,-1.55L0.34,-0.48L1.47,-0.48L0.56,0.19L0.91,1.26L0,0.59L-0.91,1.26L-0.56,0.19L-1.47,-0.48L-0.34,-0.48Z"
HOURGLASS = "M-1,-1L1,-1L-1,1L1,1Z"
SPARE_SHAPES = ("triangle-right", "triangle-left", STAR, HOURGLASS)
SPARE_DASHES = ((12, 3), (10, 2, 2, 2, 2, 2), (6, 4), (4, 2, 1, 2), (2, 3))


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """A theme, and all runners of a run in its order: what a chart must know to look like the others."""

    theme: Theme = LIGHT
    runners: tuple[str, ...] = ()

    def mark(self, runner: str) -> Mark:
        """Return how `runner` is drawn: one that looptax does not know gets the next free mark."""
        return MARKS.get(runner) or _spare([name for name in self.runners if name not in MARKS].index(runner))

    def colour(self, runner: str) -> str:
        """Return its colour in this theme."""
        value: str = getattr(self.theme, self.mark(runner).colour)
        return value

    def name(self, runner: str) -> str:
        """Return what a chart calls it: of a file only as much of its path as tells it from the others."""
        return short_names(self.runners)[runner]

    def with_runners(self, runners: Sequence[str]) -> Style:
        """Return the same look with the `runners` that it does not know yet added in their order."""
        return Style(theme=self.theme, runners=tuple(dict.fromkeys((*self.runners, *runners))))


def _spare(index: int) -> Mark:
    """The lengths of the three lists have no common divisor: sixty runners before one repeats."""
    return Mark(
        colour=SPARE_COLOURS[index % len(SPARE_COLOURS)],
        shape=SPARE_SHAPES[index % len(SPARE_SHAPES)],
        dash=SPARE_DASHES[index % len(SPARE_DASHES)],
    )


def colours(theme: Theme) -> list[str]:
    """Every colour of a theme, in the same order for each."""
    values = [getattr(theme, field.name) for field in fields(theme)]
    return [colour for value in values for colour in (value if isinstance(value, tuple) else (value,))]


def stylesheet(shown: Theme = LIGHT, other: Theme = DARK) -> str:
    """CSS that turns a chart drawn in `shown` into `other`, for what stands in a media query or behind a switch."""
    pairs = [(a, b) for a, b in zip(colours(shown), colours(other), strict=True) if a != b]
    return "".join(f'[{name}="{a}"]{{{name}:{b}}}' for a, b in pairs for name in ("fill", "stroke"))


def config(theme: Theme) -> dict[str, Any]:
    """Return what Vega-Lite calls a config: everything that no single chart decides."""
    text = {"labelColor": theme.muted, "titleColor": theme.ink, "labelFontSize": SMALL_PX, "titleFontSize": TEXT_PX}
    axis = {"gridColor": theme.grid, "domainColor": theme.muted, "tickColor": theme.muted, "titleFontWeight": "normal"}
    title = {"color": theme.ink, "subtitleColor": theme.muted, "fontSize": TITLE_PX, "subtitleFontSize": TEXT_PX}
    return {
        "aria": False,  # an image has one description, which `render.svg` adds
        "background": theme.background,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {**text, **axis, "titlePadding": 8, "labelSeparation": 8},
        "axisQuantitative": {"grid": True, "domain": False, "ticks": False, "tickCount": 7, "labelFlush": False},
        "legend": {**text, "labelColor": theme.ink, "symbolSize": 130, "rowPadding": 6, "labelLimit": 260},
        "title": {**title, "anchor": "start", "frame": "bounds", "offset": 14, "subtitlePadding": 5},
        "text": {"color": theme.ink, "fontSize": TEXT_PX},
    }
