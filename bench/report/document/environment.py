"""Where a run was made: the machine, every package, and what was imported of those that are measured, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.numbers import number
from bench.report.document.text import table

if TYPE_CHECKING:
    from bench.records.schema import Run, Summary

IMPORTED = ["environment", "package", "imported", "from"]


def machine_and_packages(summary: Summary) -> str:
    """Write the tables."""
    tables = [_machine(summary.run), _packages(summary.run)]
    rows = imported_rows(summary)
    return "\n\n".join([*tables, table(IMPORTED, rows, names=4)] if rows else tables)


def _machine(run: Run) -> str:
    return table(["machine", ""], machine_rows(run), names=2)


def machine_rows(run: Run) -> list[list[str]]:
    """What the run was made on: a name and a value each."""
    machine = run.machine
    memory = "unavailable" if machine.memory_bytes is None else f"{number(machine.memory_bytes / 1e9)} GB"
    return [
        ["system", machine.system],
        ["CPU", machine.cpu],
        ["logical CPUs", f"{machine.logical_cpus}, of which this run may use {machine.usable_cpus}"],
        ["memory", memory],
        *([accelerator.device, accelerator.name] for accelerator in machine.accelerators),
        ["Python", machine.python],
        ["torch", machine.torch_build],
        ["looptax, git revision", run.git_revision or "unavailable: not run from a git checkout"],
        ["started", f"{run.started_at:%Y-%m-%d %H:%M:%S %Z}"],
    ]


def _packages(run: Run) -> str:
    return table(["package", "version"], package_rows(run), names=2)


def package_rows(run: Run) -> list[list[str]]:
    """Every installed package and its version, by name."""
    return [[name, version] for name, version in sorted(run.packages.items(), key=lambda item: item[0].lower())]


def imported_rows(summary: Summary) -> list[list[str]]:
    """What the processes that measured had imported, by their own word, and where its module lies."""
    return [
        [environment, name, each.version, each.path]
        for environment, packages in summary.imported.items()
        for name, each in sorted(packages.items())
    ]
