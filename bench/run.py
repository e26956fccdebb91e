"""The main job: train the same model with every loop, prove that they agree, and report what each costs.

python -m bench.run --device cuda
python -m bench.run --device cpu --preset quick --runner hf-trainer,lightning --batch-size 8,64
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.conduct import carry_out
from bench.errors import ExitCode, RunFolderError
from bench.execute import probe
from bench.plan import devices
from bench.plan.settings import Flags, from_flags
from bench.records import likeness, store
from bench.records.schema import Machine, Run, Settings, Summary

Flag = typer.Option


def main(
    runner: Annotated[
        str | None,
        Flag(
            help="Loops to measure: pytorch, hf-trainer, lightning, accelerate, fabric, floor [all], "
            "or your own .py file with a train(job, parts). pytorch is always among them."
        ),
    ] = None,
    workload: Annotated[str | None, Flag(help="What is trained: mlp, mlp-wide [the preset's].")] = None,
    batch_size: Annotated[str | None, Flag(help="Micro-batch sizes [the preset's].")] = None,
    device: Annotated[str | None, Flag(help="auto, cpu, cuda, cuda:1, mps or xpu [auto].")] = None,
    precision: Annotated[str | None, Flag(help="fp32, bf16 [fp32].")] = None,
    optimizer: Annotated[str | None, Flag(help="adamw, adamw-fused, sgd [adamw].")] = None,
    grad_accumulation: Annotated[str | None, Flag(help="Micro-batches in one optimizer step [1].")] = None,
    grad_clip: Annotated[str | None, Flag(help="Norms to clip gradients to, or off [off].")] = None,
    workers: Annotated[str | None, Flag(help="DataLoader worker processes [0].")] = None,
    preset: Annotated[str | None, Flag(help="quick, standard or thorough [standard].")] = None,
    blocks: Annotated[
        int | None,
        Flag(
            help="Passes over all cells, each in fresh interpreters [the preset's]; "
            "six are the fewest with a 95 % interval."
        ),
    ] = None,
    trials_per_block: Annotated[int | None, Flag(help="Trials of every cell in a block [the preset's].")] = None,
    budget: Annotated[str | None, Flag(help="Start no block that would end later than this: 90s, 5m, 1h.")] = None,
    target_ci: Annotated[str | None, Flag(help="Add blocks until every ratio is known to within this: 2%.")] = None,
    steps: Annotated[int | None, Flag(help="Optimizer steps of a trial, warm-up included [a pilot chooses].")] = None,
    warmup: Annotated[int | None, Flag(help="Steps before the measured region [a tenth of --steps].")] = None,
    threads: Annotated[
        int | None, Flag(help="Threads of torch [1: loops differ in Python, more threads only add noise].")
    ] = None,
    timeout: Annotated[str | None, Flag(help="Kill a trial after this long [20 times what others needed].")] = None,
    seed: Annotated[int | None, Flag(help="Seed of weights, data, sample order and schedule [0].")] = None,
    only: Annotated[
        str | None,
        Flag(
            help="counters, phases or time: run nothing else [all]; counters alone take seconds and no quiet machine."
        ),
    ] = None,
    trace: Annotated[
        bool | None, Flag("--trace", help="Also record ten steady steps of each cell for ui.perfetto.dev.")
    ] = None,
    out: Annotated[Path, Flag(help="Where run folders and their index go.")] = Path("results"),
    name: Annotated[str | None, Flag(help="Last part of the run folder's name [preset and devices].")] = None,
    resume: Annotated[Path | None, Flag(help="Go on with this run folder; no finished trial is repeated.")] = None,
    like: Annotated[Path | None, Flag(help="Repeat exactly what this run folder's run.json says.")] = None,
) -> int:
    """Train the same model with every loop, prove that they did the same arithmetic, report what each costs.

    Matrix options take comma lists; every combination is measured, with the same settings for every loop.
    """  # fmt: skip
    flags = Flags(
        runner=runner,
        workload=workload,
        batch_size=batch_size,
        device=device,
        precision=precision,
        optimizer=optimizer,
        grad_accumulation=grad_accumulation,
        grad_clip=grad_clip,
        workers=workers,
        preset=preset,
        blocks=blocks,
        trials_per_block=trials_per_block,
        budget=budget,
        target_ci=target_ci,
        steps=steps,
        warmup=warmup,
        threads=threads,
        timeout=timeout,
        seed=seed,
        only=only,
        trace=trace,
    )
    if resume is not None:
        flags.refuse_with("--resume")
        return told(reopened(resume))
    return told(opened(flags, like=like, out=out, name=name))


def opened(flags: Flags, *, like: Path | None, out: Path, name: str | None) -> Path:
    """A new run folder for what was asked; raises `BenchError` before anything is written."""
    if like is not None:
        flags.refuse_with("--like")
        template: Run | None = store.read_run(like, flag="--like")
    else:
        template = None
    machine, packages = probe.machine()
    settings = template.settings if template else from_flags(flags, machine)
    devices = devices_of(settings, machine)
    run = Run(
        name=name or f"{settings.preset}-{'-'.join(devices).replace(':', '')}",
        started_at=store.now(),
        command=shlex.join(["python", "-m", "bench.run", *sys.argv[1:]]),
        settings=settings,
        lengths=template.lengths if template else [],
        machine=machine,
        packages=packages,
        git_revision=probe.git_revision(),
    )
    return store.create(out, run)


def devices_of(settings: Settings, machine: Machine) -> list[str]:
    """The devices of a run, each of which must be here; raises `DeviceError`."""
    return devices.resolve(list(dict.fromkeys(c.device for c in settings.comparisons)), machine)


def reopened(folder: Path) -> Path:
    """The same folder, once it is known that its run can go on here; raises `RunFolderError`."""
    run = store.read_run(folder, flag="--resume")
    machine, packages = probe.machine()
    unlike = likeness.differences(run, run.model_copy(update={"machine": machine, "packages": packages}))
    if unlike:
        raise RunFolderError(f"--resume {folder}: that run was made elsewhere ({'; '.join(unlike)}); start a new run.")
    return folder


def told(folder: Path) -> int:
    """Carry the run out and return the exit code that its summary deserves."""
    summary, interrupted = carry_out(folder)
    return ExitCode.INTERRUPTED if interrupted else exit_code(summary)


def exit_code(summary: Summary) -> int:
    """4 when a cell has no figures or its arithmetic was not proven equal, else 0."""
    fine = all(cell.status == "ok" and cell.equivalence.proven for cell in summary.cells)
    return ExitCode.FINE if fine else ExitCode.SOME_CELLS_FAILED


if __name__ == "__main__":
    cli.run(main)
