"""What the parts of an answer say of each kind of run."""

from pathlib import Path

import numpy as np

from bench.analyse.summary import summarise
from bench.cli import reports
from bench.report import answer
from bench.report.document.blocks import table
from bench.report.kinds.bisect import grid as bisect_grid
from bench.report.kinds.bisect import outcome as bisect_outcome
from bench.report.kinds.run import grid as run_grid
from bench.report.kinds.run import outcome as run_outcome
from bench.report.kinds.upgrade import grid as upgrade_grid
from bench.report.kinds.upgrade import outcome as upgrade_outcome
from bench.report.media.short import short
from tests import checks, factories, searches
from tests.report.rows import baseline, different, failed, floor, row, summary_of

RESULTS = Path(__file__).parent.parent.parent / "results"


def passes(made, *chosen):
    settings = made.run.settings.model_copy(update={"passes": list(chosen)})
    return made.model_copy(update={"run": made.run.model_copy(update={"settings": settings})})


def outcomes(cases):
    return [(case.outcome, case.level) for case in cases]


# Runs


def test_few_cells_get_a_row_each():
    grid = run_grid.grid(summary_of(baseline(), row(), floor(), failed(), different()))
    assert grid.headers == ("batch", "runner", "step time µs", "samples/s", "ratio", "overhead µs/step")
    assert grid.texts[1] == ("64", "hf-trainer", "681 ±1.3 %", "94,100", "1.88 [1.85, 1.90]", "+318 [312, 325]")
    assert grid.texts[3] == ("64", "lightning", "out of memory (1)", "-", "-", "-")
    assert grid.texts[4][4] == "withheld (2)"
    assert grid.notes == (
        "OutOfMemoryError: tried to allocate 2 GiB",
        "different: loss of micro-step 2: 0.69 against 0.7",
    )


def test_many_cells_get_a_row_a_loop_and_a_column_a_batch_size():
    sizes = (8, 64, 512, 4096)
    cells = [make_row(batch_size=size) for size in sizes for make_row in (baseline, row, floor, failed, different)]
    grid = run_grid.grid(summary_of(*cells))
    assert grid.headers == ("runner", "8", "64", "512", "4,096")
    assert grid.droppable == ("64", "512")
    assert grid.texts[0] == ("pytorch", *["363 µs"] * 4)
    assert grid.texts[1] == ("hf-trainer", *["1.88\N{MULTIPLICATION SIGN}"] * 4)
    assert grid.texts[3] == ("lightning", *["out of memory (1)"] * 4)
    assert grid.texts[4] == ("fabric", *["withheld (2)"] * 4)


def test_a_run_that_only_counted_has_counts_in_its_table():
    counters = {"python_calls": 311, "c_calls": 200, "ops": 126, "syncs": 6}
    grid = run_grid.grid(passes(summary_of(baseline(counters=counters)), "equivalence", "counting"))
    assert grid.headers == ("batch", "runner", "Python calls", "C calls", "ops", "syncs")
    assert grid.texts == [("64", "pytorch", "311", "200", "126", "6")]


def test_cells_of_a_run_are_right_or_wrong_by_figures_and_by_arithmetic():
    cases = run_outcome.cases(summary_of(baseline(), row(), failed(), different(), failed("x", "not-run")))
    assert outcomes(cases) == [
        ("passed", None),
        ("passed", None),
        ("failed", "error"),
        ("failed", "error"),
        ("skipped", "error"),
    ]
    assert cases[2].reason == "out of memory: OutOfMemoryError: tried to allocate 2 GiB"
    assert cases[3].reason == "not equivalent, different: loss of micro-step 2: 0.69 against 0.7"
    assert cases[1].of == "hf-trainer at batch 64 of mlp on cpu"


# Checks


def checked(planted, *, blocks=40, **settings):
    run = checks.planned(**settings)
    return checks.ended(run, checks.timed(run, checks.steps(np.resize(checks.QUIET, blocks), planted)))


def named(cases, name):
    return next(case for case in cases if case.name == name)


def test_what_regressed_fails_if_the_check_fails_on_it_and_is_else_skipped():
    worse = upgrade_outcome.cases(checked(0.08))
    assert outcomes([named(worse, "step time")]) == [("failed", "error")]
    assert named(worse, "step time").reason.startswith("regressed: 68")
    assert " times, margin 3.0 %" in named(worse, "step time").reason
    lenient = upgrade_outcome.cases(checked(0.08, fail_on=["memory"]))
    assert outcomes([named(lenient, "step time")]) == [("skipped", "warning")]
    assert named(lenient, "step time").reason.endswith("(no failure: this check fails on memory)")
    assert outcomes([named(lenient, "host memory")]) == [("passed", None)]


