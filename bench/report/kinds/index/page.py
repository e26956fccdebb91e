"""results/index.html: every run in a table that can be searched, filtered and sorted."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from bench.report.document.blocks import Facets
from bench.report.document.text import listed
from bench.report.kinds.index.entries import INTRO, NO_RUN, PACKAGES, Entry, newest_first
from bench.report.media.html.render import rendered

SCRIPTS = ("filters.js", "tables.js")


def page(entries: Iterable[Entry]) -> str:
    """Write the page, links relative to the folder of runs."""
    shown = newest_first(entries)
    facets = [_facets(each) for each in shown]
    rows = [
        {"entry": each, "machine": listed(each.brief.hardware), "href": quote(each.folder), "facets": own}
        for each, own in zip(shown, facets, strict=True)
    ]
    return rendered(
        "index.html",
        rows=rows,
        filters=_choices(facets),
        packages=PACKAGES,
        intro=INTRO,
        no_run=NO_RUN,
        scripts=SCRIPTS,
    )


def _facets(each: Entry) -> Facets:
    """What filters ask of a run; a run on several devices is found by each of them, one a line."""
    told = each.brief
    where = {"verb": told.verb, "device": "\n".join(told.devices), "machine": listed(told.hardware)}
    return {**where, **{name: told.packages.get(name, "-") for name in PACKAGES}}


def _choices(facets: Iterable[Facets]) -> dict[str, list[str]]:
    """By filter, its choices in the order of the runs; only of those that have more than one."""
    found: dict[str, dict[str, None]] = {}
    for own in facets:
        for name, value in own.items():
            found.setdefault(name, {}).update(dict.fromkeys(value.split("\n")))
    return {name: list(values) for name, values in found.items() if len(values) > 1}
