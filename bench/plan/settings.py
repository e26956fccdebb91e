"""The command line's texts become the settings of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args

from bench.errors import DeviceError, UsageError
from bench.plan import cells, devices, length, max_batch, parse, scripts
from bench.plan.presets import MAX_BLOCKS, PRESETS, Preset, batch_sizes
from bench.records.schema import Comparison, Fleet, Machine, Pass, Settings
from trainloops import runners
from trainloops.contract import OptimizerName, Precision, Profile

DEFAULT_PRESET = "standard"
ONLY: dict[str, Pass] = {"counters": "counting", "phases": "phases", "time": "timing"}
"""What `--only` can choose; the proof of equivalence comes with every one of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flags:
    """What the user wrote; None is a flag that was not given."""

    runner: str | None = None
    workload: str | None = None
    batch_size: str | None = None
    device: str | None = None
    precision: str | None = None
    grad_accumulation: str | None = None
    grad_clip: str | None = None
    workers: str | None = None
    profile: str | None = None
    compile: str | None = None
    nproc_per_node: str | None = None
    nnodes: str | None = None
    rdzv_endpoint: str | None = None
    strategy: str | None = None
    optimizer: str | None = None
    preset: str | None = None
    blocks: int | None = None
    budget: str | None = None
    target_ci: str | None = None
    max_blocks: int | None = None
    steps: int | None = None
    warmup: int | None = None
    threads: int | None = None
    timeout: str | None = None
    seed: int | None = None
    only: str | None = None
    trace: bool | None = None
    find_max_batch: bool | None = None
    memory_limit: str | None = None
    script: Sequence[str] | None = None
    arguments: Sequence[str] | None = None
    """What follows `--`."""
    tick: str | None = None
    tick_on: str | None = None
    samples_per_step: int | None = None
    cwd: Path | None = None
    unlike: bool | None = None
    to_the_end: bool | None = None
    executor: str | None = None
    ray_address: str | None = None
    accelerator_type: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Flags:
        """The flags among a verb's options, by their names; options that are no flags are left out."""
        given = {field.name: options[field.name] for field in fields(cls) if field.name in options}
        return cls(**{name: None if value == [] else value for name, value in given.items()})

    def refuse_with(self, flag: str) -> None:
        """Raise `UsageError` if any flag was given beside `flag`, which takes all from a stored run."""
        given = [f"--{name.replace('_', '-')}" for name, value in asdict(self).items() if value is not None]
        if given:
            raise UsageError(f"{flag} takes its settings from the run folder; leave {', '.join(given)} out.")


def from_flags(flags: Flags, machine: Machine, machines: Mapping[str, Machine] | None = None) -> Settings:
    """Settings after presets and defaults; raises `UsageError` or `DeviceError` in one sentence.

    `machines` are by accelerator type, where a run has such: then all is measured on each of them.
    """
    preset = PRESETS[cells.known("--preset", flags.preset or DEFAULT_PRESET, PRESETS)[0]]
    length.check(steps=flags.steps, warmup_steps=flags.warmup)
    kinds = devices.by_kind(machine, machines)
    compared = _of_scripts(flags, machine) if flags.script else _of_runners(flags, machine, preset, kinds)
    profiles = {comparison.profile for comparison in compared["comparisons"]}
    return Settings(
        **compared,
        preset=flags.preset or DEFAULT_PRESET,
        blocks_per_set=preset.blocks_per_set,
        turns_s=preset.turns_s * len(profiles),  # which take turns together
        threads=_at_least_one("--threads", flags.threads, 1),
        seed=flags.seed or 0,
        **_blocks(flags, preset),
        **_optional(flags),
        fleet=fleet_of(flags),
        rdzv_endpoint=_endpoint(flags, compared["comparisons"]),
    )


def _of_scripts(flags: Flags, machine: Machine) -> Mapping[str, Any]:
    comparisons, asked = scripts.comparisons(flags, machine), scripts.scripts(flags)
    passes = [name for name in _passes(flags) if name in scripts.PASSES]
    return {
        "comparisons": comparisons,
        "runners": [script.name for script in asked.each],
        "scripts": asked,
        "passes": passes,
    }


def _of_runners(
    flags: Flags, machine: Machine, preset: Preset, kinds: Sequence[tuple[str | None, Machine]]
) -> Mapping[str, Any]:
    scripts.refuse_without_script(flags)
    if flags.find_max_batch:
        max_batch.refuse_useless(flags)
        preset = replace(preset, batch_sizes=max_batch.START)
    else:
        max_batch.refuse_alone(flags)
    usual = max_batch.usual_runners() if flags.find_max_batch else list(runners.REGISTRY)
    names = cells.runner_names(flags.runner) if flags.runner else usual
    comparisons = [
        comparison.model_copy(update={"accelerator_type": kind})
        for kind, on in kinds
        for comparison in _comparisons(flags, kind, on, preset, names)
    ]
    cells.refuse_set(comparisons, cells.asked_runners(flags.runner) if flags.runner else names)
    return {
        "comparisons": comparisons,
        "runners": names,
        "passes": _passes(flags),
        **(_of_search(flags, comparisons, machine) if flags.find_max_batch else {}),
    }


def _comparisons(
    flags: Flags, kind: str | None, machine: Machine, preset: Preset, names: Sequence[str]
) -> list[Comparison]:
    """What is measured with these runners on a machine; what it lacks is refused in the name of its kind."""
    try:
        comparisons = cells.comparisons(_axes(flags, machine, preset))
        cells.refuse_impossible(comparisons, names)
        threads = _at_least_one("--threads", flags.threads, 1)
        cells.refuse_ranks(comparisons, names, threads=threads, machine=machine)
    except DeviceError as error:
        if kind is None:
            raise
        raise DeviceError(f"--accelerator-type {kind}: {error}") from None
    return comparisons


