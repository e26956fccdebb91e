"""Builders of synthetic records: every value has a plain default, and a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.analyse.summary import summarise
from bench.plan import comparison_groups
from bench.plan import length as lengths
from bench.plan.presets import TURNS_S
from bench.records import store
from bench.records.base import own_version
from bench.records.schema import (
    Cell,
    Comparison,
    Fingerprint,
    Interpreter,
    Length,
    Machine,
    Memory,
    Run,
    Settings,
    Status,
    Summary,
    Timing,
    Trial,
    TurnLength,
    Turns,
)

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LENGTH = Length(epochs=lengths.EPOCHS, steps_per_epoch=lengths.EPOCH_STEPS, warmup_steps=10)
REGION = Length(epochs=3, steps_per_epoch=20, warmup_steps=10)
"""Of a trial of before loops took turns."""
TURN = TurnLength(cold_steps=2, kept_steps=4)
CYCLES = 10
STEP_US = {"pytorch": 363, "hf-trainer": 681, "lightning": 616, "accelerate": 506, "fabric": 482, "floor": 262}
"""Seen on a 2-core CPU with the seed MLP at batch 64, one thread (`floor` and `fabric` are guesses)."""
CPU_MEMORY = "the cpu has no memory of its own"


def comparison(**changes: Any) -> Comparison:
    return Comparison(**{"workload": "mlp", "device": "cpu", "batch_size": 64} | changes)


def cell(runner: str = "pytorch", **changes: Any) -> Cell:
    return Cell(runner=runner, **comparison(**changes).model_dump())


cell_of = cell  # where a parameter is called `cell`


def interpreter(**changes: Any) -> Interpreter:
    usual = {"pid": 100, "launch": "fork", "hash_seed": 7, "padding_bytes": 512, "alone": True}
    cost = {"import_s": 2.5, "import_rss_bytes": 300_000_000, "base_rss_bytes": 30_000_000}
    return Interpreter(**usual | cost | changes)


def memory(device: str = "cpu", **changes: Any) -> Memory:
    host = {"host_rss_bytes": 320_000_000}
    on_device = {
        "device_allocated_bytes": 17_000_000,
        "device_reserved_bytes": 23_000_000,
        "device_allocated_whole_run_bytes": 18_000_000,
        "device_process_bytes": 500_000_000,
    }
    usual = host | {"unavailable": dict.fromkeys(on_device, CPU_MEMORY)} if device == "cpu" else host | on_device
    return Memory(**usual | changes)


def timing(
    step_us: float | Sequence[float] = 363.0,
    *,
    device: str = "cpu",
    jitter: float = 0.0,
    seed: int = 0,
    **changes: Any,
) -> Timing:
    """Turns of which every step takes `step_us`, the cold ones twice as long; or steps that take what is named."""
    if isinstance(step_us, Sequence):
        step_ns = np.asarray(step_us) * 1e3
    else:
        turn = [2.0] * TURN.cold_steps + [1.0] * TURN.kept_steps
        step_ns = np.tile(turn, CYCLES) * step_us * 1e3
    step_ns = step_ns * np.exp(np.random.default_rng(seed).normal(0, jitter, len(step_ns)))
    ticks = [int(value) for value in step_ns.round()]
    usual = {
        "startup_ns": 5_000_000,
        "step_ns": ticks,
        "turns": Turns(length=TURN, places=[0] * (len(ticks) // TURN.steps)),
        "device_step_us": None if device == "cpu" else [value / 1e3 for value in ticks],
        "memory": memory(device),
    }
    return Timing(**usual | changes)


def region(
    step_us: float = 363.0,
    *,
    length: Length = REGION,
    boundary_us: float = 400.0,
    device: str = "cpu",
    **changes: Any,
) -> Timing:
    """The clock of a trial of before loops took turns: `boundary_us` more where an epoch ends, twice as slow while
    warming up."""
    step_ns = np.full(length.steps - 1, step_us * 1e3)
    step_ns[length.steps_per_epoch - 1 :: length.steps_per_epoch] += boundary_us * 1e3
    step_ns[: length.warmup_steps - 1] *= 2
    ticks = [int(value) for value in step_ns.round()]
    usual = {
        "startup_ns": 5_000_000,
        "step_ns": ticks,
        "region_ns": sum(ticks[length.warmup_steps - 1 :]),
        "train_ns": 5_000_000 + sum(ticks),
        "device_step_us": None if device == "cpu" else [value / 1e3 for value in ticks],
        "memory": memory(device),
    }
    return Timing(**usual | changes)


def fingerprint(**changes: Any) -> Fingerprint:
    usual = {"losses": [0.7, 0.6931471824645996, 0.69], "weights_sha256": "a1" * 32, "parameter_norms": [4.5, 0.25]}
    return Fingerprint(**usual | changes)


def trial(
    runner: str = "pytorch",
    *,
    cell: Cell | None = None,
    phase: str = "timing",
    block: int = 0,
    replicate: int = 0,
    step_us: float | Sequence[float] = 363.0,
    jitter: float = 0.0,
    seed: int = 0,
    length: Length = LENGTH,
    status: Status = "ok",
    **changes: Any,
) -> Trial:
    """A trial that went well, or with another `status` one that did not."""
    where = cell or cell_of(runner)
    usual: dict[str, Any] = {"position": 0, "started_at": STARTED, "wall_s": 1.5, "looptax": own_version()}
    usual |= {"interpreter": interpreter(pid=100 + block)}
    if status != "ok":
        usual |= {"reason": f"the trial ended with status {status}"}
    elif phase == "equivalence":
        usual |= {"fingerprint": fingerprint()}
    else:
        usual |= {"timing": timing(step_us, device=where.device, jitter=jitter, seed=seed)}
    fixed = {"phase": phase, "cell": where, "length": length, "block": block, "replicate": replicate, "status": status}
    return Trial(**usual | fixed | changes)


def run(
    *,
    comparisons: Sequence[Comparison] | None = None,
    runners: Sequence[str] = tuple(STEP_US),
    blocks: int = 10,
    target_ci: float | None = None,
    max_blocks: int = 40,
    **changes: Any,
) -> Run:
    planned = list(comparisons or [comparison()])
    settings = Settings(
        comparisons=planned,
        runners=list(runners),
        preset="quick",
        blocks=blocks,
        turns_s=TURNS_S,
        target_ci=target_ci,
        max_blocks=max_blocks,
    )
    machine = Machine(
        system="Linux 6.1 x86_64",
        python="3.11.7",
        cpu="Imaginary CPU @ 2.00GHz",
        logical_cpus=2,
        usable_cpus=2,
        memory_bytes=8_000_000_000,
        accelerators=[],
        torch_build="2.13.0+cpu",
    )
    usual = {
        "name": "example",
        "started_at": STARTED,
        "command": "python -m bench.run --device cpu --preset quick",
        "settings": settings,
        "machine": machine,
        "packages": {"torch": "2.13.0", "transformers": "5.23.0", "accelerate": "1.15.0"},
        "git_revision": "0123456789abcdef0123456789abcdef01234567",
    }
    return Run(**usual | changes)


def journal(of: Run, *, step_us: Mapping[str, float] = STEP_US, spread: float = 0.01, seed: int = 0) -> list[Trial]:
    """Every trial of the run, all well: a wavering machine (by block), and trials that differ by `spread`."""
    random = np.random.default_rng(seed)
    trials = [trial(cell=cell, phase="equivalence", block=-1) for cell in comparison_groups.cells(of.settings)]
    for block in range(of.settings.blocks):
        weather = np.exp(random.normal(0, 0.02))
        for group in comparison_groups.planned_groups(of.settings):
            for position, member in enumerate(group.members):
                usual_us = step_us[member.runner] * (0.8 + member.batch_size / 320)
                pid = 1000 * (block + 1) + of.settings.runners.index(member.runner)
                trials.append(
                    trial(
                        cell=member,
                        block=block,
                        position=position,
                        step_us=float(usual_us * weather * np.exp(random.normal(0, spread))),
                        jitter=0.02,
                        seed=int(random.integers(2**31)),
                        interpreter=interpreter(pid=pid, import_s=2.0 + 0.01 * block),
                    )
                )
    return trials


def stored(out: Path, of: Run, trials: Iterable[Trial] | None = None) -> Path:
    """The folder of a run whose journal has these trials; by default all of it, all well."""
    folder = store.create(out, of)
    with store.journal(folder) as kept:
        kept.append(*(journal(of) if trials is None else trials))
    return folder


def summary(**plan: Any) -> Summary:
    """What `summarise` makes of a run in which all went well; `plan` goes to `run`."""
    planned = run(**plan)
    return summarise(planned, journal(planned))


def summarised(trials: Sequence[Trial], *runners: str, **plan: Any) -> Summary:
    """What is made of these trials; `plan` goes to `run`."""
    return summarise(run(runners=runners or ("pytorch",), **plan), trials)


def timed(runner: str, step_us: Iterable[float], **changes: Any) -> list[Trial]:
    """One trial a block."""
    return [trial(runner, block=block, step_us=us, **changes) for block, us in enumerate(step_us)]
