"""Rebuild the report of stored runs from their journals.

python -m bench.report results/20260102T030405Z-quick-cpu
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.errors import ExitCode
from bench.records import store


def main(run: Annotated[list[Path], typer.Argument(help="Run folders.")]) -> int:
    """Rebuild summary.json, report.md, the tables and the index from the journals of stored runs."""
    from bench.report import publish  # brings pandas, for which --help must not wait

    for folder in run:
        store.read_run(folder)  # all of them, before anything is written
    for folder in run:
        publish.publish(folder)
        typer.echo(f"{publish.shown(folder)}/report.md")
    return ExitCode.FINE


if __name__ == "__main__":
    cli.run(main)