def _axes(flags: Flags, machine: Machine, preset: Preset) -> dict[str, Sequence[Any]]:
    """The values of every axis; raises `UsageError` or `DeviceError`."""
    workload, ranks, nodes = flags.workload or preset.workloads, flags.nproc_per_node or "1", flags.nnodes or "1"
    sizes = batch_sizes(flags.batch_size, workload, preset.batch_sizes)
    compiled = cells.known("--compile", flags.compile or "off", cells.SWITCH)
    return {
        "workload": cells.workload_names(workload),
        "device": devices.resolve(cells.split("--device", flags.device or "auto"), machine),
        "batch_size": cells.integers("--batch-size", sizes, least=1),
        "precision": cells.known("--precision", flags.precision or "fp32", get_args(Precision)),
        "optimizer": cells.known("--optimizer", flags.optimizer or "adamw", get_args(OptimizerName)),
        "grad_accumulation": cells.integers("--grad-accumulation", flags.grad_accumulation or "1", least=1),
        "grad_clip": cells.grad_clips(flags.grad_clip or "off"),
        "workers": cells.integers("--workers", flags.workers or "0", least=0),
        "profile": cells.known("--profile", flags.profile or "matched", get_args(Profile)),
        "compile": [cells.SWITCH[value] for value in compiled],
        "ranks": cells.integers("--nproc-per-node", ranks, least=1),
        "nodes": cells.integers("--nnodes", nodes, least=1),
        "strategy": cells.strategies(flags.strategy, ranks, nodes),
    }


def _of_search(flags: Flags, comparisons: Sequence[Comparison], machine: Machine) -> Mapping[str, Any]:
    limit = None if flags.memory_limit is None else parse.bytes_of("--memory-limit", flags.memory_limit)
    return {
        "passes": ["equivalence", max_batch.PASS],
        "memory_limit_bytes": max_batch.memory_limit(comparisons, limit, machine),
    }


def _passes(flags: Flags) -> list[Pass]:
    chosen = list(ONLY) if flags.only is None else cells.known("--only", flags.only, ONLY)
    passes: list[Pass] = ["equivalence", *(ONLY[name] for name in ONLY if name in chosen)]
    return [*passes, "trace"] if flags.trace else passes


def _blocks(flags: Flags, preset: Preset) -> Mapping[str, Any]:
    """How many blocks are planned and until when more are added; `--blocks` by itself is exactly so many."""
    blocks = _at_least_one("--blocks", flags.blocks, preset.blocks)
    target: float | None = preset.target_ci
    most = preset.max_blocks
    if flags.target_ci is not None:
        target, most = parse.fraction("--target-ci", flags.target_ci), MAX_BLOCKS
    elif flags.blocks is not None and flags.max_blocks is None:
        target = None
    most = _at_least_one("--max-blocks", flags.max_blocks, most)
    if flags.max_blocks is not None and most < blocks:
        raise UsageError(
            f"--max-blocks {most} is fewer than the {blocks} blocks that are planned; raise it, or lower --blocks."
        )
    return {"blocks": blocks, "target_ci": target, "max_blocks": most}


EXECUTORS = ("local", "ray")


def fleet_of(flags: Flags) -> Fleet | None:
    """Where blocks are measured, if not here; raises `UsageError` for what only this machine can do."""
    (executor,) = cells.known("--executor", flags.executor or "local", EXECUTORS)
    if executor == "local":
        of_ray = {"--ray-address": flags.ray_address, "--accelerator-type": flags.accelerator_type}
        given = [flag for flag, value in of_ray.items() if value is not None]
        if given:
            raise UsageError(f"{given[0]} is that of --executor ray: give both, or leave it out.")
        return None
    here = {
        "--script": flags.script,
        "--trace": flags.trace,
        "--find-max-batch": flags.find_max_batch,
        "--nnodes": flags.nnodes,
    }
    for flag, value in here.items():
        if value:
            raise UsageError(f"--executor ray does not do {flag}: leave one of them out.")
    kinds = [] if flags.accelerator_type is None else cells.split("--accelerator-type", flags.accelerator_type)
    return Fleet(address=flags.ray_address, accelerator_types=kinds)


def _endpoint(flags: Flags, comparisons: Sequence[Comparison]) -> str | None:
    """Where the nodes of a run meet that has several; raises `UsageError` where one is given without the other."""
    several = any(comparison.nodes > 1 for comparison in comparisons)
    if several and flags.rdzv_endpoint is None:
        raise UsageError(
            f"--nnodes {flags.nnodes} needs --rdzv-endpoint host:port, where host is the machine that measures; give "
            "the same command on each of the nodes."
        )
    if flags.rdzv_endpoint is None:
        return None
    if not several:
        raise UsageError("--rdzv-endpoint is where several nodes meet: add --nnodes 2, or leave it out.")
    parse.endpoint("--rdzv-endpoint", flags.rdzv_endpoint)
    return flags.rdzv_endpoint


def _optional(flags: Flags) -> Mapping[str, Any]:
    return {
        "steps": flags.steps,
        "warmup_steps": flags.warmup,
        "budget_s": None if flags.budget is None else parse.seconds("--budget", flags.budget),
        "timeout_s": None if flags.timeout is None else parse.seconds("--timeout", flags.timeout),
    }


def _at_least_one(flag: str, value: int | None, default: int) -> int:
    if value is not None and value < 1:
        raise UsageError(f"{flag} {value} must be at least 1.")
    return default if value is None else value
