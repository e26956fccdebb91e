"""Every kind of run has a page: its answer, tables, warnings, machine and command."""

import re

import pytest

from bench.report.charts import vega
from bench.report.kinds.bisect import report as bisect_report
from bench.report.kinds.bisect.sentences import answer
from bench.report.kinds.history import charts
from bench.report.kinds.history import report as history_report
from bench.report.kinds.upgrade import report as upgrade_report
from bench.report.kinds.upgrade.sentences import answer as verdict
from bench.report.media.html import layout, render
from tests.histories import a_summary
from tests.report.kinds.bisect.test_report import bisected, by_time
from tests.report.kinds.upgrade.test_report import one_more_sync, regressed
from tests.report.media.html.test_page import data_of, parsed

SUMMARIES = {
    "upgrade": regressed,
    "upgrade by counters": one_more_sync,
    "bisect": bisected,
    "bisect by time": by_time,
    "history": a_summary,
}


def table(page: str, title: str) -> list[list[tuple[str, str | None]]]:
    """The rows of the first table below a heading: the text and the figure of each entry."""
    grid = re.search(rf"<h[23]>{title}</h[23]>.*?<tbody>(.*?)</tbody>", page, re.DOTALL)
    assert grid is not None, title
    entries = re.compile(r'<td(?: class=figure)?(?: data-value="(.*?)")?>(.*?)</td>')
    return [[(text, value or None) for value, text in entries.findall(row)] for row in grid[1].split("</tr>")[:-1]]


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_page_has_all_that_every_page_has(name):
    summary = SUMMARIES[name]()
    page = render.page(summary, "results/a")
    shown = " ".join(" ".join(parsed(page).text).split())
    for heading in ("How to repeat it", "Machine and packages", "How to read this report"):
        assert heading in shown
    for text in (summary.run.command, summary.machine.cpu, *summary.warnings):
        assert text in shown
    drawn = data_of(page)["functions"]["cells"] if 'id="data"' in page else []  # a page without charts needs none
    assert len(drawn) == len({row.cell for row in summary.attribution})


def test_a_check_gives_its_verdict_first_and_every_figure():
    summary = regressed()
    page = render.page(summary, "a")
    shown = " ".join(parsed(page).text)
    assert shown.index(verdict(summary)) < shown.index("What was measured")
    (time, *_) = [v for v in summary.verdicts if v.metric == "step_time_us"]
    row = next(row for row in table(page, "What was measured") if row[2][0] == "step time")
    assert [value for _, value in row[3:6]] == [str(time.baseline), str(time.candidate), str(time.ratio.value)]
    choices = render.choices(layout.page(upgrade_report.document(summary, "a")))
    assert "step time" in choices["metric"]
    assert upgrade_report.equivalence(summary) in shown


def test_a_bisection_names_its_release_and_shows_all_that_it_looked_at():
    summary = bisected()
    page = render.page(summary, "a")
    assert answer(summary) in " ".join(parsed(page).text)
    rows = table(page, "Tested releases")
    assert [row[0][0] for row in rows] == [probe.release for probe in summary.probes]
    assert [row[3][1] for row in rows] == [None if p.value is None else str(p.value) for p in summary.probes]
    assert bisect_report.document(summary, "a").title in page.replace("&#39;", "'")


def test_a_history_has_its_chart_and_its_releases_in_order():
    summary = a_summary()
    page = render.page(summary, "a", charts.drawings(summary), vega.vega())
    rows = table(page, "Every release: hf-trainer, mlp on cpu, batch 64")
    assert [row[0] for row in rows] == [(r.cell.environment, str(place)) for place, r in enumerate(summary.releases)]
    assert [row[1][1] for row in rows] == [None if r.ratio is None else str(r.ratio.value) for r in summary.releases]
    assert list(data_of(page)["charts"]) == [history_report.chart_file(0)]
