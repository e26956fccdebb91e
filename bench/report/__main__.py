"""Rebuild the report of stored runs from their journals, or write one report over several of them.

python -m bench.report results/20260102T030405Z-quick-cpu
python -m bench.report --together cpu-and-gpu results/20260102T030405Z-quick-cpu results/20260103T030405Z-quick-cuda
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.errors import ExitCode
from bench.records import store


def main(
    run: Annotated[list[Path], typer.Argument(help="Run folders.")],
    together: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write one report of all RUNs side by side to this folder, and rebuild none."),
    ] = None,
) -> int:
    """Rebuild summary.json, the reports, the tables and the indices from the journals of stored runs.

    With --together, put runs of several machines or devices into one report, such as a CPU beside a GPU.
    """
    from bench.report import publish  # brings pandas, for which --help must not wait

    for folder in run:
        store.read_run(folder)  # all of them, before anything is written
    if together is not None:
        publish.publish_together(together, run)
    else:
        for folder in run:
            publish.publish(folder)
    for folder in run if together is None else [together]:
        typer.echo(f"{publish.shown(folder)}/report.md")
    return ExitCode.FINE


if __name__ == "__main__":
    cli.run(main)
