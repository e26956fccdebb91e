"""How what could not be decided is put into words."""

import pytest

from bench.records.schema import Verdict
from bench.report.document.inconclusive import inconclusive, ruled_out
from tests import factories


def judged(batch_size, outcome="undecided", rules_out=None, metric="step_time_us"):
    cell = factories.cell("hf-trainer", batch_size=batch_size)
    return Verdict(cell=cell, metric=metric, verdict=outcome, rules_out=rules_out)


GOOD = [judged(size, "not-regressed", 0.01) for size in (32, 64, 128, 512)]


@pytest.mark.parametrize(
    ("watched", "sentence"),
    [
        (GOOD, ""),
        (
            [judged(8, rules_out=0.2), judged(16, rules_out=0.6), *GOOD],
            "2 of 6 cells have no time verdict (they rule out more than 60 % worse); the other 4 did not regress",
        ),
        (
            [judged(8, rules_out=0.2), *GOOD[:1]],
            "1 of 2 cells has no time verdict (it rules out more than 20 % worse); the other one did not regress",
        ),
        (
            [judged(8, rules_out=0.2), judged(16), judged(32, "regressed", 0.3)],
            "2 of 3 cells have no time verdict (they rule out more than 20 % worse, and nothing in 1)",
        ),
        (
            [judged(8), judged(8, metric="syncs"), judged(8, "not-regressed", metric="ops")],
            "1 of 1 cell has no time verdict (nothing is ruled out) and 1 of 1 cell has no counter verdict (syncs); "
            "nothing else regressed",
        ),
        (
            [judged(8, rules_out=0.2, metric="step_time_us_over_pytorch")],
            "1 of 1 cell has no time verdict (it rules out more than 20 % worse)",
        ),
    ],
)
def test_it_says_where_there_is_no_verdict_what_is_ruled_out_there_and_what_is_known_of_the_rest(watched, sentence):
    assert inconclusive(watched, ["time", "memory", "counters"]) == sentence


def test_only_what_is_undecided_says_what_it_rules_out():
    assert ruled_out(judged(8, rules_out=0.601)) == "rules out more than 61 % worse"
    assert ruled_out(judged(8, "not-regressed", 0.01)) == ruled_out(judged(8)) == ""
