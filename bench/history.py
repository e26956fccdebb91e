"""What did every release of a package cost? Each beside the hand-written loop, in interleaved pairs.

python -m bench.history transformers --from 4.34.1 --to 5.23.0
python -m bench.history accelerate --from 0.24.1 --every minor --only counters
python -m bench.history pytorch-lightning --from 2.1.4
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import app, options, pipeline
from bench.cli.output import OutputOptions
from bench.errors import IndexUnreachableError, UninstallableError
from bench.execute import calibrations, probe, trust
from bench.execute.environments import cache, pip, requirements
from bench.execute.environments.compatibility import extra_pins
from bench.plan import calibration
from bench.plan import history as plan
from bench.plan.history import select_releases
from bench.plan.settings import Flags, from_flags
from bench.records import store
from bench.records.schema import CURRENT, Environment

Flag = typer.Option


def main(
    package: Annotated[str, typer.Argument(help="transformers, accelerate, pytorch-lightning or another package.")],
    arguments: options.Arguments = None,
    first: Annotated[str | None, Flag("--from", help="The oldest release [the first].")] = None,
    last: Annotated[str | None, Flag("--to", help="The newest release [the last].")] = None,
    every: Annotated[str, Flag(help="release, minor or major: of each series the newest release.")] = "minor",
    only: Annotated[str | None, Flag(help="counters: time nothing.")] = None,
    script: options.Script = None,
    tick: options.Tick = None,
    tick_on: options.TickOn = None,
    samples_per_step: options.SamplesPerStep = None,
    cwd: options.Cwd = None,
    unlike: options.Unlike = None,
    runner: Annotated[str | None, Flag(help="The loop [the one that needs the package].")] = None,
    workload: options.Workload = None,
    batch_size: Annotated[str | None, Flag(help=f"Micro-batch sizes [{plan.BATCH_SIZE}; 8 for non-MLPs].")] = None,
    device: options.Device = None,
    precision: options.Precision = None,
    optimizer: options.Optimizer = None,
    grad_accumulation: options.GradAccumulation = None,
    grad_clip: options.GradClip = None,
    workers: options.Workers = None,
    profile: options.Profile = None,
    compile: options.Compile = None,  # noqa: A002 - the option's name
    blocks: Annotated[int | None, Flag(help=f"Pairs of every release [{plan.BLOCKS}].")] = None,
    budget: options.Budget = None,
    threads: options.Threads = None,
    timeout: options.Timeout = None,
    seed: options.Seed = None,
    out: options.Out = Path("results"),
    name: Annotated[str | None, Flag(help="Last part of the run folder's name [history-<package>].")] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    form: options.Format = "text",
) -> int:
    """Report what every release of a package costs per step, and which release changed it."""
    flags = Flags.of(locals() | options.batch_sizes(batch_size, workload, plan.BATCH_SIZE, script=script))
    output = OutputOptions.chosen("history", quiet=quiet, as_json=as_json, form=form)
    with output.errors_emitted():
        requirements.parse(package)  # refuses what is an option of pip and no package
        if not script:
            plan.runner_of(package, runner)
        versions = select_releases(
            [release.version for release in pip.releases(package)], first=first, last=last, every=every
        )
        machine, packages = probe.machine()
        from_flags(flags, machine)  # a wrong flag need not wait for the environments
        environments, unusable = built(package, versions, quiet=quiet)
        settings = plan.settings(flags, machine, package, environments, anchor=cache.obtain(CURRENT), unusable=unusable)
        if blocks is None:
            settings = calibration.with_blocks(settings, calibrations.of_plan(settings, machine))
        run = pipeline.new_run("history", name or f"history-{package}", settings, machine=machine, packages=packages)
        return pipeline.execute_and_report(trust.remember(store.create(out, run)), output)


def built(package: str, versions: list[str], *, quiet: bool = False) -> tuple[list[Environment], dict[str, str]]:
    """The environment of every release, oldest first, and why others have none; raises where no index answers."""
    environments: list[Environment] = []
    unusable: dict[str, str] = {}
    for version in versions:
        if not quiet:
            typer.echo(f"{package} {version}", err=True)
        try:
            environment = cache.obtain(" ".join([f"{package}=={version}", *extra_pins(package, version)]))
        except IndexUnreachableError:
            raise
        except UninstallableError as error:
            unusable[version] = str(error)
            continue
        environments.append(environment.model_copy(update={"name": version}))
    if not environments:
        raise UninstallableError(f"No release of {package} can be used here: {next(iter(unusable.values()))}")
    return environments, unusable


if __name__ == "__main__":
    app.run(main)
