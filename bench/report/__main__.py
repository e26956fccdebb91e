"""Rebuild the report of stored runs from their journals, write one over several, or hand figures to other programs.

python -m bench.report results/20260102T030405Z-quick-cpu
python -m bench.report --together cpu-and-gpu results/20260102T030405Z-quick-cpu results/20260103T030405Z-quick-cuda
python -m bench.report RUN --export csv,json,parquet,latex
python -m bench.report RUN --push tensorboard:logs
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import app
from bench.errors import ExitCode, UsageError
from bench.records import store
from bench.records.foreign_text import without_secrets
from bench.report.export.target import KNOWN, target

Flag = typer.Option


def main(
    run: Annotated[list[Path], typer.Argument(help="Run folders.")],
    together: Annotated[
        Path | None,
        Flag(metavar="OUT", help="Write one report of all RUNs side by side to this folder, and rebuild none."),
    ] = None,
    export: Annotated[
        str | None, Flag(help="Also write csv, json, parquet or latex into the run folder's export/.")
    ] = None,
    push: Annotated[str | None, Flag(help=f"Also hand the figures to {KNOWN}.")] = None,
) -> int:
    """Rebuild summary.json, the reports, the tables and the indices from the journals of stored runs.

    With --together, put runs of several machines or devices into one report, such as a CPU beside a GPU.
    """
    if together is not None and (export or push):
        raise UsageError("--together writes a report only: give --export and --push in a command without it.")
    wanted = None if push is None else target(push)

    from bench.cli import reports
    from bench.report.export import files as exports  # bring pandas, for which --help must not wait
    from bench.report.publish import shown

    formats = [] if export is None else exports.formats(export)
    for folder in run:
        store.read_run(folder)  # all of them, before anything is written
    if together is not None:
        reports.rebuild_together(together, run)
        typer.echo(f"{shown(together)}/report.md")
        return ExitCode.FINE
    for folder in run:
        summary = reports.rebuild(folder)
        typer.echo(f"{shown(folder)}/report.md")
        for path in exports.export(summary, folder, formats) if formats else []:
            typer.echo(shown(path))
        if wanted is not None:
            typer.echo(without_secrets(wanted.push(summary, folder)))
    return ExitCode.FINE


if __name__ == "__main__":
    app.run(main)
