"""The chart of a check: every cell's step time against the baseline's, with the margin."""

import numpy as np

from bench.plan.upgrade import CANDIDATE
from bench.report.charts import vega
from bench.report.document import verdict_tables
from bench.report.kinds.upgrade import charts, report
from bench.report.media import markdown
from bench.report.media.html import render
from tests import checks, factories


def checked(planted, *, blocks=10, **settings):
    run = checks.planned(**settings)
    return checks.ended(run, checks.timed(run, checks.steps(np.resize(checks.QUIET, blocks), planted)))


def test_a_check_has_its_step_times_with_the_bounds_that_decided():
    summary = checked(0.08)
    (drawn,) = charts.drawings(summary)
    assert drawn.file == "step-time-0.svg"
    assert "1.080 [1.07" in drawn.svg
    assert "The band is the margin of 3 %." in drawn.svg
    (group,) = charts.judged_groups(summary)
    (verdict,) = [verdict for verdict in summary.verdicts if verdict.metric == "step_time_us"]
    assert [cell.ratio for cell in group.cells] == [verdict.ratio]
    assert {cell.environment for cell in group.cells} == {CANDIDATE}


def test_a_check_draws_hollow_what_its_table_marks_as_no_difference():
    summary = checked(0.0)
    (verdict,) = [verdict for verdict in summary.verdicts if verdict.metric == "step_time_us"]
    (drawn,) = charts.drawings(summary)
    assert verdict_tables.ratio(verdict).startswith("~ ")
    assert f">{verdict_tables.ratio(verdict)}<" in drawn.svg


def test_the_band_is_the_margin_of_time_where_a_calibration_raised_it():
    (drawn,) = charts.drawings(checked(0.0, time_margin=0.042))
    assert "The band is the margin of 4.2 %." in drawn.svg


def test_the_report_and_the_page_show_it():
    summary = checked(0.0)
    assert "](charts/step-time-0.svg)" in markdown.written(report.document(summary, "results/a"))
    assert 'data-chart="step-time-0.svg"' in render.page(summary, "a", charts.drawings(summary), vega.vega())


def test_each_group_of_rows_has_a_chart():
    comparisons = [factories.comparison(workload=workload) for workload in ("mlp", "mlp-wide")]
    assert [drawing.file for drawing in charts.drawings(checked(0.0, comparisons=comparisons))] == [
        "step-time-0.svg",
        "step-time-1.svg",
    ]


def test_a_check_that_only_counted_has_no_chart():
    run = checks.planned(passes=["equivalence", "counting"], fail_on=["counters"])
    summary = checks.ended(run, checks.counted(run, checks.counters()))
    assert charts.drawings(summary) == []
    assert "charts/" not in markdown.written(report.document(summary, "results/a"))
