"""Where a run was made: the machine, every package, and what was imported of those that are measured, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.report.document.blocks import Commands, Folded, Section, Table, folded, section, table
from bench.report.document.numbers import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Machine, Run, Summary


def how_to_repeat(summary: Summary) -> Section:
    """The command, where that is all that repeats a run, and what it was made on."""
    return section("How to repeat it", Commands(summary.run.command), machine_and_packages(summary))


def machine_and_packages(summary: Summary, of: str = "") -> Folded | None:
    """All tables on a click; `of` says whose they are, where there are several."""
    run, imported = summary.run, imported_rows(summary)
    return folded(
        f"Machine and packages{of}",
        _machines(run),
        _table(["package", "version"], package_rows(run)),
        _table(["environment", "package", "imported", "from"], imported) if imported else None,
    )


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], **more: Any) -> Table:
    return table(headers, rows, names=len(headers), **more)


def _machines(run: Run) -> list[Table]:
    """What the run was made on, and when: one table, or one more for each kind of machine."""
    kinds = [(f"machine with {kind}", machine_rows(machine)) for kind, machine in run.machines.items()]
    tables = [*kinds, ("run", run_rows(run))] if kinds else [("machine", machine_rows(run.machine) + run_rows(run))]
    return [_table([name, ""], rows, spoken={1: "value"}) for name, rows in tables]


def machine_rows(machine: Machine) -> list[list[str]]:
    """A machine: a name and a value each."""
    memory = "unavailable" if machine.memory_bytes is None else f"{number(machine.memory_bytes / 1e9)} GB"
    return [
        ["system", machine.system],
        ["CPU", machine.cpu],
        ["logical CPUs", f"{machine.logical_cpus}, of which this run may use {machine.usable_cpus}"],
        ["memory", memory],
        *([accelerator.device, accelerator.name] for accelerator in machine.accelerators),
        ["Python", machine.python],
        ["torch", machine.torch_build],
    ]


def run_rows(run: Run) -> list[list[str]]:
    """By which looptax the run was made, and when."""
    return [
        ["looptax, git revision", run.git_revision or "unavailable: not run from a git checkout"],
        ["started", f"{run.started_at:%Y-%m-%d %H:%M:%S %Z}"],
    ]


def package_rows(run: Run) -> list[list[str]]:
    """Every installed package and its version, by name."""
    return [[name, version] for name, version in sorted(run.packages.items(), key=lambda item: item[0].lower())]


def imported_rows(summary: Summary) -> list[list[str]]:
    """What the processes that measured had imported, by their own word, and where its module lies."""
    return [
        [environment, name, package.version, package.path]
        for environment, packages in summary.imported.items()
        for name, package in sorted(packages.items())
    ]
