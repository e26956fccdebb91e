"""A release that a runner bridges is named with what it did to its users."""

import pytest

from bench.analyse import bridges
from bench.records.schema import Bisection, Release
from bench.report.kinds.bisect import report as bisect_report
from bench.report.kinds.history import report as history_report
from bench.report.kinds.run import report as run_report
from bench.report.kinds.side_by_side import report as side_by_side_report
from bench.report.kinds.side_by_side import sides
from bench.report.kinds.upgrade import report as upgrade_report
from bench.report.media import markdown
from bench.report.media.html.render import page
from tests import factories
from tests.searches import environment


def run(versions, *, grad_accumulation=4):
    made = factories.run(comparisons=[factories.comparison(grad_accumulation=grad_accumulation)])
    settings = made.settings.model_copy(update={"environments": [environment(version) for version in versions]})
    return made.model_copy(update={"settings": settings})


@pytest.mark.parametrize(("versions", "named"), [(["4.45.2", "4.46.1"], ["4.46.1"]), (["4.45.2", "4.48.0"], [])])
def test_releases_that_summed_micro_batches_are_named(versions, named):
    sentences = list(bridges.hidden(run(versions)))
    assert [each.split()[1] for each in sentences] == named
    assert all("gradients were 4 times too large" in each for each in sentences)


def test_nothing_is_hidden_where_nothing_is_accumulated():
    assert list(bridges.hidden(run(["4.46.1"], grad_accumulation=1))) == []


@pytest.mark.parametrize("kind", [run_report, upgrade_report, history_report, bisect_report])
def test_it_stands_in_bold_above_the_first_section_of_every_report(kind):
    made = run(["4.45.2", "4.47.0"])
    releases = [Release(version=each) for each in ("4.45.2", "4.47.0")]
    searched = made.settings.model_copy(update={"bisection": Bisection(metric="step_time", releases=releases)})
    search = factories.summary().model_copy(update={"run": made.model_copy(update={"settings": searched})})
    opening = markdown.written(kind.document(search, "results/a")).split("\n## ")[0]
    assert "\n**transformers 4.47.0 sums the gradients of micro-batches" in opening
    shown = page(search.model_copy(update={"run": made}), "results/a")
    assert '<p class="block strong">transformers 4.47.0 sums the gradients of micro-batches' in shown


def test_it_stands_in_bold_above_the_runs_that_a_report_of_several_tells_of():
    made = factories.summary().model_copy(update={"run": run(["4.47.0"])})
    text = markdown.written(side_by_side_report.document(sides.sides([("a", made), ("b", made)]), "out"))
    assert text.split("\n\n")[1].startswith("**transformers 4.47.0 sums the gradients of micro-batches")
