"""What does each option of a framework cost? One at a time, switched on and off in turns.

python -m bench.prices
python -m bench.prices --runner hf-trainer,lightning --batch-size 64
python -m bench.prices --runner lightning --option progress-bar,csv-logger-1
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import app, options, pipeline
from bench.cli.output import OutputOptions
from bench.execute import probe
from bench.plan import prices
from bench.plan.options import DEFAULT_RUNNERS
from bench.plan.settings import Flags
from bench.records import store
from trainloops.options import MODULES

Flag = typer.Option


def main(
    runner: Annotated[str | None, Flag(help=f"Loops: {', '.join(MODULES)} [{DEFAULT_RUNNERS}].")] = None,
    option: Annotated[str | None, Flag(help="Options by name [all that are available here].")] = None,
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
    name: Annotated[str | None, Flag(help="Last part of the run folder's name [prices-<runners>].")] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    form: options.Format = "text",
) -> int:
    """Tell what each option of a framework costs: per step, or each time that something happens because of it."""
    flags = Flags.of(locals() | {"workload": workload or "mlp", "batch_size": batch_size or prices.BATCH_SIZE})
    output = OutputOptions.chosen("prices", quiet=quiet, as_json=as_json, form=form)
    with output.errors_emitted():
        machine, packages = probe.machine()
        settings = prices.settings(flags, machine, packages, option=option)
        name = name or f"prices-{'-'.join(settings.runners)}"
        run = pipeline.new_run("prices", name, settings, machine=machine, packages=packages)
        return pipeline.execute_and_report(store.create(out, run), output)


if __name__ == "__main__":
    app.run(main)
