"""What a run's reader is warned of, by evidence in which one thing is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.analyse.warnings import name
from bench.records.schema import Compilation, CompilationFigures
from bench.report.kinds.compare import tables as compare
from tests.factories import cell, comparison, summarised, summary, timed, timing, trial

if TYPE_CHECKING:
    from bench.records.schema import Trial


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({}, "train.py at batch 64 of mlp on cpu"),
        ({"precision": "bf16"}, "train.py at batch 64 of mlp on cpu, precision=bf16"),
        ({"workload": "script", "batch_size": 0}, "train.py on cpu"),
        ({"workload": "script", "batch_size": 0, "workers": 2}, "train.py on cpu, workers=2"),
    ],
)
def test_a_cell_is_named_by_what_is_trained_and_a_script_trains_its_own(where: dict[str, Any], words: str) -> None:
    assert name(cell("train.py", **where)) == words
    assert compare.where([cell("train.py", **where)]) == words


def test_a_quiet_run_has_no_warnings() -> None:
    assert summary().warnings == []


def test_too_few_blocks_say_how_many_are_needed_in_one_sentence_for_all_cells() -> None:
    assert summary(blocks=3).warnings == [
        "pytorch at batch 64 of mlp on cpu and 5 more: 3 blocks, but a 95 % interval needs 6"
    ]


def test_a_compiler_that_worked_in_timed_steps_is_told_and_what_it_did_stands_in_the_row() -> None:
    compiled = cell(compile=True)
    proof = Compilation(seconds=49.0, graphs=1, graph_breaks=2)
    timed_too = [Compilation(seconds=s, graphs=2, graph_breaks=2, in_turns=n) for s, n in ((3.0, 0), (4.0, 1))]
    summary = summarised(
        [
            trial(cell=compiled, phase="equivalence", block=-1, compilation=proof),
            *(trial(cell=compiled, block=block, compilation=each) for block, each in enumerate(timed_too)),
        ],
        comparisons=[compiled.comparison],
    )
    assert summary.cells[0].compilation == CompilationFigures(
        seconds=3.5, first_seconds=49.0, graphs=2, graph_breaks=2, in_turns=1
    )
    assert summary.warnings[-1] == (
        "pytorch at batch 64 of mlp on cpu, compile=True: torch.compile compiled again in its timed steps, once; "
        "--warmup gives it more steps before"
    )


def test_clocks_that_contradict_each_other_are_told() -> None:
    stopped = timing([100.0] * 59 + [0.0])
    summary = summarised([trial(step_us=100), trial(block=1, timing=stopped)])
    assert summary.warnings == [
        "pytorch at batch 64 of mlp on cpu: 1 of 2 trials contradict themselves; in the last, one of its steps took no "
        "time at all",
        "pytorch at batch 64 of mlp on cpu: 2 blocks, but a 95 % interval needs 6",
    ]


def test_a_host_that_runs_far_ahead_of_its_device_is_no_contradiction() -> None:
    ahead = timing([0.0] * 60, device="cuda", device_step_us=[100.0] * 60)
    summary = summarised([trial(cell=cell(device="cuda"), timing=ahead)], comparisons=[comparison(device="cuda")])
    assert not any("contradict" in warning for warning in summary.warnings)


def test_a_machine_that_slows_down_is_told() -> None:
    summary = summarised(timed("pytorch", [100, 101, 102, 103, 104, 105, 106, 107]))
    assert summary.warnings == [
        "pytorch at batch 64 of mlp on cpu: step time moved by +3.9 % from the first half of the blocks to the last; "
        "ratios are formed inside a block and bear it, step times do not"
    ]


@pytest.mark.parametrize(
    "steps_us",
    [
        [100, 100.5, 101, 101.5, 102, 102.5, 103, 103.5],  # a trend, but of 2 %
        [107, 100, 103, 101, 106, 104, 102, 105],  # large, but no trend
    ],
)
def test_a_small_trend_or_a_mere_scatter_is_no_drift(steps_us: list[float]) -> None:
    assert not any("moved by" in warning for warning in summarised(timed("pytorch", steps_us)).warnings)


def test_trials_that_spread_widely_are_told() -> None:
    summary = summarised(timed("pytorch", [100, 108, 92, 104, 96, 100]))
    assert summary.warnings == [
        "pytorch at batch 64 of mlp on cpu: the middle half of its trials spans 6.0 % of their median step time; "
        "is something else running?"
    ]


def test_many_that_spread_widely_are_told_once_with_the_worst() -> None:
    spread = [100, 108, 92, 104, 96, 100]
    wider = [100, 116, 84, 108, 92, 100]
    summary = summarised([*timed("pytorch", spread), *timed("lightning", wider)], "pytorch", "lightning")
    assert [warning for warning in summary.warnings if "middle half" in warning] == [
        "lightning at batch 64 of mlp on cpu: the middle half of its trials spans 12.0 % of their median step time "
        "(of 2 such cells the worst); is something else running?"
    ]


def test_many_in_two_groups_are_told_once_with_those_that_are_farthest_apart() -> None:
    near, far = ([low] * 6 + [high] * 6 for low, high in ((100, 105), (100, 110)))
    summary = summarised([*timed("pytorch", near), *timed("lightning", far)], "pytorch", "lightning")
    assert [warning for warning in summary.warnings if "two groups" in warning] == [
        "lightning at batch 64 of mlp on cpu: its trials form two groups, around 100 µs (6) and 110 µs (6) "
        "(of 2 such cells the farthest apart)"
    ]


def test_trials_in_two_groups_are_told() -> None:
    summary = summarised(timed("pytorch", [100, 100.5, 105, 101, 105.5, 100, 106, 105, 100.5, 101, 105.5, 106]))
    assert summary.warnings == [
        "pytorch at batch 64 of mlp on cpu: its trials form two groups, around 100.5 µs (6) and 105.5 µs (6)"
    ]


def test_a_few_slow_trials_are_not_a_group() -> None:
    summary = summarised(timed("pytorch", [100, 100.5, 101, 100.2, 100.7, 100, 120, 100.9, 100.5, 101, 130, 100.1]))
    assert summary.warnings == []


def test_an_even_scatter_is_not_two_groups() -> None:
    summary = summarised(timed("pytorch", [116, 100, 118, 102, 120, 104, 122, 106, 124, 108, 126, 110]))
    assert [warning for warning in summary.warnings if "two groups" in warning] == []


def test_a_cell_is_named_with_what_is_not_the_default() -> None:
    unusual = {"device": "cuda:1", "batch_size": 2048, "precision": "bf16", "workers": 2}
    summary = summarised([trial(cell=cell(**unusual))], comparisons=[comparison(**unusual)])
    assert summary.warnings[0].startswith(
        "pytorch at batch 2,048 of mlp on cuda:1, precision=bf16, workers=2: 1 block,"
    )


def paused(pauses: int) -> list[float]:
    """Ten turns of which so many have a kept step that takes 3 ms; the other steps take 100 µs."""
    return [3000.0 if step % 6 == 3 and step < 6 * pauses else 100.0 for step in range(60)]


def test_steps_that_pause_are_told_once_for_all_runners_at_a_batch_size() -> None:
    trials = [trial(runner, block=block, step_us=paused(1 + (runner != "pytorch"))) for runner in ("pytorch", "fabric")
              for block in range(6)]  # fmt: skip
    # Of 40 kept steps two take 3 ms: 245 µs on average.
    assert [warning for warning in summarised(trials, "pytorch", "fabric").warnings if "all in all" in warning] == [
        "fabric at batch 64 of mlp on cpu: all in all it takes 2.5 times as long as its steps (of 2 such runners the "
        "worst): samples/s has its pauses and ends of epochs, step time and ratio have not"
    ]


def test_pauses_of_the_collector_are_told_with_the_others() -> None:
    plain = timing(100.0)
    assert plain.turns is not None
    collected = plain.turns.model_copy(update={"pauses_ns": dict.fromkeys(range(2, 60, 10), 400_000)})  # 40 %
    steps_ns = [ns + collected.pauses_ns.get(step, 0) for step, ns in enumerate(plain.step_ns)]
    clock = plain.model_copy(update={"step_ns": steps_ns, "turns": collected})
    warnings = summarised([trial(block=block, timing=clock) for block in range(6)]).warnings
    assert warnings == [
        "pytorch at batch 64 of mlp on cpu: all in all it takes 1.4 times as long as its steps: samples/s has its "
        "pauses and ends of epochs, step time and ratio have not"
    ]


def test_a_trial_that_is_hardly_longer_than_its_steps_is_not() -> None:
    assert summarised(timed("pytorch", [100.0] * 6)).warnings == []
    pausing = [120.0 if step % 6 == 3 else 100.0 for step in range(60)]
    assert summarised(timed("pytorch", [pausing] * 6)).warnings == []


def three_loops(pytorch_us: list[float], floor_us: list[float], hf_trainer_us: list[float]) -> list[Trial]:
    by_loop = {"pytorch": pytorch_us, "floor": floor_us, "hf-trainer": hf_trainer_us}
    proofs = [trial(loop, phase="equivalence", block=-1) for loop in by_loop]
    return [*proofs, *(trial for loop, steps_us in by_loop.items() for trial in timed(loop, steps_us))]


def test_a_block_that_alone_makes_ratios_unknown_is_told_once() -> None:
    quiet = [200.0, 201.0, 202.0, 201.0, 200.0, 200.5]
    disturbed = [200.0, 201.0, 202.0, 320.0, 200.0, 200.5]
    runners = ("pytorch", "floor", "hf-trainer")
    summary = summarised(three_loops(quiet, disturbed, quiet), *runners)
    # 320 / 201 = 1.592 is the upper bound, 1 the lower one; else both are 1
    assert summary.warnings == [
        "floor at batch 64 of mlp on cpu: block 4 is an outlier: "
        "the ratio's CI is ±26 % with it, ±0.0 % without; run more blocks"
    ]
    (both,) = summarised(three_loops(disturbed, quiet, quiet), *runners).warnings
    assert "block 4 is an outlier: the ratio's CI is ±26 % with it, ±0.0 % without (of 2 such ratios the worst)" in both


def test_no_block_is_blamed_for_ratios_that_vary_as_widely_everywhere_or_that_are_known() -> None:
    quiet = [200.0, 201.0, 202.0, 201.0, 200.0, 200.5]
    everywhere = [200.0, 230.0, 180.0, 240.0, 190.0, 210.0]
    a_little = [200.0, 201.0, 202.0, 210.0, 200.0, 200.5]
    summary = summarised(three_loops(quiet, everywhere, a_little), "pytorch", "floor", "hf-trainer")
    assert not any("only because of" in warning for warning in summary.warnings)


@pytest.mark.parametrize(
    ("clocks_mhz", "moved"),
    [
        ([(1980, 1980), (1980, 1890)], None),  # a twentieth is nothing
        ([None, None], None),
        ([(1980, 1980), (1980, 1410)], "its card's clock fell from 1,980 to 1,410 MHz in its turns; "),
        ([(345, 1980), (1950, 1980)], "its card's clock rose from 345 to 1,980 MHz in its turns; "),
        (
            [(1980, 1410), (1980, 1700)],
            "its card's clock fell from 1,980 to 1,410 MHz in its turns, the most of 2 such trials; ",
        ),
    ],
)
def test_a_card_whose_clock_moves_while_trials_take_their_turns_is_told(clocks_mhz, moved) -> None:
    clocks = [timing(device="cuda", sm_clock_mhz=None if each is None else list(each)) for each in clocks_mhz]
    trials = [trial(cell=cell(device="cuda"), block=block, timing=clock) for block, clock in enumerate(clocks)]
    warnings = summarised(trials, comparisons=[comparison(device="cuda")]).warnings
    of_clock = [warning for warning in warnings if "clock" in warning]
    rest = "ratios are formed inside a cycle and bear it, step times do not"
    assert of_clock == ([] if moved is None else [f"pytorch at batch 64 of mlp on cuda: {moved}{rest}"])
