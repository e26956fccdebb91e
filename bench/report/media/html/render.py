"""A page as HTML: one file with all that it needs, in which every name stays text."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.report import kinds
from bench.report.charts.theme import DARK, LIGHT, stylesheet
from bench.report.document import bridges
from bench.report.document.content import Content, Facets, Figure, Grid
from bench.report.document.environment import IMPORTED, imported_rows, machine_rows, package_rows
from bench.report.media.html.functions import functions

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.report.charts import Drawing

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("filters.js", "tables.js", "charts.js", "tree.js", "flames.js")
SHOWN_WARNINGS = 10
FILTERS = ("run", "device", "workload", "batch size", "profile", "metric")


class Faceted(Protocol):
    """What a filter may hide."""

    @property
    def facets(self) -> Facets:
        """By filter, the choice that shows it."""


def page(summary: Summary, folder: str, drawn: Sequence[Drawing] = (), vega: str = "") -> str:
    """Write report.html of one run; the same summary, folder and charts always give the same text.

    `vega` is the code that draws the charts in the page, `vega.vega()`.
    """
    content = kinds.of(summary.run.verb).page(summary, folder)
    return document(content, [summary], drawn, functions(summary), vega)


def document(
    content: Content, told: Sequence[Summary], drawn: Sequence[Drawing], attribution: dict[str, Any], vega: str
) -> str:
    """Write a page: what it says, the runs that it tells of, its charts, and the functions behind extra work."""
    charts = {each.file: each for each in drawn}
    data = {"charts": {file: each.specification for file, each in charts.items()}, "functions": attribution}
    return _environment().get_template("report.html").render(
        content=content,
        bridged=bridges.told(*(each.run for each in told)),
        charts=charts,
        filters=choices(content),
        machines=[
            (each.run.name, machine_rows(each.run), package_rows(each.run), imported_rows(each)) for each in told
        ],
        data=finite(data),
        vega=Markup(vega),  # noqa: S704, our own bundle, kept from closing its block
        dark_charts=Markup(stylesheet(LIGHT, DARK)),  # noqa: S704, made of colours alone
        scripts=SCRIPTS,
        shown_warnings=SHOWN_WARNINGS,
        imported_columns=IMPORTED,
    )  # fmt: skip


def choices(content: Content) -> dict[str, list[str]]:
    """By filter, its choices in the order in which they appear; only of those that have more than one."""
    found: dict[str, dict[str, None]] = {name: {} for name in FILTERS}
    for facets in (each.facets for each in _faceted(content)):
        for name, value in facets.items():
            found[name][value] = None
    return {name: sorted(values, key=_as_number) for name, values in found.items() if len(values) > 1}


def _as_number(text: str) -> int:
    """Sort by, so that batch sizes ascend and names keep their order."""
    digits = text.replace(",", "")
    return int(digits) if digits.isdigit() else 0


def _faceted(content: Content) -> Iterator[Faceted]:
    for block in (*content.answer, *(block for section in content.sections for block in section.blocks)):
        if isinstance(block, Grid):
            yield block
            yield from block.rows
        elif isinstance(block, Figure):
            yield block


def finite(value: Any) -> Any:
    """`value` with None for figures that JSON cannot say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    return [finite(each) for each in value] if isinstance(value, list | tuple) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"inline": inline, "uri": uri, "slug": slug, "asset": asset}
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


def inline(line: str) -> Markup:
    """A line of light markdown, such as the entries of a glossary: `- **word**: what it means, or `code``."""
    text = str(escape(line.removeprefix("- ")))
    text = re.sub(r"`(.+?)`", r"<code>\1</code>", text)
    return Markup(re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text))  # noqa: S704, escaped above


def uri(svg: str) -> str:
    """An image that stands in the page itself."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def slug(text: str) -> str:
    """A name that an attribute of an element may have."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def asset(name: str) -> Markup:
    """A style or script of the package as it is."""
    return Markup((ASSETS / name).read_text(encoding="utf-8"))  # noqa: S704, our own file


def rendered(template: str, **values: Any) -> str:
    """Write another page of the same make."""
    return _environment().get_template(template).render(**values)
