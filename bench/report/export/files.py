"""A run's figures for other programs, in the run folder's `export/`: CSV, JSON, Parquet, LaTeX."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench.analyse.signs import MINUS
from bench.errors import UsageError
from bench.records import store
from bench.records.foreign_text import printable
from bench.report import kinds
from bench.report.document import tables
from bench.report.export import frames

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.report.document.blocks import Table

FOLDER = "export"
LONGEST_ON_A_PAGE = 40
"""Rows of a table of LaTeX that does not break across pages."""


def formats(text: str) -> list[str]:
    """Return the formats that `--export` names; raises `UsageError` for one that cannot be had here."""
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [name for name in names if name not in (*WRITERS, "latex")]
    if unknown or not names:
        raise UsageError(f"--export {text}: choose from csv, json, parquet and latex.")
    if "parquet" in names and find_spec("pyarrow") is None:
        raise UsageError("--export parquet needs pyarrow, which is not installed: pip install pyarrow.")
    return names


def export(summary: Summary, folder: Path, chosen: list[str]) -> list[Path]:
    """Write the cells, and the verdicts where there are some, in every format; return the files.

    A cell is a row, units stand in the names of the columns. LaTeX, which is for a page, gets the report's table.
    """
    (folder / FOLDER).mkdir(exist_ok=True)
    written = []
    for name, frame in _frames(summary).items():
        for kind in (form for form in chosen if form in WRITERS):
            path = folder / FOLDER / f"{name}.{kind}"
            store.write_bytes(path, WRITERS[kind](frame))
            written.append(path)
    if "latex" in chosen:
        path = folder / FOLDER / "table.tex"
        store.write_bytes(path, latex(summary).encode())
        written.append(path)
    return written


def latex(summary: Summary) -> str:
    """Write the compact table for booktabs, all of its text escaped."""
    grid = kinds.of(summary.run.kind).whole_grid(summary)
    if grid is None:
        return "% This run has no cells.\n"
    return _latex(grid, caption=grid.caption or summary.run.name, label=f"tab:{store.slug(summary.run.name)}")


def _latex(grid: Table, *, caption: str, label: str) -> str:
    frame = pd.DataFrame(grid.texts, columns=[_escaped(header) for header in grid.headers])
    longest = len(frame) > LONGEST_ON_A_PAGE
    table = frame.map(_escaped).to_latex(
        index=False,
        escape=False,
        column_format="l" * grid.names + "r" * (len(grid.headers) - grid.names),
        caption=_escaped(caption),
        label=label,
        longtable=longest,
        position=None if longest else "htbp",
    )
    note_lines = (printable(" ".join(note.split())) for note in grid.notes)
    notes = "".join(f"% ({number}) {note}\n" for number, note in enumerate(note_lines, start=1))
    return (
        f"% \\usepackage{{booktabs{',longtable' if longest else ''}}}, for pdfLaTeX also {{textcomp}}\n{notes}{table}"
    )


SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"$\sim$",
    "^": r"\textasciicircum{}",
    "µ": r"\textmu{}",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "±": r"$\pm$",
    "→": r"$\rightarrow$",
    "÷": r"$\div$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",
    MINUS: "$-$",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}
"""`[` in braces, since after the end of a row LaTeX would take it for an option."""


def _escaped(text: str) -> str:
    """`text` as LaTeX prints it."""
    return "".join(SPECIAL.get(character, character) for character in printable(" ".join(text.split())))


def _frames(summary: Summary) -> dict[str, pd.DataFrame]:
    judged = frames.verdicts(summary)
    return {"cells": frames.wide(summary)} | ({} if judged.empty else {"verdicts": judged})


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


WRITERS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "csv": lambda frame: tables.csv(frame).encode(),
    "json": lambda frame: (frame.to_json(orient="records", indent=1, force_ascii=False) + "\n").encode(),
    "parquet": _parquet,
}
