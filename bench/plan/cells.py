"""A matrix of settings becomes cells; what cannot be had is refused here, before anything runs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from itertools import product
from typing import Any, get_args

from bench.errors import DeviceError, UsageError
from bench.plan import devices, parse, runner_files
from bench.records.schema import Comparison, Machine
from trainloops import references, runners, stock, workloads
from trainloops.contract import Strategy

AXES = {
    "workload": "--workload",
    "device": "--device",
    "batch_size": "--batch-size",
    "precision": "--precision",
    "optimizer": "--optimizer",
    "grad_accumulation": "--grad-accumulation",
    "grad_clip": "--grad-clip",
    "workers": "--workers",
    "profile": "--profile",
    "compile": "--compile",
    "ranks": "--nproc-per-node",
    "nodes": "--nnodes",
    "strategy": "--strategy",
}
SET = ("precision", "optimizer", "grad_accumulation", "grad_clip", "workers", "compile")
"""The axes of what frameworks have defaults for."""

SWITCH = {"off": False, "on": True}


def comparisons(axes: dict[str, Sequence[Any]]) -> list[Comparison]:
    """Every combination of the axes' values, in the order the axes are named in `AXES`.

    Ranks are those of one node, of which a comparison has all; one rank has no strategy.
    """
    values = [axes[name] for name in AXES]
    combinations = [dict(zip(AXES, combination, strict=True)) for combination in product(*values)]
    for combination in combinations:
        combination["ranks"] *= combination["nodes"]
        if combination["ranks"] == 1:
            del combination["strategy"]
    return list(dict.fromkeys(Comparison(**combination) for combination in combinations))


def split(flag: str, text: str) -> list[str]:
    """The values of a comma list, in order; raises `UsageError` for an empty or a repeated one."""
    values = [value.strip() for value in text.split(",")]
    if "" in values:
        raise UsageError(f"{flag} {text!r} has an empty value; separate the values by single commas.")
    return _once(flag, values)


def _once(flag: str, values: list[str]) -> list[str]:
    repeated = {value for value in values if values.count(value) > 1}
    if repeated:
        raise UsageError(f"{flag} names {', '.join(sorted(repeated))} more than once; name each value once.")
    return values


def integers(flag: str, text: str, *, least: int) -> list[int]:
    """A comma list of whole numbers, each at least `least`."""
    return [_number(flag, value, int, "a whole number", least) for value in split(flag, text)]


def grad_clips(text: str) -> list[float | None]:
    """A comma list of norms to clip to; `off` is no clipping."""
    flag = AXES["grad_clip"]
    return [None if v == "off" else _number(flag, v, float, "a norm or off", 1e-12) for v in split(flag, text)]


def strategies(text: str | None, ranks: str, nodes: str) -> list[str]:
    """A comma list of ways in which ranks train together; raises `UsageError` where there are not several."""
    if text is None:
        return [Comparison.model_fields["strategy"].default]
    flag = AXES["strategy"]
    if split(AXES["ranks"], ranks) == split(AXES["nodes"], nodes) == ["1"]:
        raise UsageError(f"{flag} is how several ranks train together: add {AXES['ranks']} 2, or leave it out.")
    named = known(flag, text, get_args(Strategy))
    if "deepspeed" in named and find_spec("deepspeed") is None:
        raise UsageError(f"{flag} deepspeed needs the package deepspeed: pip install 'looptax[deepspeed]'.")
    return named


def _number(flag: str, value: str, kind: Callable[[str], Any], what: str, least: float) -> Any:
    try:
        number = kind(value)
    except ValueError:
        raise UsageError(f"{flag} {value!r} is not {what}.") from None
    if not least <= number < float("inf"):
        bound = f"at least {least}" if kind is int else "greater than 0 and finite"
        raise UsageError(f"{flag} {value} must be {bound}.")
    return number


def known(flag: str, text: str, names: Iterable[str], *, also: str = "") -> list[str]:
    """A comma list of names out of `names`; raises `UsageError` that suggests the nearest one."""
    names = list(names)
    for value in (values := split(flag, text)):
        if value not in names:
            raise UsageError(f"{flag} {value!r} is not one of {', '.join(names)}{also}{parse.nearest(value, names)}")
    return values


def runner_names(text: str) -> list[str]:
    """The runners that `--runner` names; the baseline is always among them."""
    values = asked_runners(text)
    return values if runners.BASELINE in values else [runners.BASELINE, *values]


def asked_runners(text: str) -> list[str]:
    """Known runners, those that installed packages bring, and the user's own, with whole paths."""
    names = _known_or_own(runner_files.RUNNER, text, runners.BUILT_IN, runners.installed)
    return [references.resolved(name) for name in names]


