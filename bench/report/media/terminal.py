"""An answer for a terminal or a pipe: the words, one compact table, and where the report is.

Colours only where somebody looks at them: rich leaves them out on a pipe and with NO_COLOR, and puts
them in anywhere with FORCE_COLOR. A terminal gets lines and tables as wide as it is; a pipe gets whole ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text as RichText

from bench.records.foreign_text import printable
from bench.report.document.text import About, Toned, plain
from bench.report.media.short import short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import JustifyMethod

    from bench.report.document.blocks import Document, Row, Table
    from bench.report.document.parts import Answer
    from bench.report.document.text import Text, Tone
    from bench.report.media.short import Said

ENDLESS = 100_000
"""Characters of a line on a pipe: what reads it there is a program, or folds lines itself."""
BETWEEN = 2
"""Blanks between two columns: one of the padding, and one that the box draws."""
STYLES: dict[Tone, str] = {"bad": "bold red", "open": "yellow", "note": "cyan", "good": "green", "quiet": "dim"}
Line = tuple[str, "Text"]
"""What a line begins with, which it has again where it is folded; and the line."""


def show(answer: Answer, stream: TextIO) -> None:
    """Print the answer to `stream`."""
    watched = stream.isatty()
    width = None if watched else ENDLESS
    console = Console(file=stream, highlight=False, markup=False, emoji=False, width=width)
    for place, part in enumerate(_parts(answer.document)):
        if place:
            console.print()
        for indent, text in part:
            _print_line(console, indent, styled(text), watched=watched)
    if answer.grid is not None and answer.grid.wraps:
        _print_list(console, answer.grid, watched=watched)
    elif answer.grid is not None:
        _print_grid(console, answer.grid)
    if answer.path is not None:
        console.print(RichText.assemble(("The report: ", "bold"), printable(answer.path)), soft_wrap=True)


def lines(document: Document) -> list[str]:
    """Write what a document says in short, as lines of text; each answer stands apart."""
    parts = ["\n".join(f"{indent}{plain(text)}" for indent, text in part) for part in _parts(document)]
    return "\n\n".join(parts).split("\n")


def _parts(document: Document) -> Iterator[Sequence[Line]]:
    """What stands apart."""
    shortened = short(document)
    warned = [line for said in shortened.warnings for line in _said(said)]
    parts = [_flush(shortened.before), *map(_said, shortened.answers), [*_flush(shortened.after), *warned]]
    return (part for part in parts if part)


def _flush(texts: Sequence[Text]) -> list[Line]:
    return [("", text) for text in texts]


def _said(said: Said) -> list[Line]:
    return [("", said.lead), *(("  ", line) for line in said.lines)]


def styled(text: Text) -> RichText:
    """The words, in the colour of their tone, or with what they are about standing out."""
    words = RichText(printable(plain(text)))
    if isinstance(text, Toned):
        words.stylize(STYLES[text.tone])
    elif isinstance(text, About):
        words.stylize("bold", 0, len(printable(plain(text.subject))))
    return words


def _print_line(console: Console, indent: str, words: RichText, *, watched: bool) -> None:
    """Print a line; one that is indented stays so when it is folded."""
    lines = words.wrap(console, console.width - len(indent)) if watched and words.plain else [words]
    for part in lines:
        part.rstrip()
        console.print(RichText(indent) + part, soft_wrap=True)


def _print_list(console: Console, table: Table, *, watched: bool) -> None:
    """Print a table of sentences row by row: what names the row, then a line for each of the others."""
    was_long = True
    for row in table.rows:
        names, details = row.texts[: table.names], _details(table, row)
        if was_long or details:
            console.print()
        _print_line(console, "", RichText(": ").join(styled(text) for text in names if text), watched=watched)
        for detail in details:
            _print_line(console, "  ", styled(detail), watched=watched)
        was_long = bool(details)


def _details(table: Table, row: Row) -> list[About]:
    headed = zip(table.headers[table.names :], row.texts[table.names :], strict=True)
    return [About(header, f": {plain(text)}") for header, text in headed if text]


def _print_grid(console: Console, grid: Table) -> None:
    fitting = _fitted(grid, console.width)
    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for place, header in enumerate(fitting.headers):
        justify: JustifyMethod = "left" if place < grid.names else "right"
        table.add_column(RichText(printable(header)), justify=justify, overflow="fold")
    for row in fitting.rows:
        table.add_row(*map(styled, row.texts))
    console.print()
    console.print(table)
    for line in [
        grid.caption,
        *grid.left_out,
        *(f"({number}) {note}" for number, note in enumerate(grid.notes, start=1)),
    ]:
        if line:
            console.print(RichText(printable(line), style="dim"), soft_wrap=console.width == ENDLESS)
    console.print()


def _fitted(grid: Table, width: int) -> Table:
    """Leave out columns until the table fits, as long as there is one that may go."""
    while _width(grid) > width and grid.droppable:
        grid = grid.without(grid.droppable[0])
    return grid


def _width(grid: Table) -> int:
    columns = zip(grid.headers, *grid.texts, strict=True)
    return sum(max(map(cell_len, column)) + BETWEEN for column in columns) - BETWEEN
