"""What a page says of a bisection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.content import Block, Content, Datum, Grid, Points, Row, Section, Words
from bench.report.kinds.bisect import report
from bench.report.kinds.bisect.sentences import answer
from bench.report.kinds.upgrade.page import origin_sections, verdict_blocks

if TYPE_CHECKING:
    from bench.records.schema import Summary


def content(summary: Summary, folder: str) -> Content:
    """Say everything that report.md says of the bisection."""
    del folder  # a bisection is repeated by its command, not by its folder
    moves = report.all_moves(summary)
    return Content(
        title=report.title(summary),
        setting=report.setting(summary),
        answer=(Words(text=answer(summary), strong=True), Points(lines=tuple(report.besides(summary)))),
        sections=(
            *([Section(title=report.MOVES, blocks=(Points(lines=tuple(moves)),))] if moves else []),
            Section(title="What was looked at", blocks=_looked_at(summary)),
            *_side_by_side(summary),
        ),
        warnings=tuple(summary.warnings),
        commands=(summary.run.command,),
        how_to_read=report.HOW_TO_READ,
    )


def _looked_at(summary: Summary) -> tuple[Block, ...]:
    headers, texts = report.probe_rows(summary)
    rows = []
    for place, (probe, text) in enumerate(zip(summary.probes, texts, strict=True)):
        values = [place, None, None, probe.value, None if probe.ratio is None else probe.ratio.value]
        rows.append(Row(data=tuple(Datum(text=shown, value=value) for shown, value in zip(text, values, strict=False))))
    named = tuple(header or "what it is like" for header in headers)
    grid = Grid(title="Releases", headers=named, names=3, rows=tuple(rows))
    around = report.stepped_around(summary)
    return (grid, *((Words(text=report.AROUND), Points(lines=tuple(around))) if around else ()))


def _side_by_side(summary: Summary) -> tuple[Section, ...]:
    if not summary.verdicts:
        return origin_sections(summary, "the release before")
    intro = Words(text=report.neighbours(summary))
    section = Section(title=report.SIDE_BY_SIDE, blocks=(intro, *verdict_blocks(summary)))
    return (section, *origin_sections(summary, "the release before"))