def workload_names(text: str) -> list[str]:
    """Known workloads, and the user's own, as they were given: by these names reports tell of them."""
    return _known_or_own(runner_files.WORKLOAD, text, workloads.REGISTRY, dict)


def _known_or_own(
    kind: runner_files.Kind, text: str, built_in: Iterable[str], others: Callable[[], Iterable[str]]
) -> list[str]:
    """A comma list of names, or of references to the user's own code; `others` is asked only where it matters."""
    values = split(kind.flag, text)
    named = [value for value in values if not references.is_reference(value)]
    if not set(named) <= set(built_in):
        own = f"a path to your own .py file or package.module:{kind.usual}"
        known(kind.flag, ",".join(named), [*built_in, *others()], also=f" or {own}")
    for value in values:
        runner_files.refuse(value, kind)
    _once(kind.flag, [references.resolved(value) for value in values])
    return values


def refuse_set(comparisons: Iterable[Comparison], runner_list: Sequence[str]) -> None:
    """Raise `UsageError` for what is set in the profile that sets nothing, and for loops that have no defaults."""
    in_stock = [comparison for comparison in comparisons if comparison.profile == "stock"]
    for axis in SET if in_stock else ():
        usual = Comparison.model_fields[axis].default
        if any(getattr(comparison, axis) != usual for comparison in in_stock):
            raise UsageError(
                f"--profile stock is what you get when you set nothing: leave {AXES[axis]} out, or take --profile "
                "matched."
            )
    if in_stock and not set(runner_list) & set(stock.MODULES):
        raise UsageError(
            f"--profile stock: {' and '.join(runner_list)} have no defaults; {', '.join(stock.MODULES)} do."
        )


def refuse_ranks(
    comparisons: Iterable[Comparison], runner_list: Sequence[str], *, threads: int, machine: Machine
) -> None:
    """Raise `UsageError` for what several ranks cannot be trained with, `DeviceError` where there are too few cores."""
    for comparison in (comparison for comparison in comparisons if comparison.ranks > 1):
        nodes, ranks = comparison.nodes, comparison.ranks // comparison.nodes
        asked = f"{AXES['ranks']} {ranks}" if ranks > 1 else f"{AXES['nodes']} {nodes}"
        if comparison.device != "cpu" and (there := devices.cards(comparison.device, machine)) < ranks:
            kind, _, index = comparison.device.partition(":")
            from_it = f" from {comparison.device} on" if index else ""
            raise DeviceError(
                f"{asked} needs {ranks} cards, and torch sees {there} of {kind} here{from_it}: name fewer ranks."
            )
        if comparison.device == "cpu" and ranks * threads > machine.usable_cpus:
            by = f" with --threads {threads}" if threads > 1 else ""
            raise DeviceError(
                f"{asked}{by} needs {ranks * threads} cores, and this run may use {machine.usable_cpus}: name "
                "fewer ranks."
            )
        if comparison.compile or comparison.profile != "matched":
            other = "--compile on" if comparison.compile else f"--profile {comparison.profile}"
            raise UsageError(f"{asked} does not go with {other}: leave one of the two out.")
        if comparison.strategy == "deepspeed" and comparison.precision != "fp32":
            raise UsageError(f"--strategy deepspeed trains in fp32 here: leave --precision {comparison.precision} out.")
        alone = [name for name in runner_list if name in runners.EXTRA]
        if alone:
            raise UsageError(f"{asked}: {' and '.join(alone)} trains on one rank here; leave it out of --runner.")


def _compiler() -> str:
    """What torch compiles for a CPU with."""
    return os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")


def refuse_impossible(comparisons: Iterable[Comparison], runner_list: Sequence[str]) -> None:
    """Raise `UsageError` for a combination that a framework is known to refuse."""
    for comparison in comparisons:
        if comparison.compile and comparison.device == "cpu" and shutil.which(compiler := _compiler()) is None:
            raise UsageError(
                f"--compile on needs a C++ compiler for the cpu, and there is no {compiler} here: install it, or name "
                "another by the variable CXX."
            )
        if comparison.precision == "fp16" and comparison.device == "cpu":
            raise UsageError(
                "--precision fp16 is for accelerators: Trainer, Lightning and Accelerate refuse it on a CPU. Take "
                "--precision bf16, or another --device."
            )
        if comparison.precision == "fp16" and "skorch" in runner_list:
            raise UsageError(
                "--precision fp16 is not available in skorch, which has no GradScaler: leave out one of them."
            )
        if (
            "lightning" in runner_list
            and comparison.precision != "fp32"
            and comparison.optimizer == "adamw-fused"
            and comparison.grad_clip is not None
        ):
            raise UsageError(
                f"--optimizer adamw-fused with --precision {comparison.precision} and --grad-clip is not available in "
                "lightning, which refuses to clip for a fused optimizer under mixed precision; leave out one of the "
                "three, or lightning."
            )
