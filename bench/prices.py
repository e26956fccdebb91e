"""What does each option of a framework cost, or what a script of one's own has on? One at a time, on and off in turns.

python -m bench.prices
python -m bench.prices --runner hf-trainer,lightning --batch-size 64
python -m bench.prices --runner lightning --option progress-bar,csv-logger-1
python -m bench.prices --script train.py -- --its args
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import app, options, pipeline
from bench.cli.output import OutputOptions
from bench.execute import probe, script_options, trust
from bench.plan import prices
from bench.plan.options import DEFAULT_RUNNERS, select_seen
from bench.plan.settings import Flags
from bench.records import store
from bench.records.schema import Machine, Settings
from trainloops.options import MODULES

Flag = typer.Option


def main(
    arguments: options.Arguments = None,
    script: Annotated[
        list[str] | None,
        Flag(help="A script of your own that trains with Trainer or Lightning: what the options that it has on cost."),
    ] = None,
    tick: options.Tick = None,
    tick_on: options.TickOn = None,
    samples_per_step: options.SamplesPerStep = None,
    cwd: options.Cwd = None,
    runner: Annotated[str | None, Flag(help=f"Loops: {', '.join(MODULES)} [{DEFAULT_RUNNERS}].")] = None,
    option: Annotated[
        str | None, Flag(help="Options by name [all that are available here, or that the script has on].")
    ] = None,
    only: Annotated[str | None, Flag(help="counters: time nothing; time: count nothing.")] = None,
    workload: options.Workload = None,
    batch_size: Annotated[str | None, Flag(help=f"Micro-batch sizes [{prices.BATCH_SIZE}].")] = None,
    device: options.Device = None,
    precision: options.Precision = None,
    optimizer: options.Optimizer = None,
    blocks: Annotated[
        int | None, Flag(help=f"Blocks of every option [{prices.BLOCKS}, up to {prices.MAX_BLOCKS} of wide ones].")
    ] = None,
    budget: Annotated[str, Flag(help="Start no block that would end later than this.")] = prices.BUDGET,
    steps: options.Steps = None,
    warmup: options.Warmup = None,
    threads: options.Threads = None,
    timeout: options.Timeout = None,
    seed: options.Seed = None,
    out: options.Out = Path("results"),
    name: Annotated[
        str | None, Flag(help="Last part of the run folder's name [prices-<runners>, or the script].")
    ] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    form: options.Format = "text",
) -> int:
    """Tell what each option of a framework costs: per step, or each time that something happens because of it."""
    of_loops = {} if script else {"workload": workload or "mlp", "batch_size": batch_size or prices.BATCH_SIZE}
    flags = Flags.of(locals() | of_loops)
    output = OutputOptions.chosen("prices", quiet=quiet, as_json=as_json, form=form)
    with output.errors_emitted():
        machine, packages = probe.machine()
        if script:
            settings = _of_script(flags, machine, option)
        else:
            settings = prices.settings(flags, machine, packages, option=option)
        name = name or f"prices-{'-'.join(Path(runner).stem for runner in settings.runners)}"
        run = pipeline.new_run("prices", name, settings, machine=machine, packages=packages)
        return pipeline.execute_and_report(trust.remember(store.create(out, run)), output)


def _of_script(flags: Flags, machine: Machine, option: str | None) -> Settings:
    """The settings of a price list of what the script has on, which it is run for to ask."""
    settings = prices.of_script(flags, machine)
    return settings.model_copy(update={"options": select_seen(script_options.switched_on(settings), option)})


if __name__ == "__main__":
    app.run(main)
