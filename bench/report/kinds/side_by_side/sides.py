"""Several runs side by side: which may be, and what of them stands beside each other."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import reduce
from string import ascii_uppercase

from bench.analyse.verdicts.comparability import disjoint_axes
from bench.errors import RunFolderError, UsageError
from bench.records.schema import Cell, CellSummary, Summary
from bench.report.document.groups import hardware
from bench.report.document.text import listed

MOST = len(ascii_uppercase)
ANYWHERE = ("device", "accelerator_type")
"""What may differ between the sides."""
SHOWN_PACKAGES = ("torch", "transformers", "accelerate", "pytorch-lightning")


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One run, with those of its cells that every other run has too, on whichever device."""

    letter: str
    folder: str
    """As a user would type it."""
    summary: Summary
    """With the shared cells alone."""

    def on(self, cell: Cell) -> str:
        """What a table calls where a cell ran: `A cpu`."""
        return f"{self.letter} {cell.device_name}"

    @property
    def made(self) -> str:
        """When, on what, and with which versions, in one sentence."""
        run, packages = self.summary.run, self.summary.packages
        versions = [f"{name} {packages[name]}" for name in SHOWN_PACKAGES if name in packages]
        return (
            f"{self.letter}: {run.name}, measured on {run.started_at:%Y-%m-%d} on {listed(hardware(self.summary))} "
            f"({run.machine.system}), Python {run.machine.python}, {listed(versions)}; its own report is in "
            f"{self.folder}."
        )


def sides(runs: Sequence[tuple[str, Summary]]) -> list[Side]:
    """Give every run its letter and keep what all of them have.

    Raises `RunFolderError` or `UsageError`, one sentence, for runs that cannot stand side by side.
    """
    _refuse_few_or_many(runs)
    _refuse_other_verbs(runs)
    shared = reduce(set.intersection, ({_anywhere(cell) for cell in summary.cells} for _, summary in runs))
    if not shared:
        raise UsageError(_nothing_shared(runs))
    return [
        Side(letter=letter, folder=folder, summary=_only(summary, shared))
        for letter, (folder, summary) in zip(ascii_uppercase, runs, strict=False)
    ]


def ordered(in_order: Sequence[Side]) -> list[tuple[Side, CellSummary]]:
    """Every row of the table: what is the same but for the run stands in neighbouring lines."""
    first = in_order[0].summary
    runners = {runner: place for place, runner in enumerate(first.run.settings.runners)}
    workloads = {name: place for place, name in enumerate(dict.fromkeys(cell.workload for cell in first.cells))}
    rows = [(side, cell) for side in in_order for cell in side.summary.cells]
    return sorted(
        rows,
        key=lambda row: (
            workloads[row[1].workload],
            row[1].batch_size,
            repr(_anywhere(row[1].model_copy(update={"runner": ""}))),
            runners.get(row[1].runner, len(runners)),
        ),
    )


def _refuse_few_or_many(runs: Sequence[tuple[str, Summary]]) -> None:
    folders = [folder for folder, _ in runs]
    if len(set(folders)) < len(folders) or len(folders) < 2:
        raise UsageError("--together puts runs side by side: name two different RUNs or more.")
    if len(folders) > MOST:
        raise UsageError(f"--together takes {MOST} RUNs at most, one a letter: name fewer.")


def _refuse_other_verbs(runs: Sequence[tuple[str, Summary]]) -> None:
    for folder, summary in runs:
        if summary.run.verb != "run":
            raise RunFolderError(
                f"{folder} was made by bench.{summary.run.verb}, whose report has its own comparison: "
                "--together takes runs of bench.run."
            )


def _anywhere(cell: Cell) -> Hashable:
    """The cell without the device and the kind of machine that it ran on."""
    key = cell.model_dump(include=set(Cell.model_fields))
    return tuple((name, value) for name, value in sorted(key.items()) if name not in ANYWHERE)


def _only(summary: Summary, shared: set[Hashable]) -> Summary:
    return summary.model_copy(update={"cells": [cell for cell in summary.cells if _anywhere(cell) in shared]})


def _nothing_shared(runs: Sequence[tuple[str, Summary]]) -> str:
    (first, one), (second, other) = runs[0], runs[1]
    apart = [disjoint_ax for disjoint_ax in disjoint_axes(one.cells, other.cells) if disjoint_ax.key not in ANYWHERE]
    differences = "; ".join(difference.describe(f"in {first}", f"in {second}") for difference in apart)
    return (
        f"these {len(runs)} runs have no runner at the same workload and batch size in common"
        f"{f' ({differences})' if differences else ''}: repeat one of them elsewhere by python -m bench.run --like RUN."
    )
