"""A chart as SVG and as what Vega draws: nothing is fetched, and the same chart gives the same bytes."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import quoteattr  # nosec B406

import vl_convert

from bench.records.foreign_text import printable, printable_in
from bench.report.charts.frame import Spec
from bench.report.charts.theme import DARK, LIGHT, stylesheet

_ADAPTS = f"<style>@media (prefers-color-scheme: dark){{{stylesheet(LIGHT, DARK)}}}</style>"


def compiled(chart: Spec) -> dict[str, Any]:
    """Return `chart` as a Vega specification, from which both the image and the interactive chart are drawn."""
    specification: dict[str, Any] = vl_convert.vegalite_to_vega(printable_in(chart))
    return specification


def image(specification: dict[str, Any], description: str) -> str:
    """Return SVG, ending in a newline; drawn in `LIGHT` it is dark where its reader is.

    The media query stands in the file, so that one image serves a light and a dark page.
    """
    text: str = vl_convert.vega_to_svg(specification, allowed_base_urls=[])
    text = re.sub(r"<[^>]+>", _tidied, text)
    head, _, rest = text.partition(">")
    return f'{head} role="img" aria-label={quoteattr(printable(description))}>{_ADAPTS}{rest}\n'


def _tidied(tag: re.Match[str]) -> str:
    """Hundredths of a pixel are enough, and leave little to how a platform computes the last digit."""
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), tag[0])
