"""Whether figures of two runs may stand side by side: the same machine, the same settings, the same software."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from bench.records.schema import Cell, Machine, Run
from trainloops.references import is_reference
from trainloops.workloads import needs

PACKAGES = ("torch", "transformers", "accelerate", "pytorch-lightning", "numpy")
SETTINGS = ("threads", "seed", "steps", "warmup_steps")
MEMORY_TOLERANCE = 0.01
"""How far the memory of one machine may differ from start to start, by what its kernel keeps for itself."""
DIGITS = 12
"""Of a SHA-256, enough to tell files apart."""

Pairs = Mapping[str, tuple[object, object]]
Sides = Mapping[str, Callable[[Machine], object]]
"""What is held against each other of two machines."""
ChangedPackages = dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What differs between two runs, and what it is in each."""

    key: str
    baseline: object
    candidate: object

    def describe(self, first: str, second: str) -> str:
        """A phrase such as `threads: 1 in A, 2 in B`, given that the runs are called `in A` and `in B`."""
        return f"{self.key}: {self.baseline} {first}, {self.candidate} {second}"


def differences(first: Run, second: Run) -> list[str]:
    """What differs between two runs that shall be one, each as a phrase that names the key and both values."""
    sides: Sides = {
        "cpu": lambda machine: machine.cpu,
        "accelerators": _accelerators,
        "variables": _variables,
        "torch build": lambda machine: machine.torch_build,
        "python": lambda machine: machine.python,
    }
    pairs = {
        **_of_machines(sides, first, second),
        **{name: (first.packages.get(name), second.packages.get(name)) for name in PACKAGES},
        **_own_files(first, second),
    }
    return [difference.describe("then", "now") for difference in _differing(pairs)]


def incompatibilities(baseline: Run, candidate: Run) -> list[Difference]:
    """What keeps figures of two runs from being compared: another machine, or other settings.

    Versions of packages are no such thing, torch's included: they are what a comparison is about.
    """
    sides: Sides = {
        "system": lambda machine: machine.system.partition(" ")[0],
        "cpu": lambda machine: machine.cpu,
        "logical CPUs": lambda machine: machine.logical_cpus,
        "usable CPUs": lambda machine: machine.usable_cpus,
        "accelerators": _accelerators,
        "variables": _variables,
        "python": _python,
    }
    pairs: dict[str, tuple[object, object]] = dict(_of_machines(sides, baseline, candidate))
    pairs["trials"] = (_trials(baseline), _trials(candidate))
    for which, before, after in _machines(baseline, candidate):
        pairs[f"memory bytes{which}"] = _memory(before, after)
        pairs[f"torch build{which}"] = _torch_builds(before, after)
    pairs |= {name: (_setting(baseline, name), _setting(candidate, name)) for name in SETTINGS}
    return _differing(pairs)


def other_differences(baseline: Run, candidate: Run) -> list[Difference]:
    """What differs beside packages and may matter, but forbids nothing."""
    return _differing(
        {
            "kernel": (baseline.machine.system, candidate.machine.system),
            "Python": (baseline.machine.python, candidate.machine.python),
            "looptax, git revision": (baseline.git_revision, candidate.git_revision),
            **_own_files(baseline, candidate),
        }
    )


def changed_packages(baseline: Run, candidate: Run) -> ChangedPackages:
    """Version in each run of every package that differs, by normalised name; `PACKAGES` come first."""
    before, after = _normalised(baseline.packages), _normalised(candidate.packages)
    names = sorted(before.keys() | after.keys(), key=lambda name: (name not in PACKAGES, name))
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def other_hand_written_loop(baseline: Run, candidate: Run) -> str | None:
    """What differs of the software of the hand-written loop, in words; None where that ran and trained the same."""
    changed = changed_packages(baseline, candidate)
    trained = sorted({comparison.workload for run in (baseline, candidate) for comparison in run.settings.comparisons})
    for package in ("torch", *sorted(needs(trained))):
        if package in changed:
            before, after = changed[package]
            whose = "" if package == "torch" else ", which a workload needs"
            return f"{package} differs ({before} → {after}){whose}"
    if _python(baseline.machine) != _python(candidate.machine):
        return "Python differs"
    own = next(filter(is_reference, trained), None)
    return f"packages differ, any of which {own} may need" if own is not None and changed else None


