"""A chart as SVG and as what Vega draws: nothing is fetched, and the same chart gives the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import quoteattr  # nosec B406

import altair as alt
import vl_convert
from altair.utils import schemapi

from bench.report.charts.theme import DARK, LIGHT, stylesheet

_ADAPTS = f"<style>@media (prefers-color-scheme: dark){{{stylesheet(LIGHT, DARK)}}}</style>"


def compiled(chart: alt.LayerChart | alt.VConcatChart) -> dict[str, Any]:
    """Return `chart` as a Vega specification, from which both the image and the interactive chart are drawn."""
    specification: dict[str, Any] = vl_convert.vegalite_to_vega(chart.to_dict(validate=False))
    return specification


def svg(chart: alt.LayerChart | alt.VConcatChart, description: str, *, adapts: bool = True) -> str:
    """Return `chart` as SVG, ending in a newline; with `adapts` one drawn in `LIGHT` is dark where its reader is.

    The media query stands in the file, so that one image serves a light and a dark page.
    """
    return image(compiled(chart), description, adapts=adapts)


def image(specification: dict[str, Any], description: str, *, adapts: bool = True) -> str:
    """Do as `svg` with what is compiled already."""
    text: str = vl_convert.vega_to_svg(specification, allowed_base_urls=[])
    text = re.sub(r"<[^>]+>", _tidied, text)
    head, _, rest = text.partition(">")
    return f'{head} role="img" aria-label={quoteattr(description)}>{_ADAPTS if adapts else ""}{rest}\n'


@contextmanager
def trusting() -> Iterator[None]:
    """Draw without Altair's validation of every part, which takes half of the time: the tests do it."""
    with schemapi.debug_mode(False):
        yield


def _tidied(tag: re.Match[str]) -> str:
    """Hundredths of a pixel are enough, and leave little to how a platform computes the last digit."""
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), tag[0])
