"""How loops scale, of made journals whose times are known."""

import pytest

from bench.records.schema import Count, Counters
from bench.report.kinds.run import scaling
from tests import factories

ONE, TWO = factories.comparison(), factories.comparison(ranks=2)
BLOCKS = 8
STEP_US = {1: 400.0, 2: 500.0}
ALL_REDUCED = {"collectives": {"allreduce": 1}, "collective_bytes": {"allreduce": 10_568}}


def cell_of(ranks: int):
    return factories.cell(ranks=ranks)


def timing(ranks: int):
    memories = [factories.memory(host_rss_bytes=400_000_000 + 5_000_000 * rank) for rank in range(ranks)]
    told = factories.timing(STEP_US[ranks], device="cpu", jitter=0.0, seed=0)
    return told.model_copy(update={"memory": memories[-1], "memory_of_ranks": memories if ranks > 1 else []})


def counters(ranks: int) -> Counters:
    usual = {"steady_steps": 8, "ops": Count(value=100, share=1.0), "ops_by_name": {}, "functions": []}
    return Counters(**usual, tensor_bytes_by_category={}, **(ALL_REDUCED if ranks > 1 else {}))


def trials(ranks: int, *, digest: str = "a1" * 32):
    fingerprint = factories.fingerprint(weights_sha256=digest)
    yield factories.trial(cell=cell_of(ranks), phase="equivalence", block=-1, fingerprint=fingerprint)
    yield factories.trial(cell=cell_of(ranks), phase="counting", block=-1, timing=None, counters=counters(ranks))
    for block in range(BLOCKS):
        yield factories.trial(cell=cell_of(ranks), block=block, timing=timing(ranks))


def summary(*numbers: int):
    comparisons = [factories.comparison(ranks=ranks) for ranks in numbers]
    return factories.summarised(
        [trial for ranks in numbers for trial in trials(ranks)], comparisons=comparisons, blocks=BLOCKS
    )


def test_efficiency_is_the_throughput_over_that_of_as_many_loops_on_one_rank():
    one, two = summary(1, 2).scaling
    assert one.efficiency is not None
    assert two.samples_per_second.value == pytest.approx(2 * one.samples_per_second.value * 400 / 500)
    assert (one.efficiency.value, two.efficiency.value) == (1.0, pytest.approx(0.8))
    assert two.rank_peaks_bytes == [400_000_000, 405_000_000]
    assert (two.collectives, two.collective_bytes) == ({"allreduce": 1}, {"allreduce": 10_568})
    assert (one.rank_peaks_bytes, one.collectives) == ([400_000_000], {})


def test_without_one_rank_there_is_no_efficiency_and_the_reason_is_told():
    (two,) = summary(2).scaling
    assert two.efficiency is None
    assert two.unavailable == {"efficiency": "the same loop on one rank is not in this run"}


def test_a_run_on_one_rank_says_nothing_of_scaling():
    of_one = summary(1)
    assert of_one.scaling == []
    assert scaling.section(of_one) is None


def test_the_table_has_a_row_for_each_number_of_ranks():
    told = scaling.table(summary(1, 2))
    assert told.headers == scaling.HEADERS
    one, two = told.texts
    assert one[:3] == ("64", "pytorch", "1")
    assert one[4:] == ("1", "400", "none", "0")
    assert two[:3] == ("64", "pytorch", "2")
    assert two[4:] == ("0.800 [0.800, 0.800]", "400 and 405", "1 allreduce", "10.6")
