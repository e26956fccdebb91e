"""Is this machine fit to measure? What was seen, what it does to figures, and how to mend it.

python -m bench.doctor
python -m bench.doctor --device cuda --json
python -m bench.doctor --calibrate
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bench import cli, options
from bench.errors import ExitCode
from bench.execute import examination

Flag = typer.Option


def main(
    device: options.Device = None,
    as_json: Annotated[bool, Flag("--json", help="Print facts and findings as one JSON object.")] = False,
) -> int:
    """Say whether this machine is fit to measure, finding by finding.

    Exit codes: 0 fit, 2 the command is wrong, 4 something makes it unfit.
    """
    torch = examination.torch_facts(device or "auto")
    health = examination.machine_health(cards=(torch.device or device or "auto") != "cpu" or device is None)

    from bench.analyse import findings
    from bench.analyse import health as judging
    from bench.records.health import Diagnosis
    from bench.report import doctor

    versions = examination.version_facts()
    found = judging.findings(health, torch, versions)
    diagnosis = Diagnosis(fit=findings.is_fit(found), findings=found, health=health, torch=torch, versions=versions)
    if as_json:
        typer.echo(diagnosis.model_dump_json(by_alias=True, indent=1))
    else:
        doctor.tell(diagnosis, sys.stdout)
    return ExitCode.FINE if diagnosis.fit else ExitCode.SOME_CELLS_FAILED


if __name__ == "__main__":
    cli.run(main)
