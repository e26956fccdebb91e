"""The main job: train the same model with every loop, prove that they agree, and report what each costs.

python -m bench.run --device cuda
python -m bench.run --device cpu --preset quick --runner hf-trainer,lightning --batch-size 8,64
python -m bench.run --script train.py -- --their args
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.analyse.verdicts import comparability
from bench.cli import app, options, pipeline
from bench.cli.output import OutputOptions
from bench.errors import ExitCode, RunFolderError, UsageError
from bench.execute import calibrations, trust
from bench.execute.fleet import nodes
from bench.execute.fleet.nodes import Measuring
from bench.execute.rendezvous import meet
from bench.execute.rendezvous.follower import Follower
from bench.plan import calibration, devices, max_batch, runner_files
from bench.plan.presets import TURNS_S
from bench.plan.settings import Flags, fleet_of, from_flags
from bench.records import store
from bench.records.schema import Run, Settings

Flag = typer.Option


def main(
    arguments: options.Arguments = None,
    script: options.Script = None,
    tick: options.Tick = None,
    tick_on: options.TickOn = None,
    samples_per_step: options.SamplesPerStep = None,
    cwd: options.Cwd = None,
    unlike: options.Unlike = None,
    to_the_end: options.ToTheEnd = None,
    runner: Annotated[
        str | None,
        Flag(
            help="Loops to measure: pytorch, hf-trainer, lightning, accelerate, fabric, floor [these], ignite, skorch, "
            "pytorch-accelerated, those that installed packages bring, or your own .py file or package.module with a "
            "train(job, parts). pytorch is always among them."
        ),
    ] = None,
    workload: Annotated[str | None, Flag(help=f"{options.WORKLOADS} [the preset's].")] = None,
    batch_size: Annotated[str | None, Flag(help="Micro-batch sizes [the preset's; 8 for non-MLPs].")] = None,
    device: options.Device = None,
    precision: options.Precision = None,
    optimizer: options.Optimizer = None,
    grad_accumulation: options.GradAccumulation = None,
    grad_clip: options.GradClip = None,
    workers: options.Workers = None,
    profile: options.Profile = None,
    compile: options.Compile = None,  # noqa: A002 - the option's name
    nproc_per_node: Annotated[
        str | None, Flag(help="Ranks that train together, each on its part of a batch: 1,2 [1]; each has a card.")
    ] = None,
    nnodes: Annotated[
        str | None, Flag(help="Machines that they are on, as many on each: 1,2 [1]; each is given the same command.")
    ] = None,
    rdzv_endpoint: Annotated[
        str | None, Flag(help="Of --nnodes 2: host:port where they meet; that host measures and has the report.")
    ] = None,
    strategy: Annotated[
        str | None, Flag(help="How several ranks train together: ddp, fsdp (FSDP2), deepspeed (ZeRO-2) [ddp].")
    ] = None,
    preset: Annotated[str | None, Flag(help="quick, standard or thorough [standard].")] = None,
    blocks: Annotated[
        int | None,
        Flag(
            help="Passes over all cells, each in fresh interpreters [the preset's]; "
            "six are the fewest with a 95 % interval."
        ),
    ] = None,
    budget: options.Budget = None,
    target_ci: Annotated[
        str | None,
        Flag(help="Add blocks until every ratio's 95 % interval is within ±this: 2% [the preset's]."),
    ] = None,
    max_blocks: Annotated[int | None, Flag(help="Upper limit on blocks [the preset's; 40 with --target-ci].")] = None,
    steps: options.Steps = None,
    warmup: options.Warmup = None,
    threads: options.Threads = None,
    timeout: options.Timeout = None,
    seed: options.Seed = None,
    only: Annotated[
        str | None,
        Flag(help="Run only this pass: counters, phases or time [all]; counters take seconds and no quiet machine."),
    ] = None,
    executor: Annotated[
        str | None, Flag(help="local: on this machine; ray: blocks spread over the nodes of a Ray cluster [local].")
    ] = None,
    ray_address: Annotated[
        str | None, Flag(help="Of --executor ray: host:port, or auto for the one here [one of this machine alone].")
    ] = None,
    accelerator_type: Annotated[
        str | None,
        Flag(help="Of --executor ray: H100,A100 measures all on nodes of each type, compared with themselves [any]."),
    ] = None,
    trace: Annotated[
        bool | None, Flag("--trace", help="Also record ten steady steps of each cell for ui.perfetto.dev.")
    ] = None,
    find_max_batch: Annotated[
        bool | None,
        Flag("--find-max-batch", help="Time nothing: look for the largest micro-batch that each loop can train."),
    ] = None,
    memory_limit: Annotated[
        str | None, Flag(help="What a trial of --find-max-batch on a CPU may have in memory: 2GiB.")
    ] = None,
    out: options.Out = Path("results"),
    name: Annotated[str | None, Flag(help="Last part of the run folder's name [preset and devices].")] = None,
    resume: Annotated[Path | None, Flag(help="Go on with this run folder; no finished trial is repeated.")] = None,
    like: Annotated[Path | None, Flag(help="Repeat exactly what this run folder's run.json says.")] = None,
    trust: Annotated[
        bool, Flag("--trust", help="With --like or --resume: run the code that someone else's run names.")
    ] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    form: options.Format = "text",
    junit: options.Junit = None,
) -> int:
    """Train the same model with every loop, prove that they did the same arithmetic, report what each costs.

    Matrix options take comma lists; every combination is measured, with the same settings for every loop.
    """  # fmt: skip
    flags = Flags.of(locals())
    output = OutputOptions.chosen("run", quiet=quiet, as_json=as_json, form=form, junit=junit)
    with output.errors_emitted():
        if trust and like is None and resume is None:
            raise UsageError("--trust is about a stored run: give it with --like or --resume, or leave it out.")
        if resume is not None:
            flags.refuse_with("--resume")
            folder = reopened(resume, trusted=trust)
            return _carried_out(store.read_run(folder), lambda _: folder, output)
        run = planned(flags, like=like, name=name, trusted=trust)
        return _carried_out(run, partial(_created, out), output)


def _carried_out(run: Run, opened: Callable[[Run], Path], output: OutputOptions) -> int:
    """Carry a run out in the folder that is opened for it, once all of its nodes have met; on one that leads none."""
    node = meet.meet(run, output.note)
    if isinstance(node, Follower):
        node.serve()
        return ExitCode.FINE
    if node is None:
        return pipeline.execute_and_report(opened(run), output)
    with closing(node):
        folder = opened(run.model_copy(update={"other_nodes": node.machines}))
        return pipeline.execute_and_report(folder, output, others=node)


def _created(out: Path, run: Run) -> Path:
    return trust.remember(store.create(out, run))


def planned(flags: Flags, *, like: Path | None, name: str | None, trusted: bool) -> Run:
    """A new run of what was asked, of which nothing is written yet; raises `BenchError`."""
    if like is not None:
        flags.refuse_with("--like")
        template: Run | None = _of_a_run(store.read_run(like, flag="--like"), like, trusted=trusted)
    else:
        template = None
    measuring = nodes.measuring(template.settings.fleet if template else fleet_of(flags))
    settings = _in_turns(template.settings) if template else settings_of(flags, measuring)
    if template is not None:
        runner_files.refuse_unusable(settings, flag=f"--like {like}:")
    devices = devices_of(settings, measuring)
    name = name or f"{_subject(settings)}-{'-'.join([*devices, *measuring.machines]).replace(':', '')}"
    return pipeline.new_run("run", name, settings, **measuring._asdict())


def _subject(settings: Settings) -> str:
    scripts = settings.scripts
    if max_batch.PASS in settings.passes:
        return max_batch.PASS
    return "-".join(dict.fromkeys(Path(script.file).stem for script in scripts.each)) if scripts else settings.preset


def _in_turns(settings: Settings) -> Settings:
    """The settings of a stored run; one of before loops took turns is repeated in turns all the same."""
    return settings if settings.turns_s is not None else settings.model_copy(update={"turns_s": TURNS_S})


def settings_of(flags: Flags, measuring: Measuring) -> Settings:
    """The settings that the flags ask for; how many blocks the preset leaves to the machine, it decides."""
    planned = from_flags(flags, measuring.machine, measuring.machines)
    if (flags.blocks, flags.target_ci, flags.max_blocks) != (None, None, None):
        return planned
    return calibration.with_blocks(planned, calibrations.of_plan(planned, measuring.machine, measuring.machines))


def _of_a_run(template: Run, folder: Path, *, trusted: bool) -> Run:
    if template.verb != "run":
        raise RunFolderError(
            f"--like {folder} was made by bench.{template.verb}; repeat it by its command: {template.command}"
        )
    trust.refuse_stranger(folder, template, flag="--like", trusted=trusted)
    return template


def devices_of(settings: Settings, measuring: Measuring) -> list[str]:
    """The devices of a run, each of which must be where it is measured; raises `DeviceError`."""
    asked = dict.fromkeys((comparison.device, comparison.accelerator_type) for comparison in settings.comparisons)
    there = (devices.resolve([name], measuring.machines.get(kind or "", measuring.machine)) for name, kind in asked)
    return list(dict.fromkeys(device for (device,) in there))


def reopened(folder: Path, *, trusted: bool) -> Path:
    """The same folder, once it is known that its run can go on here; raises `RunFolderError`."""
    run = store.read_run(folder, flag="--resume")
    if run.settings.turns_s is None:
        raise RunFolderError(
            f"--resume {folder} was begun by a looptax that timed loops one after the other, which does not mix with "
            "turns; --like repeats it from the start."
        )
    if run.verb == "bisect":
        raise RunFolderError(f"--resume {folder} was made by bench.bisect, which starts again: {run.command}")
    gone = next(
        (environment.python for environment in run.settings.environments if not Path(environment.python).exists()), None
    )
    if gone is not None:
        raise RunFolderError(
            f"--resume {folder}: its environment {gone} is no longer there; start again: {run.command}"
        )
    trust.refuse_stranger(folder, run, flag="--resume", trusted=trusted)
    runner_files.refuse_unusable(run.settings, flag=f"--resume {folder}:")
    measuring = nodes.measuring(run.settings.fleet)
    now = {**measuring._asdict(), "own_files": runner_files.digests(run.settings)}
    unlike = comparability.differences(run, run.model_copy(update=now))
    if unlike:
        raise RunFolderError(f"--resume {folder}: that run was made elsewhere ({'; '.join(unlike)}); start a new run.")
    return folder


if __name__ == "__main__":
    app.run(main)
