"""Carries out a planned run in its folder, whichever verb planned it: execute, keep every trial, report."""

from __future__ import annotations

import shlex
import sys
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.output import OutputOptions, seconds_of
from bench.errors import ExitCode, InterruptedReportError
from bench.execute import checkup, probe
from bench.execute.fleet.scheduler import FleetScheduler
from bench.execute.rendezvous.leader import Leader
from bench.execute.scheduler import TrialScheduler
from bench.plan import runner_files
from bench.records import store
from bench.records.schema import Machine, Run, Settings, Trial, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.report.media.progress import Progress


def new_run(
    verb: Verb,
    name: str,
    settings: Settings,
    *,
    machine: Machine,
    packages: dict[str, str],
    machines: Mapping[str, Machine] | None = None,
) -> Run:
    """The record of a run that begins now, as its run.json will have it."""
    return Run(
        name=name,
        verb=verb,
        started_at=store.now(),
        command=shlex.join(["python", "-m", f"bench.{verb}", *sys.argv[1:]]),
        settings=settings,
        machine=machine,
        machines=dict(machines or {}),
        packages=packages,
        git_revision=probe.git_revision(),
        own_files=runner_files.digests(settings),
    )


def execute_and_report(folder: Path, output: OutputOptions, *, others: Leader | None = None) -> int:
    """Execute what is still to do, keep every trial as it ends, report whatever there is; the verb's exit code."""
    return report(folder, output, interrupted=not execute(folder, quiet=output.quiet, others=others))


def report(folder: Path, output: OutputOptions, *, interrupted: bool) -> int:
    """Report what the journal of `folder` holds, and return the exit code of its verb."""
    from bench.cli import reports  # brings pandas, for which --help and a wrong option must not wait
    from bench.report import answer, kinds
    from bench.report.publish import shown

    try:
        summary = reports.rebuild(folder)
    except KeyboardInterrupt:
        raise InterruptedReportError(
            "interrupted before the report was written; what was measured is kept: python -m bench.report "
            f"{shlex.quote(shown(folder))} writes it."
        ) from None
    code = ExitCode.INTERRUPTED if interrupted else kinds.of(summary.run.kind).exit_code(summary)
    output.emit(answer.of_run(folder, summary, exit_code=code), code, lambda: seconds_of(store.read_trials(folder)))
    return code


def execute(
    folder: Path,
    *,
    title: str | None = None,
    way_on: str | None = None,
    quiet: bool = False,
    others: Leader | None = None,
) -> bool:
    """Run what is still to do into the journal of `folder`; false when it was interrupted.

    `way_on` is as for `store.journal`, `others` are the other nodes of a run whose ranks are on several.
    """
    from bench.analyse import stopping
    from bench.report.kinds.machine import calibration
    from bench.report.media import progress

    run = store.read_run(folder)
    done = store.read_trials(folder)
    with (
        store.journal(folder, way_on=way_on) as journal,
        _checkups(folder, run) as beside,
        closing(progress.choose(sys.stderr, quiet=quiet)) as display,
    ):
        scheduler = _scheduler(folder, run, done, others)
        display.start(scheduler.total_trials, title or f"looptax · {folder}", blocks=run.settings.blocks)
        if beside is not None:
            display.note(beside)
        if run.settings.by_calibration is not None:
            display.note(calibration.sentence(run.settings.by_calibration))
        try:
            for trials in scheduler.run(stopping.rule(run)):
                journal.append(*trials)
                for sentence in scheduler.notes():
                    display.note(sentence)
                if trials:
                    _show(display, trials, scheduler, run)
        except KeyboardInterrupt:
            return False
    return True


def _checkups(folder: Path, run: Run) -> AbstractContextManager[str | None]:
    """They look at this machine, which measures nothing for a cluster."""
    return checkup.record_during(folder, run) if run.settings.fleet is None else nullcontext()


def _scheduler(folder: Path, run: Run, done: Sequence[Trial], others: Leader | None) -> TrialScheduler:
    """What runs the passes: here, or on the nodes of a cluster."""
    if run.settings.fleet is not None:
        return FleetScheduler(run.settings, done=done)
    traces, logs = folder / store.TRACES, folder / store.LOGS
    return TrialScheduler(run.settings, done=done, traces=traces, logs=logs, others=others)


def _show(display: Progress, trials: Sequence[Trial], scheduler: TrialScheduler, run: Run) -> None:
    """Tell the display of trials that have ended, of the time left, and of the ratios of their comparison so far."""
    from bench.analyse.summary import ratios_so_far

    timing = trials[0].phase == "timing"
    ratios = ratios_so_far(run, scheduler.state.trials, trials[0].cell) if timing else {}
    for trial in trials:
        display.trial(
            trial,
            done=len(scheduler.state.trials),
            total=scheduler.total_trials,
            seconds_left=scheduler.seconds_left() if timing else None,
            ratios=ratios,
        )
