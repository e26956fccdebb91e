"""Rebuild the report of stored runs from their journals, and hand their figures to other programs.

python -m bench.report results/20260102T030405Z-quick-cpu
python -m bench.report RUN --export csv,json,parquet,latex
python -m bench.report RUN --push tensorboard:logs
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.errors import ExitCode
from bench.push import KNOWN, target
from bench.records import store

Flag = typer.Option


def main(
    run: Annotated[list[Path], typer.Argument(help="Run folders.")],
    export: Annotated[
        str | None, Flag(help="Also write csv, json, parquet or latex into the run folder's export/.")
    ] = None,
    push: Annotated[str | None, Flag(help=f"Also hand the figures to {KNOWN}.")] = None,
) -> int:
    """Rebuild summary.json, report.md, the tables and the index from the journals of stored runs."""
    wanted = None if push is None else target(push)

    from bench.report import export as exports  # brings pandas, for which --help must not wait
    from bench.report import publish

    formats = [] if export is None else exports.formats(export)
    for folder in run:
        store.read_run(folder)  # all of them, before anything is written
    for folder in run:
        summary = publish.publish(folder)
        typer.echo(f"{publish.shown(folder)}/report.md")
        for path in exports.export(summary, folder, formats) if formats else []:
            typer.echo(publish.shown(path))
        if wanted is not None:
            typer.echo(wanted.push(summary, folder))
    return ExitCode.FINE


if __name__ == "__main__":
    cli.run(main)
