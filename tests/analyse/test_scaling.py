"""How loops scale, of made journals whose times are known."""

import pytest

from bench.records.schema import Communication, Count, Counters, Phases
from bench.report.document.groups import shared_conditions, titles
from bench.report.kinds.run import scaling
from tests import factories

ONE, TWO = factories.comparison(), factories.comparison(ranks=2)
BLOCKS = 8
STEP_US = {1: 400.0, 2: 500.0}
ALL_REDUCED = {"collectives": {"allreduce": 1}, "collective_bytes": {"allreduce": 10_568}}
WAITS = Communication(step_ns=[100, 200, 100], collective_ns=[50, 180, 50], exposed_ns=[25, 180, 20])
COMES_LATE = Communication(step_ns=[100, 200, 100], collective_ns=[10, 20, 10], exposed_ns=[0, 20, 0])
UNSEEN = Communication(step_ns=[100], collective_ns=[0], exposed_ns=[0])
NO_STEP = Communication(step_ns=[], collective_ns=[], exposed_ns=[])


def cell_of(ranks: int, **changes: str):
    return factories.cell(ranks=ranks, **changes)


def timing(ranks: int):
    memories = [factories.memory(host_rss_bytes=400_000_000 + 5_000_000 * rank) for rank in range(ranks)]
    timing = factories.timing(STEP_US[ranks], device="cpu", jitter=0.0, seed=0)
    return timing.model_copy(update={"memory": memories[-1], "memory_of_ranks": memories if ranks > 1 else []})


def counters(ranks: int) -> Counters:
    usual = {"steady_steps": 8, "ops": Count(value=100, share=1.0), "ops_by_name": {}, "functions": []}
    return Counters(**usual, tensor_bytes_by_category={}, **(ALL_REDUCED if ranks > 1 else {}))


def phases(*communication: Communication) -> Phases:
    return Phases(phase_ns={}, functions=[], communication=list(communication))


def trials(ranks: int, *, digest: str = "a1" * 32, communication=(WAITS, COMES_LATE), **changes: str):
    cell, fingerprint = cell_of(ranks, **changes), factories.fingerprint(weights_sha256=digest)
    yield factories.trial(cell=cell, phase="equivalence", block=-1, fingerprint=fingerprint)
    yield factories.trial(cell=cell, phase="counting", block=-1, timing=None, counters=counters(ranks))
    if ranks > 1:
        yield factories.trial(cell=cell, phase="phases", block=-1, timing=None, phases=phases(*communication))
    for block in range(BLOCKS):
        yield factories.trial(cell=cell, block=block, timing=timing(ranks))


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


def test_the_peak_of_a_rank_is_that_of_its_card_where_it_has_one():
    of_cards = [factories.memory(host_rss_bytes=400_000_000, device_allocated_bytes=peak) for peak in (7_000, 9_000)]
    made = [
        trial.model_copy(update={"timing": trial.timing.model_copy(update={"memory_of_ranks": of_cards})})
        if trial.phase == "timing"
        else trial
        for trial in trials(2)
    ]
    (two,) = factories.summarised(made, comparisons=[TWO], blocks=BLOCKS).scaling
    assert two.rank_peaks_bytes == [7_000, 9_000]


def test_without_one_rank_there_is_no_efficiency_and_the_reason_is_told():
    (two,) = summary(2).scaling
    assert two.efficiency is None
    assert two.unavailable == {"efficiency": "the same loop on one rank is not in this run"}


def test_the_share_of_communication_is_the_middle_over_steps_of_each_rank_and_none_of_one():
    one, two = summary(1, 2).scaling
    assert (one.communication_shares, one.exposed_shares) == ([0.0], [0.0])
    assert (two.communication_shares, two.exposed_shares) == ([0.5, 0.1], [0.25, 0.0])


@pytest.mark.parametrize(
    ("communication", "reason"),
    [
        ((), "no phases trial of it that looked at collectives"),
        ((UNSEEN, UNSEEN), "torch's profiler saw none of its collectives"),
        ((NO_STEP, NO_STEP), "torch's profiler saw none of its collectives"),
    ],
)
def test_communication_that_was_not_seen_is_unavailable_and_not_0(communication, reason):
    made = factories.summarised(list(trials(2, communication=communication)), comparisons=[TWO], blocks=BLOCKS)
    assert (made.scaling[0].communication_shares, made.scaling[0].exposed_shares) == ([], [])
    assert made.scaling[0].unavailable["communication_shares"] == reason
    assert any(reason in note for note in scaling.table(made).notes)


def test_a_run_on_one_rank_says_nothing_of_scaling():
    of_one = summary(1)
    assert of_one.scaling == []
    assert scaling.section(of_one) is None


def test_the_table_has_a_row_for_each_number_of_ranks():
    table = scaling.table(summary(1, 2))
    assert table.headers == (*scaling.NAMES, *scaling.FIGURES)
    one, two = table.texts
    assert one[:3] == ("64", "pytorch", "1")
    assert one[4:] == ("1", "400", "none", "0", "none", "none")
    assert two[:3] == ("64", "pytorch", "2")
    assert two[4:] == ("0.800 [0.800, 0.800]", "400 and 405", "1 allreduce", "10.6", "50 % and 10 %", "25 % and 0.0 %")


def test_of_two_strategies_each_is_held_against_one_rank_and_named_in_the_table():
    both = [*trials(1), *trials(2), *trials(2, strategy="fsdp")]
    comparisons = [ONE, TWO, factories.comparison(ranks=2, strategy="fsdp")]
    summarised = factories.summarised(both, comparisons=comparisons, blocks=BLOCKS)
    assert [entry.efficiency.value for entry in summarised.scaling] == [1.0, pytest.approx(0.8), pytest.approx(0.8)]
    table = scaling.table(summarised)
    assert table.headers == (*scaling.NAMES, "strategy", *scaling.FIGURES)
    assert [row[:4] for row in table.texts] == [
        ("64", "pytorch", "1", "-"), ("64", "pytorch", "2", "ddp"), ("64", "pytorch", "2", "fsdp"),
    ]  # fmt: skip
    assert titles(summarised) == ["mlp on cpu, 1 rank", "mlp on cpu, 2 ranks, DDP", "mlp on cpu, 2 ranks, FSDP"]


def test_a_strategy_is_named_where_it_is_not_the_usual_one():
    def conditions(**changes: str) -> list[str]:
        comparison = factories.comparison(ranks=2, **changes)
        made = factories.summarised(list(trials(2, **changes)), comparisons=[comparison], blocks=BLOCKS)
        return [text for text in shared_conditions(made) if text in ("2 ranks", "DDP", "FSDP")]

    assert (conditions(), conditions(strategy="fsdp")) == (["2 ranks"], ["2 ranks", "FSDP"])
