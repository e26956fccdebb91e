"""What is told of a run to which something happened: never more than was measured, and what happened with it."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest

from bench.analyse.summary import summarise
from bench.errors import ExitCode
from bench.host import health
from bench.records.schema import Load
from bench.report import kinds
from bench.report.media import terminal
from tests import checks, factories

BENCH = Path(__file__).parent.parent.parent / "bench"


def opening(summary):
    document = kinds.of(summary.run.verb).document(summary, "results/example")
    return [line.strip() for line in terminal.lines(document)]


@pytest.mark.parametrize("side", ["baseline", "candidate"])
@pytest.mark.parametrize("status", ["failed", "killed", "oom", "timeout", "garbage"])
def test_where_a_side_lost_a_cell_no_improvement_of_others_passes(side, status):
    run = checks.planned(comparisons=[factories.comparison(batch_size=size) for size in (8, 64)])
    lost = {"status": status, "reason": "it was lost", "timing": None}
    trials = [
        each.model_copy(update=lost) if each.cell.environment == side and each.cell.batch_size == 8 else each
        for each in checks.timed(run, [-0.3] * 12)
    ]
    summary = checks.ended(run, trials)
    lines = opening(summary)
    assert kinds.of("upgrade").exit_code(summary) == ExitCode.SOME_CELLS_FAILED
    assert any(line.startswith("Inconclusive: 1 of 2 cells has no verdict on time and memory") for line in lines)
    assert any(line.startswith(f"No figures of hf-trainer at batch 8 of mlp on cpu in the {side}") for line in lines)
    assert not any(line.startswith("hf-trainer at batch 8 of mlp on cpu: ") for line in lines)


def test_a_disturbed_run_says_so_in_the_line_that_says_how_far_to_trust_it():
    run = factories.run(blocks=10)
    busy = Load(wall_s=2.0, cpus=2, busy_s=3.5, own_s=2.0, stolen_s=0.0)
    trials = factories.journal(run)
    disturbed = [
        trial.model_copy(update={"load": busy}) if trial.block == 3 and trial.position == 0 else trial
        for trial in trials
    ]
    trust = next(line for line in opening(summarise(run, disturbed)) if line.startswith("How far to trust it"))
    assert "1 warning: foreign load: in 1 of 10 timed blocks other processes took more than 10 %" in trust
    quiet = next(line for line in opening(summarise(run, trials)) if line.startswith("How far to trust it"))
    assert "no warnings" in quiet


def test_a_resumed_run_says_that_it_was():
    run = factories.run(blocks=10)
    look = health.now(cards=[]).health
    start, end = (look.model_copy(update={"moment": moment}) for moment in ("start", "end"))
    said = "the run was resumed: it was measured in 2 parts, between which the machine may have changed"
    assert said in summarise(run, factories.journal(run), [start, start, end]).warnings  # killed, then resumed
    assert said not in summarise(run, factories.journal(run), [start, end]).warnings


def test_a_clock_that_steps_backwards_changes_no_figure():
    run = factories.run(blocks=10)
    trials = factories.journal(run)
    back = [
        each.model_copy(update={"started_at": each.started_at - timedelta(days=place)})
        for place, each in enumerate(trials)
    ]
    assert summarise(run, back).cells == summarise(run, trials).cells


def test_nothing_is_timed_by_a_clock_that_can_be_stepped_or_goes_on_while_the_machine_sleeps():
    """`time.monotonic` and `perf_counter` stand still in a suspended machine (Linux: CLOCK_MONOTONIC)."""
    stepped = {"time", "time_ns", "clock_gettime", "clock_gettime_ns"}
    used = {
        str(path.relative_to(BENCH))
        for folder in ("execute", "measure", "host")
        for path in sorted((BENCH / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == "time" and node.attr in stepped)
        or (isinstance(node, ast.ImportFrom) and node.module == "time" and stepped & {name.name for name in node.names})
    }
    assert used == {"host/health.py"}  # which holds both clocks against each other, to tell of a step


def test_an_hour_that_a_machine_was_paused_is_no_hour_of_a_step():
    run = factories.run(runners=["pytorch", "floor"], blocks=10)
    trials = factories.journal(run)
    place = next(i for i, each in enumerate(trials) if each.block == 4 and each.cell.runner == "floor")
    paused = trials[place].timing.model_copy(update={"step_ns": [3_600 * 10**9, *trials[place].timing.step_ns[1:]]})
    slept = [*trials[:place], trials[place].model_copy(update={"timing": paused}), *trials[place + 1 :]]
    before, after = (summarise(run, some).cells[1] for some in (trials, slept))
    assert after.step_time_us == before.step_time_us
    assert after.ratio == before.ratio
