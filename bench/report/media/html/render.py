"""A page as HTML: one file with all that it needs, in which every name stays text."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.records.foreign_text import printable, printable_in
from bench.report import kinds
from bench.report.charts.theme import DARK, LIGHT, stylesheet
from bench.report.document.blocks import Figure, Flames, Table, leaves
from bench.report.document.text import Code, Inline, Link, Report, Strong, Text
from bench.report.media.html import layout
from bench.report.media.html.functions import functions

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.report.charts import Drawing
    from bench.report.document.blocks import Document
    from bench.report.media.html.layout import Page, Placed

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("filters.js", "tables.js")
SCRIPTS_OF_FIGURES = ("charts.js", "tree.js", "flames.js")
"""What draws charts and functions from the data of a page."""
FILTERS = ("run", "device", "workload", "batch size", "profile", "metric")
"""In this order before all others."""


NO_FUNCTIONS: dict[str, Any] = {"cells": []}


def page(summary: Summary, folder: str, drawn: Sequence[Drawing] = (), vega: str = "") -> str:
    """Write report.html of one run; the same summary, folder and charts always give the same text.

    `vega` is the code that draws the charts in the page, `vega.vega()`.
    """
    document = kinds.of(summary.run.kind).document(summary, folder)
    return written(document, drawn, vega, functions(summary))


def written(
    document: Document, drawn: Sequence[Drawing] = (), vega: str = "", attribution: dict[str, Any] = NO_FUNCTIONS
) -> str:
    """Write a document as a page, with its charts and the functions behind extra work."""
    laid = layout.page(document)
    drawable = any(isinstance(block, Figure | Flames) for block in leaves(document.blocks))
    charts = {chart.file: chart for chart in drawn}
    data = {"charts": {file: each.specification for file, each in charts.items()}, "functions": attribution}
    return _environment().get_template("report.html").render(
        page=laid,
        charts=charts,
        filters=choices(laid),
        searched=any(table.wraps for table in _tables(laid)),
        data=finite(printable_in(data)) if drawable else None,
        vega=Markup(vega),  # noqa: S704, our own bundle, kept from closing its block
        dark_charts=Markup(stylesheet(LIGHT, DARK)),  # noqa: S704, made of colours alone
        scripts=(*SCRIPTS, *(SCRIPTS_OF_FIGURES if drawable else ())),
    )  # fmt: skip


def choices(laid: Page) -> dict[str, list[str]]:
    """By filter, its choices in the order in which they appear; only of those that have more than one."""
    by_filter: dict[str, dict[str, None]] = {name: {} for name in FILTERS}
    blocks = [placed.facets for placed in _shown(laid)]
    for facets in (*blocks, *(row.facets for table in _tables(laid) for row in table.rows)):
        for name, value in facets.items():
            by_filter.setdefault(name, {}).update(dict.fromkeys(value.split("\n")))
    return {name: sorted(values, key=_as_number) for name, values in by_filter.items() if len(values) > 1}


def _shown(laid: Page) -> Iterator[Placed]:
    return layout.blocks_in_order((*laid.answer, *laid.charts, *laid.parts))


def _tables(laid: Page) -> list[Table]:
    return [placed.block for placed in _shown(laid) if isinstance(placed.block, Table)]


def _as_number(text: str) -> int:
    """Sort by, so that batch sizes ascend and names keep their order."""
    digits = text.replace(",", "")
    return int(digits) if digits.isdigit() else 0


def finite(value: Any) -> Any:
    """`value` with None for figures that JSON cannot say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"rich": rich, "uri": uri, "slug": slug, "asset": asset}
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


def _visible(value: Any) -> Any:
    """A text as it can be seen; what is markup already was looked at where it was made, or is our own."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def rich(text: Text) -> Markup:
    """A sentence, and what stands out in it; a path beside the report leads nowhere from a file that is passed on."""
    if isinstance(text, str):
        return escape(printable(" ".join(text.split())))
    return Markup("").join(map(_inline, text))


def _inline(part: Inline) -> Markup:
    match part:
        case str():
            return escape(printable(part))
        case Strong():
            return Markup("<strong>{}</strong>").format(rich(part.text))
        case Code():
            return Markup("<code>{}</code>").format(printable(part.text))
        case Link():
            is_address = part.target.startswith("https://")
            return (
                Markup('<a href="{}" rel="noreferrer">{}</a>').format(part.target, printable(part.text))
                if is_address
                else escape(printable(part.text))
            )
        case Report():
            return _report(part)


def _report(report: Report) -> Markup:
    """The page first, which is for a browser; a report lies where the page that tells of it does."""
    folder = quote(report.folder)
    text = Markup('<a href="{}/report.md">{}</a>')
    if not report.has_page:
        return text.format(folder, report.text)
    return Markup('<a href="{}/report.html">{}</a> {}').format(folder, report.text, text.format(folder, "(markdown)"))


def uri(svg: str) -> str:
    """An image that stands in the page itself."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def slug(text: str) -> str:
    """A name that an attribute of an element may have."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def asset(name: str) -> Markup:
    """A style or script of the package as it is."""
    return Markup((ASSETS / name).read_text(encoding="utf-8"))  # noqa: S704, our own file
