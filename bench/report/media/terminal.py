"""An answer for a terminal or a pipe: the words, one compact table, and where the report is.

Colours only where somebody looks at them: rich leaves them out on a pipe and with NO_COLOR, and puts
them in anywhere with FORCE_COLOR. A terminal gets lines and tables as wide as it is; a pipe gets whole ones.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bench.records.foreign_text import printable
from bench.report.document.blocks import Row
from bench.report.media.short import short

if TYPE_CHECKING:
    from bench.report.document.blocks import Document, Table
    from bench.report.document.parts import Answer
    from bench.report.media.short import Said

ENDLESS = 100_000
"""Characters of a line on a pipe: what reads it there is a program, or folds lines itself."""
BETWEEN = 2
"""Blanks between two columns: one of the padding, and one that the box draws."""
STYLES = {
    r"regressed|(failed|killed|timed out|out of memory|unreadable|withheld)\b.*": "bold red",
    r".*, (different|unproven)\b.*": "bold red",
    r"undecided|not judged|not run.*|not installed.*|.*, others regressed": "yellow",
    r"improved": "green",
    r"~|same|-|baseline|unavailable.*": "dim",
}
"""By what a cell of a table says."""


def show(answer: Answer, stream: TextIO) -> None:
    """Print the answer to `stream`."""
    watched, console = stream.isatty(), _console(stream)
    for line in lines(answer.document):
        _print_line(console, line, watched=watched)
    if answer.grid is not None:
        _print_grid(console, answer.grid)
    if answer.path is not None:
        console.print(Text.assemble(("The report: ", "bold"), printable(answer.path)), soft_wrap=True)


def show_table(table: Table, stream: TextIO) -> None:
    """Print a table alone."""
    _print_grid(_console(stream), table)


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else ENDLESS
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def lines(document: Document) -> list[str]:
    """Write what a document says in short, as lines of text; each answer stands apart."""
    told = short(document)
    parts = [list(told.before), *map(_said, told.answers), [*told.after, *(e for s in told.warnings for e in _said(s))]]
    return "\n\n".join("\n".join(part) for part in parts if part).split("\n")


def _said(said: Said) -> list[str]:
    return [said.lead, *(f"  {line}" for line in said.lines)]


def _print_line(console: Console, line: str, *, watched: bool) -> None:
    """Print a line; one that is indented stays so when it is folded, and who it is about stands out."""
    text = Text(printable(" ".join(line.split())))
    subject = re.match(r"[^:(]{1,60}?(?=: | \()", text.plain)
    if subject and line != line.lstrip():
        text.stylize("bold", 0, subject.end())
    indent = len(line) - len(line.lstrip())
    lines = text.wrap(console, console.width - indent) if watched and text.plain else [text]
    for part in lines:
        part.rstrip()
        console.print(Text(" " * indent) + part, soft_wrap=True)


def _print_grid(console: Console, grid: Table) -> None:
    fitting = _fitted(grid, console.width)
    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for place, header in enumerate(fitting.headers):
        table.add_column(Text(printable(header)), justify="left" if place < grid.names else "right", overflow="fold")
    for row in fitting.texts:
        table.add_row(*(Text(printable(text), style=style(text)) for text in row))
    console.print()
    console.print(table)
    for line in [
        grid.caption,
        *grid.left_out,
        *(f"({number}) {note}" for number, note in enumerate(grid.notes, start=1)),
    ]:
        if line:
            console.print(Text(printable(line), style="dim"), soft_wrap=console.width == ENDLESS)
    console.print()


def style(text: str) -> str:
    """The style of what a table's cell says."""
    return next((style for pattern, style in STYLES.items() if re.fullmatch(pattern, text)), "")


def _fitted(grid: Table, width: int) -> Table:
    """Leave out columns until the table fits, as long as there is one that may go."""
    while _width(grid) > width and grid.droppable:
        grid = without(grid, grid.droppable[0])
    return grid


def without(table: Table, header: str) -> Table:
    """The same table without one column."""
    place = table.headers.index(header)
    return replace(
        table,
        headers=_but(table.headers, place),
        rows=tuple(Row(texts=_but(row, place)) for row in table.texts),
        names=table.names - (place < table.names),
        droppable=tuple(each for each in table.droppable if each != header),
    )


def _but(row: tuple[str, ...], place: int) -> tuple[str, ...]:
    return row[:place] + row[place + 1 :]


def _width(grid: Table) -> int:
    columns = zip(grid.headers, *grid.texts, strict=True)
    return sum(max(map(cell_len, column)) + BETWEEN for column in columns) - BETWEEN
