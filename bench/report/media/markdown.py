"""A document as markdown, as code hosts show it: report.md, and the sections of a CI summary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import quote

import tabulate

from bench.records.foreign_text import printable
from bench.report.charts import FOLDER
from bench.report.document.blocks import (
    Block,
    Bullets,
    CellTable,
    Commands,
    Document,
    Figure,
    Flames,
    Folded,
    Paragraph,
    Part,
    Row,
    Section,
    Table,
    Warnings,
)
from bench.report.document.tables import batch_and_runner, tabulated
from bench.report.document.text import Code, Inline, Link, Report, Strong, Text, plural

# Else every column is two characters wider than its header, and a table wider than a screen.
tabulate.MIN_PADDING = 0

SHOWN_WARNINGS = 10
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = re.compile(r"[\\`*|]|\](?=\()|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|~(?=\S)|(?<=\S)~")


def written(document: Document) -> str:
    """Write the whole report; the same document always gives the same text, byte for byte."""
    return "\n\n".join([f"# {escape(document.title)}", *Writer().parts(document.blocks, level=2)]) + "\n"


def escape(text: str) -> str:
    """`text` on one line, so that markdown shows it as it is, also inside a table."""
    return _unmarked(" ".join(text.split()))


def _unmarked(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", re.sub(r"[&<>]", lambda match: _HTML[match[0]], printable(text)))


def folded(title: str, body: str) -> str:
    """Write what opens on a click, if there is something; the blank lines make a code host render what is inside."""
    return f"<details>\n<summary>{escape(title)}</summary>\n\n{body}\n\n</details>" if body else ""


def code(text: str) -> str:
    """Write a block of commands, fenced by more backticks than `text` has in a row."""
    text = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}"


def code_span(text: str) -> str:
    """`text` as code inside of a line, whatever backticks it has."""
    text = printable(" ".join(text.split()))
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}{text}{fence}" if fence == "`" else f"{fence} {text} {fence}"


def _aligned(headers: Sequence[str], rows: Sequence[Sequence[str]], *, names: int) -> str:
    """A table, all but its first `names` columns aligned to the right."""
    sides = ["left"] * names + ["right"] * (len(headers) - names)
    return tabulate.tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True, colalign=sides)


def _wrapped(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns are not padded: its cells are sentences, and code hosts wrap them."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [headers, ["---"] * len(headers), *rows])


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """Writes blocks."""

    beside_folder: bool = True
    """Whether what it writes stands in the run folder, where pictures and links of it lead somewhere."""

    def parts(self, blocks: Iterable[Block], *, level: int) -> list[str]:
        """Write what there is of the blocks; a section among them has a heading of this level."""
        return [text for block in blocks if (text := self._block(block, level))]

    def body(self, blocks: Iterable[Block], *, level: int) -> str:
        """Write the blocks one below the other."""
        return "\n\n".join(self.parts(blocks, level=level))

    def text(self, text: Text) -> str:
        """Write a sentence."""
        return escape(text) if isinstance(text, str) else "".join(map(self._inline, text)).strip()

    def _inline(self, part: Inline) -> str:
        match part:
            case str():
                return _unmarked(part)
            case Strong():
                return f"**{self.text(part.text)}**"
            case Code():
                return code_span(part.text)
            case Link():
                return self._link(part)
            case Report():
                return self._report(part)

    def _link(self, link: Link) -> str:
        if "://" in link.target:
            return f"<{link.target}>" if link.text == link.target else f"[{escape(link.text)}]({link.target})"
        return f"[{escape(link.text)}]({link.target})" if self.beside_folder else escape(link.text)

    def _report(self, report: Report) -> str:
        """The report as a code host shows it, and as a page, which is for a browser on files."""
        if not self.beside_folder:
            return escape(report.text)
        folder = quote(report.folder)
        page = f" ([page](<{folder}/report.html>))" if report.has_page else ""
        return f"[{escape(report.text)}](<{folder}/report.md>){page}"

    def table(self, table: Table) -> str:
        """Write a table with all that belongs to it."""
        headers, cells = [escape(header) for header in table.headers], [self._cells(row) for row in table.rows]
        rows = _wrapped(headers, cells) if table.wraps else _aligned(headers, cells, names=table.names)
        notes = "\n".join(f"{number}. {escape(note)}" for number, note in enumerate(table.notes, start=1))
        return "\n\n".join(filter(None, [escape(table.caption), rows, *map(escape, table.left_out), notes]))

    def _cells(self, row: Row) -> list[str]:
        return [self.text(text) for text in row.texts]

    def _block(self, block: Block, level: int) -> str:
        match block:
            case Paragraph():
                return f"**{self.text(block.text)}**" if block.strong else self.text(block.text)
            case Bullets():
                return self._bullets(block.lines)
            case Commands():
                return code(block.text)
            case Table():
                return self.table(block)
            case CellTable():
                return self._cell_table(block, level)
            case Figure():
                return self._figure(block)
            case Flames():
                return ""
            case Warnings():
                return self._warnings(block)
            case Folded():
                return folded(block.title, self.body(block.blocks, level=level))
            case Part():
                return self.body(block.blocks, level=level)
            case Section():
                return self._section(block, level)
        assert_never(block)

    def _section(self, section: Section, level: int) -> str:
        """A heading, unless nothing is left of what stands below it."""
        body = self.body(section.blocks, level=level + 1)
        return f"{'#' * level} {escape(section.title)}\n\n{body}" if body else ""

    def _bullets(self, lines: Iterable[Text]) -> str:
        return "\n".join(f"- {self.text(line)}" for line in lines)

    def _figure(self, figure: Figure) -> str:
        alt = escape(figure.alt).replace("[", r"\[").replace("]", r"\]")
        return f"![{alt}]({FOLDER}/{figure.file})" if self.beside_folder else ""

    def _warnings(self, warnings: Warnings) -> str:
        if not warnings.lines:
            return escape(warnings.nothing)
        first, more = warnings.lines[:SHOWN_WARNINGS], warnings.lines[SHOWN_WARNINGS:]
        count = f"**{plural(len(warnings.lines), 'warning')}:**" if warnings.counted else ""
        others = folded(plural(len(more), "more warning"), self._bullets(more)) if more else ""
        return "\n\n".join(filter(None, [count, self._bullets(first), others]))

    def _cell_table(self, block: CellTable, level: int) -> str:
        """A table of its own for each group of rows."""
        columns = [column for column in block.columns if column.key not in block.wide]
        whole = self.table(tabulated(block.cells, columns, block.names or batch_and_runner))
        if block.folded:
            return folded(", ".join(filter(None, [block.title, block.group])), whole)
        title = f"{block.group}: {block.title[0].lower()}{block.title[1:]}" if block.group else block.title
        return f"{'#' * level} {escape(title)}\n\n{whole}"