def disjoint_axes(baseline: Iterable[Cell], candidate: Iterable[Cell]) -> list[Difference]:
    """The axes on which no cell of one run has a value that a cell of the other has, with their values."""
    before, after = list(baseline), list(candidate)
    return [
        Difference(key=axis, baseline=", ".join(first), candidate=", ".join(second))
        for axis in Cell.model_fields
        if not set(first := _values(before, axis)) & set(second := _values(after, axis))
    ]


def _own_files(first: Run, second: Run) -> Pairs:
    """The first digits of the digest of each file of the user's own that both runs have recorded."""
    before, after = first.own_files, second.own_files
    names = sorted(before.keys() & after.keys())
    return {f"SHA-256 of {name}": (before[name][:DIGITS], after[name][:DIGITS]) for name in names}


def _values(cells: Iterable[Cell], axis: str) -> list[str]:
    return list(dict.fromkeys(str(getattr(cell, axis)) for cell in cells))


def _differing(pairs: Pairs) -> list[Difference]:
    both = ((key, before, after) for key, (before, after) in pairs.items() if before != after)
    return [Difference(key=key, baseline=before, candidate=after) for key, before, after in both]


def _machines(first: Run, second: Run) -> list[tuple[str, Machine, Machine]]:
    """The machines to be held against each other: of runs on several kinds those of each kind that both have."""
    both = [kind for kind in first.machines if kind in second.machines]
    of_kinds = [(f" of {kind}", first.machines[kind], second.machines[kind]) for kind in both]
    return of_kinds or [("", first.machine, second.machine)]


def _of_machines(sides: Sides, first: Run, second: Run) -> Pairs:
    return {
        f"{key}{which}": (of(before), of(after))
        for which, before, after in _machines(first, second)
        for key, of in sides.items()
    }


def _accelerators(machine: Machine) -> str:
    return ", ".join(accelerator.name for accelerator in machine.accelerators) or "none"


def _variables(machine: Machine) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(machine.variables.items())) or "none"


def _setting(run: Run, name: str) -> object:
    value = getattr(run.settings, name)
    return "chosen by the run" if value is None else value


def _trials(run: Run) -> str:
    """How its loops were timed: what a loop costs beside others is another figure in turns."""
    return "one after the other" if run.settings.turns_s is None else "in turns"


def _python(machine: Machine) -> str:
    """The feature release: counts of calls differ from one to the next."""
    return ".".join(machine.python.split(".")[:2])


def _memory(baseline: Machine, candidate: Machine) -> tuple[object, object]:
    before, after = baseline.memory_bytes, candidate.memory_bytes
    if before is None or after is None or abs(before - after) <= MEMORY_TOLERANCE * before:
        return None, None
    return before, after


def _torch_builds(baseline: Machine, candidate: Machine) -> tuple[object, object]:
    """Both builds as a whole where the version is the same, else for what they were built: CPU, CUDA or ROCm.

    Another release of torch comes with another release of CUDA.
    """
    before, after = baseline.torch_build, candidate.torch_build
    if _version(before) == _version(after):
        return before, after
    return _built_for(before), _built_for(after)


def _version(torch_build: str) -> str:
    """`2.13.0` of `2.13.0+cu128, CUDA 12.8`."""
    return torch_build.partition(",")[0].partition("+")[0]


def _built_for(torch_build: str) -> str:
    """`CUDA` of `2.13.0+cu128, CUDA 12.8`."""
    return torch_build.partition(", ")[2].partition(" ")[0]


def _normalised(packages: Mapping[str, str]) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in packages.items()}
