"""A release that a runner bridges is named with what it did to its users."""

import pytest

from bench.analyse import bridges
from bench.report import steadiness
from tests import factories
from tests.searches import environment


def run(versions, *, grad_accumulation=4):
    made = factories.run(comparisons=[factories.comparison(grad_accumulation=grad_accumulation)])
    settings = made.settings.model_copy(update={"environments": [environment(each) for each in versions]})
    return made.model_copy(update={"settings": settings})


@pytest.mark.parametrize(("versions", "named"), [(["4.45.2", "4.46.1"], ["4.46.1"]), (["4.45.2", "4.48.0"], [])])
def test_releases_that_summed_micro_batches_are_named(versions, named):
    told = list(bridges.hidden(run(versions)))
    assert [each.split()[1] for each in told] == named
    assert all("gradients were 4 times too large" in each for each in told)


def test_nothing_is_hidden_where_nothing_is_accumulated():
    assert list(bridges.hidden(run(["4.46.1"], grad_accumulation=1))) == []


def test_it_stands_in_the_first_lines_of_every_verb():
    found = factories.summary().model_copy(update={"run": run(["4.47.0"])})
    assert "transformers 4.47.0 sums the gradients of micro-batches" in steadiness.after("Measured.", found)
