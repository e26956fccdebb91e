"""The report of several runs side by side as markdown."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from bench.report.charts import FOLDER, Drawing
from bench.report.document import bridges
from bench.report.document.columns import MEMORY, TIME, Column
from bench.report.document.environment import machine_and_packages
from bench.report.document.glossary import entries
from bench.report.document.groups import groups
from bench.report.document.tables import tabulated
from bench.report.document.text import code, escape, folded
from bench.report.document.verdict_tables import KEYS, key_columns
from bench.report.kinds.run import sentences
from bench.report.kinds.side_by_side.sides import Side, ordered

TITLE = "What does a training loop cost here and there?"
CAUTION = (
    "Step times of different machines differ by the machines. What a loop costs is its ratio and its overhead, each "
    "against the hand-written loop of the same run."
)
NARROW = tuple(column for column in TIME if not column.header.startswith("p9"))
"""With a column for the run, the percentiles would be too much for a screen: they are in each run's own report."""


def report(told: Sequence[Side], out: str, drawn: Sequence[tuple[Side, Drawing]] = ()) -> str:
    """Write the whole report; the same runs and folder always give the same text."""
    parts = [f"# {TITLE}", *bridges.bold(*(side.summary.run for side in told))]
    parts += [_bullets([side.made for side in told]), escape(CAUTION), "## What each loop costs"]
    for _, title, lines in answers(told):
        parts += [f"**{escape(title)}**", _bullets(lines)]
    parts += ["## Side by side", table(told, NARROW), "### Memory and start-up", table(told, MEMORY)]
    for side in told:
        own = [each for owner, each in drawn if owner is side]
        parts += [f"## Charts of {side.letter}, {escape(side.summary.run.name)}"] if own else []
        parts += [f"![{escape(each.alt)}]({FOLDER}/{each.file})" for each in own]
    parts += [folded("How to read this report", "\n".join(entries(told[0].summary.run.settings)))]
    parts += [f"## How to repeat it\n\n{code(command(told, out))}"]
    parts += [
        folded(f"Machine and packages of {side.letter}, {side.summary.run.name}", machine_and_packages(side.summary))
        for side in told
    ]
    return "\n\n".join(parts) + "\n"


def answers(told: Sequence[Side]) -> list[tuple[Side, str, list[str]]]:
    """What each run says of its groups, one workload after the other, at the middle of the batch sizes of all runs."""
    rows = [(side, group) for side in told for group in groups(side.summary)]
    workloads = list(dict.fromkeys(group.cells[0].workload for _, group in rows))
    rows.sort(key=lambda row: workloads.index(row[1].cells[0].workload))
    return [
        (side, f"{side.letter}: {sentences.representative(group)}", sentences.answers(group)) for side, group in rows
    ]


def names(told: Sequence[Side]) -> list[str]:
    """Which columns tell rows apart, beside the run and its device."""
    return [key for key in key_columns([cell for _, cell in ordered(told)]) if key != "device"]


def table(told: Sequence[Side], columns: Sequence[Column]) -> str:
    """One table over all runs."""
    rows = ordered(told)
    keys, on = names(told), {id(cell): side.on(cell) for side, cell in rows}
    named = tabulated(
        [cell for _, cell in rows], columns, lambda cell: {key: KEYS[key](cell) for key in keys} | {"on": on[id(cell)]}
    )
    return named.markdown()


def command(told: Sequence[Side], out: str) -> str:
    """What writes this report again."""
    return shlex.join(["python", "-m", "bench.report", "--together", out, *(side.folder for side in told)])


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)
