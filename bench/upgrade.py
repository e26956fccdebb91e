"""Did the upgrade make it worse? Two environments side by side, in interleaved pairs, with a verdict.

python -m bench.upgrade --baseline "transformers==4.57.6"
python -m bench.upgrade --baseline "transformers==4.46.3" --candidate "transformers==4.47.1" --only counters
python -m bench.upgrade --requirements old.txt new.txt --fail-on time,memory,counters
python -m bench.upgrade --prices --runner hf-trainer --baseline "transformers==4.57.1" --candidate "transformers==5.3.0"
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import app, options, pipeline
from bench.cli.output import OutputOptions
from bench.errors import UsageError
from bench.execute import calibrations, probe, trust
from bench.execute.environments import cache
from bench.plan import calibration, price_changes, upgrade
from bench.plan import prices as list_prices
from bench.plan.settings import Flags
from bench.records import store
from bench.records.schema import CURRENT, Environment

Flag = typer.Option
LONGEST_NAME = 60
"""Characters of a side in a folder's name."""
SPEC = "requirements, a wheel or a checkout's path"


def main(
    arguments: options.Arguments = None,
    baseline: Annotated[
        str | None, Flag(help=f"What to compare with: {SPEC}, several in one text; or current.")
    ] = None,
    candidate: Annotated[str | None, Flag(help=f"What is judged: {SPEC} [the current environment].")] = None,
    requirements: Annotated[
        tuple[Path, Path] | None, Flag(help="Two requirements files, old and new, instead of the two above.")
    ] = None,
    margin: Annotated[
        str | None, Flag(help="Largest acceptable increase [3%, more where --calibrate says so].")
    ] = None,
    fail_on: Annotated[
        str | None,
        Flag(help="time, memory, start, counters: what exit code 1 is for [time,memory; those of --only]."),
    ] = None,
    only: Annotated[str | None, Flag(help="counters: judge exact figures alone, which takes seconds.")] = None,
    prices: Annotated[
        bool,
        Flag("--prices", help="Judge what each option of the loops costs, as bench.prices tells it, not the loops."),
    ] = False,
    option: Annotated[str | None, Flag(help="With --prices: options by name [all that a side has].")] = None,
    script: options.Script = None,
    tick: options.Tick = None,
    tick_on: options.TickOn = None,
    samples_per_step: options.SamplesPerStep = None,
    cwd: options.Cwd = None,
    unlike: options.Unlike = None,
    runner: Annotated[str | None, Flag(help="Loops to check [those that need a package that differs].")] = None,
    workload: options.Workload = None,
    batch_size: Annotated[str | None, Flag(help=f"Micro-batch sizes [{upgrade.BATCH_SIZES}; 8 for non-MLPs].")] = None,
    device: options.Device = None,
    precision: options.Precision = None,
    optimizer: options.Optimizer = None,
    grad_accumulation: options.GradAccumulation = None,
    grad_clip: options.GradClip = None,
    workers: options.Workers = None,
    profile: options.Profile = None,
    compile: options.Compile = None,  # noqa: A002 - the option's name
    blocks: Annotated[int | None, Flag(help=f"Blocks of the screening at most [{upgrade.CAP}].")] = None,
    budget: options.Budget = None,
    steps: options.Steps = None,
    warmup: options.Warmup = None,
    threads: options.Threads = None,
    timeout: options.Timeout = None,
    seed: options.Seed = None,
    out: options.Out = Path("results"),
    name: Annotated[str | None, Flag(help="Last part of the run folder's name [what is compared].")] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    form: options.Format = "text",
    junit: options.Junit = None,
) -> int:
    """Say whether a candidate environment trains slower or uses more memory than a baseline, and by which functions.

    Both are measured side by side: packages that are not named stay what they are here, torch always.
    """  # fmt: skip
    sizes = list_prices.BATCH_SIZE if prices else upgrade.BATCH_SIZES
    flags = Flags.of(locals() | options.batch_sizes(batch_size, workload, sizes, script=script))
    output = OutputOptions.chosen("upgrade", quiet=quiet, as_json=as_json, form=form, junit=junit)
    with output.errors_emitted():
        refuse_unclear(baseline, candidate, requirements)
        if option is not None and not prices:
            raise UsageError("--option names what --prices compares; add --prices.")
        machine, packages = probe.machine()
        plan = partial(price_changes.settings, option=option) if prices else upgrade.settings
        refuse_wrong = partial(price_changes.refuse_wrong, option=option) if prices else upgrade.refuse_wrong
        refuse_wrong(flags, machine, margin=margin, fail_on=fail_on)
        compared = both(baseline, candidate, requirements)
        settings = plan(flags, machine, compared, margin=margin, fail_on=fail_on)
        if margin is None and not prices:
            settings = calibration.with_margin(settings, calibrations.of_plan(settings, machine))
        name = name or ("prices-" if prices else "") + "-to-".join(
            label[-LONGEST_NAME:] for label in upgrade.labels(*compared)
        )
        run = pipeline.new_run("upgrade", name, settings, machine=machine, packages=packages)
        return pipeline.execute_and_report(trust.remember(store.create(out, run)), output)


def refuse_unclear(baseline: str | None, candidate: str | None, requirements: tuple[Path, Path] | None) -> None:
    """Raise `UsageError` where the command line does not name two sides."""
    if requirements is not None and (baseline is not None or candidate is not None):
        raise UsageError("--requirements names both sides; leave --baseline and --candidate out.")
    if requirements is None and baseline is None:
        raise UsageError('--baseline is missing: name what to compare with, such as --baseline "transformers==4.57.6".')


def both(
    baseline: str | None, candidate: str | None, requirements: tuple[Path, Path] | None
) -> tuple[Environment, Environment]:
    """The environments of the command line, built where they are not in the cache; raises `BenchError`."""
    if requirements is not None:
        old, new = requirements
        return cache.from_requirements(old), cache.from_requirements(new)
    return cache.obtain(baseline or CURRENT), cache.obtain(candidate or CURRENT)


if __name__ == "__main__":
    app.run(main)
