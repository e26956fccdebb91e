"""The rows of a summary, grouped as a report tells them: all batch sizes of what is otherwise one comparison."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.records.cells import SCRIPT
from bench.records.schema import Comparison
from bench.report.document import numbers
from bench.report.document.text import Toned

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from bench.records.schema import CellSummary, Estimate, Machine, Settings, Status, Summary

STATUS_WORDS: dict[Status, str] = {
    "ok": "ok",
    "failed": Toned("failed", "bad"),
    "oom": Toned("out of memory", "bad"),
    "killed": Toned("killed", "bad"),
    "timeout": Toned("timed out", "bad"),
    "garbage": Toned("unreadable", "bad"),
    "missing": Toned("not installed", "open"),
    "unavailable": Toned("unavailable", "open"),
    "not-run": Toned("not run", "open"),
}

USUAL_THREADS = 1
DEFAULTED = ("precision", "optimizer", "grad_accumulation", "grad_clip", "workers")
"""The conditions that the profile `stock` leaves to each framework."""

STRATEGIES = {"ddp": "DDP", "fsdp": "FSDP", "deepspeed": "DeepSpeed"}

CONDITIONS: dict[str, Callable[[Comparison], str]] = {
    "precision": lambda c: c.precision,
    "optimizer": lambda c: c.optimizer,
    "grad_accumulation": lambda c: (
        f"gradients of {c.grad_accumulation} batches accumulated" if c.grad_accumulation > 1 else "no accumulation"
    ),
    "grad_clip": lambda c: "no clipping" if c.grad_clip is None else f"gradients clipped at {c.grad_clip:g}",
    "workers": lambda c: f"{c.workers} loader workers" if c.workers else "no loader workers",
    "ranks": lambda c: "1 rank" if c.ranks == 1 else f"{c.ranks} ranks",
    "nodes": lambda c: f"{c.nodes} nodes" if c.nodes > 1 else "",
    "strategy": lambda c: STRATEGIES[c.strategy] if c.ranks > 1 else "",
    "compile": lambda c: "compiled" if c.compile else "not compiled",
    "profile": lambda c: f"{c.profile} profile",
    "environment": lambda c: f"{c.environment} environment",
}
"""What a comparison holds equal beside workload, device and batch size, in words; none for what it does not have."""
OF_RANKS = ("ranks", "nodes", "strategy")
"""Nothing to speak of where they are the usual."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Rows that differ in batch size and runner alone, sorted by both; one table."""

    title: str
    cells: tuple[CellSummary, ...]

    @property
    def batch_sizes(self) -> list[int]:
        """Ascending."""
        return sorted({cell.batch_size for cell in self.cells})

    @property
    def are_scripts(self) -> bool:
        """Whether they are scripts, whose batches are their own affair."""
        return self.cells[0].is_script

    @property
    def is_one_script(self) -> bool:
        """Whether there is nothing to compare: a script, and its clone."""
        return self.are_scripts and len(self.cells) == 1

    @property
    def where(self) -> str:
        """The group at its representative batch size."""
        return self.title if self.are_scripts else f"{self.title}, batch {numbers.number(self.representative, 0)}"

    @property
    def runners(self) -> list[str]:
        """In the order of the rows."""
        return list(dict.fromkeys(cell.runner for cell in self.cells))

    @property
    def representative(self) -> int:
        """The middle batch size; of two middle ones the smaller."""
        return self.batch_sizes[(len(self.batch_sizes) - 1) // 2]

    def at(self, batch_size: int) -> list[CellSummary]:
        """Return the rows of one batch size."""
        return [cell for cell in self.cells if cell.batch_size == batch_size]


def groups(summary: Summary) -> list[Group]:
    """Return the groups in the order of the run's command."""
    by_title: dict[str, list[CellSummary]] = {}
    for cell, title in zip(summary.cells, titles(summary), strict=True):
        by_title.setdefault(title, []).append(cell)
    order = {runner: index for index, runner in enumerate(summary.run.settings.runners)}
    return [
        Group(title=title, cells=tuple(sorted(cells, key=lambda c: (c.batch_size, order.get(c.runner, len(order))))))
        for title, cells in by_title.items()
    ]


def baseline_of(cells: Sequence[Comparison]) -> str:
    """What the ratios of a run are formed with."""
    return "the first script" if cells and cells[0].is_script else "the hand-written loop"


def titles(summary: Summary, *, apart_from: Collection[str] = ()) -> list[str]:
    """Name each row's group: `mlp on cpu`, and whichever conditions differ in the run, as in `mlp on cpu, bf16`."""
    conditions = {field: words for field, words in CONDITIONS.items() if field not in apart_from}
    differing = [words for field, words in conditions.items() if _differs(summary.cells, field)]
    return [_title(cell, differing) for cell in summary.cells]


def cell_names(summary: Summary) -> list[tuple[CellSummary, str]]:
    """Name each row, as in `lightning at batch 64 of mlp on cpu`, or of a script `train.py on cpu`."""
    places = [
        title.removeprefix(f"{SCRIPT} ") if cell.workload == SCRIPT else f"of {title}"
        for cell, title in zip(summary.cells, titles(summary), strict=True)
    ]
    return [(cell, f"{cell.runner}{cell.at_batch} {place}") for cell, place in zip(summary.cells, places, strict=True)]


def shared_conditions(summary: Summary) -> list[str]:
    """Say what was equal in all comparisons of the run, one phrase each."""
    if not summary.cells or summary.run.settings.scripts is not None:  # all else is the scripts' own affair
        return []
    matched = [cell for cell in summary.cells if cell.profile == "matched"]
    if len(matched) == len(summary.cells):
        return _equal(matched, CONDITIONS)
    others = _equal(summary.cells, [field for field in CONDITIONS if field not in DEFAULTED])
    if not matched:
        return others
    return [*others, f"all else in the matched profile ({', '.join(_equal(matched, DEFAULTED))})"]


def _equal(cells: Sequence[Comparison], fields: Iterable[str]) -> list[str]:
    shared = (field for field in fields if not _differs(cells, field))
    return [CONDITIONS[field](cells[0]) for field in shared if field not in OF_RANKS or _is_unusual(cells[0], field)]


def _is_unusual(cell: Comparison, field: str) -> bool:
    return bool(getattr(cell, field) != Comparison.model_fields[field].default)


def beside_defaults(settings: Settings) -> list[str]:
    """Say what all of a run's comparisons have that nobody gets who sets nothing, one phrase each."""
    usual = Comparison(workload="", device="", batch_size=1)
    asked = settings.comparisons
    conditions = [
        words(asked[0])
        for field, words in CONDITIONS.items()
        if asked and not _differs(asked, field) and getattr(asked[0], field) != getattr(usual, field)
    ]
    threads = [f"{settings.threads} threads"] if settings.threads != USUAL_THREADS else []
    return [*conditions, *threads, *([f"seed {settings.seed}"] if settings.seed else [])]


def hardware(summary: Summary) -> list[str]:
    """Name the CPU, and those accelerators that the run used, which may be fewer than there are; or each kind's.

    Where ranks are on several nodes, the others' come after.
    """
    machines = summary.run.machines
    kinds = [f"{kind} ({' with '.join(_used(summary, machine, kind))})" for kind, machine in machines.items()]
    others = [f"node {node}: {machine.cpu}" for node, machine in enumerate(summary.run.other_nodes, start=1)]
    return kinds or [*_used(summary, summary.machine, None), *others]


def _used(summary: Summary, machine: Machine, accelerator_type: str | None) -> list[str]:
    of_type = [cell for cell in summary.cells if cell.accelerator_type == accelerator_type]
    used = {device for cell in of_type for device in cell.devices}
    return [machine.cpu, *(accelerator.name for accelerator in machine.accelerators_of(used))]


def same_as_baseline(cell: CellSummary) -> bool:
    """Tell whether the run shows no difference: the interval of the ratio holds 1, or noise alone goes as far."""
    return is_noise(cell.ratio, cell.noise_floor)


def is_noise(ratio: Estimate | None, floor: float | None) -> bool:
    """The same of any ratio; False where there is none."""
    if ratio is None:
        return False
    is_below = floor is not None and abs(math.log(ratio.value)) <= math.log1p(floor)
    return is_below or numbers.covers(ratio, 1.0)


def _title(cell: Comparison, differing: Iterable[Callable[[Comparison], str]]) -> str:
    return ", ".join([f"{cell.workload} on {cell.device_name}", *filter(None, (words(cell) for words in differing))])


def _differs(cells: Sequence[Comparison], field: str) -> bool:
    return len({getattr(cell, field) for cell in cells}) > 1