def test_what_stayed_undecided_is_skipped_with_its_reason():
    cases = upgrade_outcome.cases(checked(0.0, blocks=5))
    case = named(cases, "step time")
    assert outcomes([case]) == [("skipped", "warning")]
    assert case.reason.startswith("undecided: ")
    assert outcomes([named(cases, "throughput")]) == [("skipped", None)]  # nobody waits for it


def test_what_the_cap_could_not_resolve_says_what_is_ruled_out():
    run = checks.planned(blocks=20)
    cases = upgrade_outcome.cases(checks.ended(run, checks.timed(run, np.tile([0.4, -0.4], 10))))
    case = named(cases, "step time")
    assert outcomes([case]) == [("skipped", "warning")]
    assert case.reason.startswith("undecided: ")
    assert ", margin 3.0 %, rules out more than 50 % worse" in case.reason
    assert "rules out" not in named(cases, "host memory").reason


def test_a_cell_that_could_not_be_judged_says_of_what():
    run = checks.planned(fail_on=["time", "counters"])
    cases = upgrade_outcome.cases(checks.ended(run, checks.timed(run, checks.QUIET)))
    assert named(cases, "counters").outcome == "skipped"
    assert named(cases, "counters").reason.startswith("unavailable: ")


def test_a_check_has_a_row_a_cell_with_its_worst_verdict():
    grid = upgrade_grid.grid(checked(0.08))
    assert grid.names == 2
    assert grid.headers[-1] == "verdict"
    ((batch, runner, *figures),) = grid.texts
    assert (batch, runner, figures[-1]) == ("64", "hf-trainer", "regressed")
    by_header = dict(zip(grid.headers, grid.texts[0], strict=True))
    assert by_header["step time"].startswith("1.080 [1.07")
    assert by_header["host memory"] == "~"
    assert grid.droppable[0] == "throughput"


def test_throughput_that_nobody_waits_for_does_not_make_a_row_undecided():
    check = checked(0.0)
    assert {verdict.metric for verdict in check.verdicts} >= {"step_time_us", "samples_per_second"}
    open_end = {"samples_per_second": "undecided", "step_time_us": "not-regressed"}
    verdicts = [v.model_copy(update={"verdict": open_end.get(v.metric, v.verdict)}) for v in check.verdicts]
    changed = check.model_copy(update={"verdicts": verdicts})
    assert upgrade_grid.grid(changed).texts[0][-1] == "not regressed"
    worse = [
        v.model_copy(update={"verdict": "regressed"} if v.metric == "samples_per_second" else {}) for v in verdicts
    ]
    assert upgrade_grid.grid(check.model_copy(update={"verdicts": worse})).texts[0][-1] == "regressed"


def test_a_regression_that_does_not_count_is_still_told():
    grid = upgrade_grid.grid(checked(0.08, fail_on=["memory"]))
    assert grid.texts[0][-1] == "not regressed, others regressed"


# Bisections, histories


def test_a_bisection_has_a_row_a_release_and_a_case_a_release():
    run = searches.planned()
    seen = {"4.46.3": 6, "4.47.0": 7}
    search = searches.summary(run, searches.counted(run, seen), [searches.unusable(run, "4.47.1", "no wheel")])
    grid = bisect_grid.grid(search)
    assert [line[0] for line in grid.texts] == [probe.release for probe in search.probes]
    cases = {case.of: case for case in bisect_outcome.cases(search)}
    assert (cases["transformers 4.47.1"].outcome, cases["transformers 4.47.1"].reason) == ("skipped", "no wheel")
    assert cases["transformers 4.46.3"].outcome == "passed"


def test_a_long_history_shows_its_ends_and_the_releases_that_the_sentences_name():
    folder = RESULTS / "20261124T143236Z-history-transformers"
    parts = answer.of_run(folder, reports.stored(folder), exit_code=0)
    shown = [line[0] for line in parts.grid.texts]
    (answers,) = short(parts.document).answers
    named_ones = [line.split(":")[0].removeprefix("transformers ") for line in answers.lines]
    assert shown == ["4.34.1", *named_ones, "5.24.0"]
    assert (
        parts.grid.caption
        == "Without 41 releases that changed neither the arithmetic, the level nor the number of ops and syncs."
    )


def test_a_column_can_be_left_out():
    grid = table(("a", "b", "c"), [("1", "2", "3")], names=2, droppable=("b", "c"))
    less = grid.without("b")
    assert (less.headers, less.texts, less.names, less.droppable) == (("a", "c"), [("1", "3")], 1, ("c",))


def test_a_run_without_cells_has_no_table():
    nothing = summarise(factories.run(), []).model_copy(update={"cells": []})
    assert run_grid.grid(nothing) is None
