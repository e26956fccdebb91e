"""Two stored runs side by side, one before and one after an upgrade: say whether it got worse.

python -m bench.compare results/20260102T030405Z-before results/20260105T030405Z-after
python -m bench.compare BEFORE AFTER --margin 5% --fail-on time,memory,counters --out comparison.md
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.analyse.verdicts import comparability
from bench.cli import app, options
from bench.cli.output import OutputOptions, write
from bench.errors import RunFolderError, UsageError
from bench.plan import comparison_groups, parse, upgrade
from bench.records import store
from bench.records.schema import FigureGroup, Run

Flag, Argument = typer.Option, typer.Argument


def main(
    run_a: Annotated[Path, Argument(metavar="RUN_A", help="Run folder of the baseline.")],
    run_b: Annotated[Path, Argument(metavar="RUN_B", help="Run folder of the candidate.")],
    margin: Annotated[str, Flag(help="Largest acceptable increase.")] = "3%",
    fail_on: Annotated[
        str, Flag(help="Groups of figures that decide the exit code: time, memory, start, counters.")
    ] = upgrade.DEFAULT_FAIL_ON,
    out: Annotated[Path | None, Flag(help="Write the report to this file as well.")] = None,
    force: Annotated[bool, Flag("--force", help="Compare the runs even if machines or settings differ.")] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    form: options.Format = "text",
    junit: options.Junit = None,
) -> int:
    """Say whether run B is slower or uses more memory than run A; bench.run made both, on the same machine.

    Weaker evidence than bench.upgrade, which measures both sides in turn. Exit codes: 0 fine, 1 regressed, 2 the
    command is wrong, 3 undecided, 4 a cell failed or was not equivalent.
    """  # fmt: skip
    output = OutputOptions.chosen("compare", quiet=quiet, as_json=as_json, form=form, junit=junit)
    with output.errors_emitted():
        least, groups = parse.fraction("--margin", margin), upgrade.groups(fail_on)
        runs = both(run_a, run_b)
        if not force:
            refuse_unlike(*runs)
        return judged((run_a, run_b), runs, groups, output, margin=least, out=out)


def judged(
    folders: tuple[Path, Path],
    runs: tuple[Run, Run],
    fail_on: Sequence[FigureGroup],
    output: OutputOptions,
    *,
    margin: float,
    out: Path | None,
) -> int:
    """Compare, write the report where `out` says, and tell what was found; the exit code."""
    from bench.analyse.verdicts import compare  # bring numpy and pandas, for which --help and a refusal must not wait
    from bench.report import answer
    from bench.report.kinds.compare.kind import KIND
    from bench.report.media import markdown
    from bench.report.publish import shown

    before, after = (
        compare.Stored(folder=shown(folder), run=run, trials=store.read_trials(folder))
        for run, folder in zip(runs, folders, strict=True)
    )
    two_runs = compare.compare(before, after, margin=margin, fail_on=fail_on)
    code = KIND.exit_code(two_runs)
    result = answer.of_two_runs(two_runs, exit_code=code, path=out)
    if out is not None:
        write("--out", out, markdown.written(result.document))
    output.emit(result, code)
    return code


def both(run_a: Path, run_b: Path) -> tuple[Run, Run]:
    """Two runs of bench.run that have a cell in common; raises `BenchError`."""
    if run_a.resolve() == run_b.resolve():
        raise UsageError(f"RUN_A and RUN_B are the same folder, {run_a}: name two runs.")
    runs = store.read_run(run_a, flag="RUN_A"), store.read_run(run_b, flag="RUN_B")
    for folder, run in zip((run_a, run_b), runs, strict=True):
        if run.verb != "run":
            raise RunFolderError(
                f"{folder} was made by bench.{run.verb}, whose report has its own verdicts; "
                "bench.compare takes runs of bench.run."
            )
    planned = [comparison_groups.cells(run.settings) for run in runs]
    if not set(planned[0]) & set(planned[1]):
        apart = "; ".join(disjoint_ax.describe("in A", "in B") for disjoint_ax in comparability.disjoint_axes(*planned))
        raise UsageError(
            f"{run_a} and {run_b} have no cell in common ({apart or 'only in part, axis by axis'}): "
            "make B by python -m bench.run --like A."
        )
    return runs


def refuse_unlike(baseline: Run, candidate: Run) -> None:
    """Raise `RunFolderError` for runs that only --force compares."""
    unlike = comparability.incompatibilities(baseline, candidate)
    if unlike:
        reasons = "; ".join(difference.describe("in A", "in B") for difference in unlike)
        raise RunFolderError(
            f"the runs are not comparable ({reasons}): differences "
            "could come from the machine or settings. Use runs from one machine and with the same settings, or --force."
        )


if __name__ == "__main__":
    app.run(main)
