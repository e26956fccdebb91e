"""Which release moved it? Bisects a package's releases by an exact count, or by the step time.

python -m bench.bisect transformers 4.46.1 5.23.0 --metric syncs
python -m bench.bisect transformers 4.46.1 5.23.0 --metric python_calls --all --no-confirm
python -m bench.bisect accelerate 0.30.0 1.15.0 --metric step_time
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from packaging.version import Version

from bench.cli import app, options, pipeline
from bench.cli.output import OutputOptions
from bench.errors import BenchError, UninstallableError, UsageError
from bench.execute import calibrations, probe
from bench.execute.environments import cache, pip, requirements
from bench.execute.environments.compatibility import extra_pins
from bench.plan import bisect as plan
from bench.plan import calibration
from bench.plan.history import runner_of
from bench.plan.settings import Flags
from bench.records import store
from bench.records.schema import Bisection, Environment, Release

Flag = typer.Option
Argument = typer.Argument


def main(
    package: Annotated[str, Argument(help="transformers, accelerate, pytorch-lightning or another package.")],
    first: Annotated[str, Argument(help="The older end: a release.")],
    last: Annotated[str, Argument(help="The newer end: a release.")],
    arguments: options.Arguments = None,
    *,
    metric: Annotated[str, Flag(help=f"Which metric changed: one of {', '.join(plan.METRICS)}.")],
    every: Annotated[bool, Flag("--all", help="Find every change between the ends, not one.")] = False,
    confirm: Annotated[bool, Flag(help="Time the releases before and after the change side by side.")] = True,
    script: options.Script = None,
    tick: options.Tick = None,
    tick_on: options.TickOn = None,
    samples_per_step: options.SamplesPerStep = None,
    cwd: options.Cwd = None,
    unlike: options.Unlike = None,
    runner: Annotated[str | None, Flag(help="The loop to follow [the one that needs the package].")] = None,
    workload: options.Workload = None,
    batch_size: Annotated[str | None, Flag(help=f"Micro-batch size [{plan.BATCH_SIZE}; 8 for non-MLPs].")] = None,
    device: options.Device = None,
    precision: options.Precision = None,
    optimizer: options.Optimizer = None,
    grad_accumulation: options.GradAccumulation = None,
    grad_clip: options.GradClip = None,
    workers: options.Workers = None,
    profile: options.Profile = None,
    compile: options.Compile = None,  # noqa: A002 - the option's name
    margin: Annotated[str | None, Flag(help=f"Smallest step-time change that counts [{plan.DEFAULT_MARGIN}].")] = None,
    blocks: Annotated[int | None, Flag(help=f"Blocks of one timed comparison at most [{plan.CAP}].")] = None,
    steps: options.Steps = None,
    warmup: options.Warmup = None,
    threads: options.Threads = None,
    timeout: options.Timeout = None,
    seed: options.Seed = None,
    out: options.Out = Path("results"),
    name: Annotated[str | None, Flag(help="Last part of the run folder's name [what is bisected].")] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    form: options.Format = "text",
) -> int:
    """Find the release that changed a metric, testing as few releases as possible, and the functions behind it.

    Releases that cannot be installed or run here are skipped. All other packages, torch above all, stay
    what they are here, except for what a release itself requires.
    """  # fmt: skip
    flags = Flags.of(locals() | options.batch_sizes(batch_size, workload, plan.BATCH_SIZE, script=script))
    output = OutputOptions.chosen("bisect", quiet=quiet, as_json=as_json, form=form)
    with output.errors_emitted():
        ends = plan.ends(first, last)
        requirements.parse(f"{package}=={first}")  # refuses what no environment can have, such as another torch
        sought = Bisection(metric=plan.metric(metric, every=every), releases=[], every=every)
        if not script:
            runner_of(package, runner)
        machine, packages = probe.machine()
        plan.settings(flags, machine, package, sought, margin=margin)  # a wrong flag need not wait for the index
        sought = sought.model_copy(update={"releases": releases(package, *ends)})
        settings = plan.settings(flags, machine, package, sought, margin=margin)
        if margin is None:
            settings = calibration.with_margin(settings, calibrations.of_plan(settings, machine))
        name = name or f"{package}-{ends[0]}-{ends[1]}-{sought.metric}"
        run = pipeline.new_run("bisect", name, settings, machine=machine, packages=packages)
        return execute_and_report(store.create(out, run), package, output, confirm=confirm)


def releases(package: str, first: Version, last: Version) -> list[Release]:
    """The releases of the command line, both ends included; raises `BenchError`.

    An end that was withdrawn is no release to find, but can still be asked for by name.
    """
    offered = pip.releases(package)
    for end in (first, last):
        if not plan.has(offered, end):
            _refuse_unless_withdrawn(package, end, plan.nearest(offered, end))
            offered = plan.with_end(offered, end)
    return plan.between(offered, first, last)


def _refuse_unless_withdrawn(package: str, end: Version, nearest: list[str]) -> None:
    try:
        obtain(package, str(end))
    except UninstallableError as error:
        raise UsageError(
            f"{end} is no release of {package} that is available here; the nearest are "
            f"{' and '.join(nearest)} ({error})"
        ) from None


def obtain(package: str, version: str) -> Environment:
    """The environment of one release with what it needs beside it; raises as `cache.obtain` does."""
    return cache.obtain(" ".join([f"{package}=={version}", *extra_pins(package, version)]))


def execute_and_report(folder: Path, package: str, output: OutputOptions, *, confirm: bool) -> int:
    """Search in `folder` and report whatever there is; the exit code."""
    from bench.cli import bisect_search, reports  # bring numpy and pandas, for which --help and a refusal must not wait

    try:
        completed = bisect_search.hunted(
            folder, lambda version: obtain(package, version), confirm=confirm, quiet=output.quiet
        )
    except BenchError:
        reports.rebuild(folder)
        raise
    return pipeline.report(folder, output, interrupted=not completed)


if __name__ == "__main__":
    app.run(main)
