"""Is this machine fit to measure? What was seen, what it does to figures, and how to mend it.

python -m bench.doctor
python -m bench.doctor --device cuda --json
python -m bench.doctor --calibrate
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import app, options, pipeline
from bench.cli.output import OutputOptions
from bench.errors import ExitCode
from bench.execute import calibrations, examination, probe
from bench.plan import calibration as plan
from bench.plan import devices
from bench.records import store

if TYPE_CHECKING:
    from bench.records.base import Record
    from bench.records.calibrations import Calibration
    from bench.report.document.blocks import Document, Table
    from bench.report.document.parts import Answer

Flag = typer.Option
WAY_ON = (
    "it is a temporary file, and a calibration cannot go on: make room, or name another folder by the environment "
    "variable TMPDIR, then start again by python -m bench.doctor --calibrate"
)


def main(
    device: options.Device = None,
    calibrate: Annotated[
        bool, Flag("--calibrate", help="Measure what this machine can resolve, and keep it for later runs: 3 minutes.")
    ] = False,
    as_json: Annotated[bool, Flag("--json", help="Print one JSON object instead.")] = False,
) -> int:
    """Say whether this machine is fit to measure: observations, their impact on figures, and fixes.

    Exit codes: 0 fit, or calibrated; 2 the command is wrong; 4 something makes the machine unfit, or keeps it from
    being calibrated; 130 interrupted.
    """
    name = device or examination.AUTO
    return _calibrate(name, as_json=as_json) if calibrate else _examine(name, as_json=as_json)


def _examine(device: str, *, as_json: bool) -> int:
    if sys.stderr.isatty():
        sys.stderr.write(f"{examination.PATIENCE}\n")
    seen = examination.examine(device)

    from bench.analyse.machine.diagnose import (
        diagnose,  # brings numpy, for which --help and a wrong option must not wait
    )
    from bench.report.kinds.machine import doctor

    diagnosis = diagnose(seen.health, seen.torch, seen.versions, seen.calibration, seen.jitter)
    code = ExitCode.FINE if diagnosis.fit else ExitCode.SOME_CELLS_FAILED
    code = ExitCode.INTERRUPTED if seen.interrupted else code
    output = OutputOptions(verb="doctor", as_json=as_json)
    output.emit(_answer(doctor.document(diagnosis), doctor.table(diagnosis.findings), diagnosis), code)
    return code


def _answer(document: Document, grid: Table, record: Record) -> Answer:
    """What is told of a machine: nothing of it is written anywhere."""
    from bench.report.document.parts import Answer

    for_programs = f"{record.model_dump_json(by_alias=True, indent=1)}\n"
    return Answer(verb="doctor", document=document, grid=grid, cases=(), path=None, for_programs=for_programs)


def _calibrate(device: str, *, as_json: bool) -> int:
    calibration, finished = _measured(device)
    if calibration is None:
        typer.echo(f"error: {plan.TOO_FEW}", err=True)
        return ExitCode.SOME_CELLS_FAILED if finished else ExitCode.INTERRUPTED
    where = calibrations.keep(calibration) if finished else None

    from bench.report.kinds.machine import calibration as report

    code = ExitCode.FINE if finished else ExitCode.INTERRUPTED
    document = report.document(calibration, plan.defaults(calibration), where)
    OutputOptions(verb="doctor", as_json=as_json).emit(_answer(document, report.table(calibration), calibration), code)
    return code


def _measured(device: str) -> tuple[Calibration | None, bool]:
    """The calibration, None where the blocks are too few; and whether it was not interrupted."""
    machine, packages = probe.machine()
    settings = plan.settings(*devices.resolve([device], machine))
    run = pipeline.new_run("run", plan.NAME, settings, machine=machine, packages=packages)
    with TemporaryDirectory(prefix="looptax-") as scratch:
        folder = store.create(Path(scratch), run)
        finished = pipeline.execute(folder, title=plan.TITLE, way_on=WAY_ON)
        trials = store.read_trials(folder)

    from bench.analyse.machine.calibration import calibrate

    return calibrate(run, trials, made_at=store.now()), finished


if __name__ == "__main__":
    app.run(main)
