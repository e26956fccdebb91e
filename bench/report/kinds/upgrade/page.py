"""What a page says of a check of two environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.content import Block, Content, Figure, Flames, Points, Section, Words
from bench.report.document.verdict_tables import NO_COUNT_DIFFERS, counted_table, measured_table, origins
from bench.report.kinds.upgrade import charts, packages, report
from bench.report.kinds.upgrade.sentences import answer, by_cell, failures
from bench.report.media.html.grids import of_verdicts

if TYPE_CHECKING:
    from bench.records.schema import Summary


def content(summary: Summary, folder: str) -> Content:
    """Say everything that report.md says of the check."""
    del folder  # a check is repeated by its command, not by its folder
    return Content(
        title=report.title(summary),
        setting=report.setting(summary),
        answer=_answer(summary),
        sections=(
            *_charts(summary),
            Section(title="Tables", blocks=verdict_blocks(summary)),
            *origin_sections(summary, "the baseline"),
            Section(title="Are they equivalent?", blocks=(Words(text=report.equivalence(summary)),)),
            Section(title="What this check can resolve", blocks=_resolution(summary)),
        ),
        warnings=tuple(report.warned(summary)),
        commands=(summary.run.command,),
        how_to_read=report.HOW_TO_READ,
    )


def _answer(summary: Summary) -> tuple[Block, ...]:
    both = report.sides(summary)
    return (
        Words(text=answer(summary), strong=True),
        Points(lines=(*by_cell(summary), *failures(summary))),
        Words(text=packages.differs(*both)),
        *(Words(text=line, strong=True) for line in packages.unasked(*both)),
        *(Words(text=line) for line in packages.conflicts(*both)),
    )


def _charts(summary: Summary) -> tuple[Section, ...]:
    figures = [Figure(file=charts.file(index)) for index, _ in enumerate(charts.judged_groups(summary))]
    return (Section(title="Step times", blocks=tuple(figures)),) if figures else ()


def verdict_blocks(summary: Summary) -> tuple[Block, ...]:
    """The tables of what was measured and of what was counted; those that there are."""
    found = {"What was measured": measured_table(summary), "What was counted": counted_table(summary)}
    return tuple(of_verdicts(title, table) for title, table in found.items() if table is not None)


def origin_sections(summary: Summary, against: str) -> tuple[Section, ...]:
    """Which functions do more or less; nothing where nothing was counted."""
    if counted_table(summary) is None:
        return ()
    lines = tuple(origins(summary)) or (NO_COUNT_DIFFERS,)
    flames = (Flames(against=against),) if summary.attribution else ()
    return (Section(title="Where the difference comes from", blocks=(Points(lines=lines), *flames)),)


def _resolution(summary: Summary) -> tuple[Block, ...]:
    lines = report.resolvable(summary)
    return (Points(lines=tuple(lines)),) if lines else (Words(text=report.EXACT),)
