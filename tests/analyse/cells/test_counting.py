"""Counts of two fresh interpreters become figures, and are subtracted from the baseline's."""

from typing import Any

from bench.analyse.summary import summarise
from bench.records.schema import Count, Counters, FunctionCounts, Summary
from bench.report.kinds.run import report as run_report
from bench.report.media import markdown
from tests.factories import run, trial

STEP = {"file": "loop.py", "function": "train", "line": 7}
PREPARE = {"file": "transformers/trainer.py", "function": "Trainer._prepare_input", "line": 99}


def counters(python_calls: int, functions: list[FunctionCounts], **changes: Any) -> Counters:
    usual = {"c_calls": 214, "ops": 233, "syncs": 6, "tensor_bytes": 75_580}
    counts = {name: Count(value=value, share=0.9) for name, value in usual.items()}
    counts["python_calls"] = Count(value=python_calls, share=1.0)
    why_not = dict.fromkeys(("kernels", "device_syncs", "allocations"), "the device is the host")
    fields = {"ops_by_name": {}, "tensor_bytes_by_category": {}, "unavailable": why_not}
    return Counters(steady_steps=11, functions=functions, **counts | fields | changes)


def counted(*, second: Counters | None = None) -> Summary:
    pytorch = counters(266, [FunctionCounts(**STEP, python_calls=266)])
    trainer = counters(882, [FunctionCounts(**STEP, python_calls=260), FunctionCounts(**PREPARE, python_calls=622)])
    passes = [("pytorch", pytorch), ("pytorch", pytorch), ("hf-trainer", trainer), ("hf-trainer", second or trainer)]
    counts = [
        trial(runner, phase="counting", block=-1, replicate=index % 2, counters=each)
        for index, (runner, each) in enumerate(passes)
    ]
    timed = [trial(runner, phase=phase) for runner in ("pytorch", "hf-trainer") for phase in ("equivalence", "timing")]
    return summarise(run(runners=["pytorch", "hf-trainer"]), [*counts, *timed])


def report_of(summary):
    return markdown.written(run_report.document(summary, "results/a"))


def test_counts_are_figures_of_their_cell():
    pytorch, trainer = counted().cells
    assert (pytorch.counters.python_calls, trainer.counters.python_calls) == (266, 882)
    assert trainer.tensor_bytes == 75_580
    assert trainer.counters.share["ops"] == 0.9
    assert trainer.counters.not_repeated == []
    assert trainer.counters.kernels is None
    assert trainer.unavailable["counters.kernels"] == "the device is the host"


def test_a_count_that_does_not_repeat_is_marked_and_not_averaged():
    other = counters(884, [FunctionCounts(**STEP, python_calls=884)], ops=Count(value=231, share=1.0))
    trainer = counted(second=other).cells[1]
    assert trainer.counters.python_calls == 882
    assert trainer.counters.not_repeated == ["ops", "python_calls"]
    assert "ops, python_calls of hf-trainer at batch 64" in report_of(counted(second=other))


def test_functions_are_subtracted_from_the_baseline_s():
    rows = [(row.cell.runner, row.counter, row.function, row.delta) for row in counted().attribution]
    assert rows == [
        ("hf-trainer", "python_calls", "Trainer._prepare_input", 622),
        ("hf-trainer", "python_calls", "train", -6),
    ]


def test_the_report_says_where_the_extra_work_comes_from():
    report = report_of(counted())
    assert "Counted twice, in fresh interpreters: every figure repeated exactly." in report
    assert "hf-trainer: 616 extra Python calls per step: +622 in transformers/trainer.py" in report
    assert "| hf-trainer |          882 |" in report


def test_a_count_that_is_missing_without_a_reason_is_unavailable_all_the_same():
    nameless = counters(882, [], unavailable={"kernels": "no profiler"})
    _, trainer = counted(second=nameless).cells
    assert trainer.unavailable["counters.kernels"] == "the device is the host"  # the first counted says why
    trial_of = trial(phase="counting", block=-1, counters=nameless)
    (pytorch,) = summarise(run(runners=["pytorch"]), [trial_of, trial(phase="equivalence"), trial()]).cells
    assert pytorch.unavailable["counters.kernels"] == "no profiler"
    assert pytorch.unavailable["counters.allocations"] == "it was not counted"


def test_the_tensors_of_a_compiled_loop_that_is_not_timed_are_missing_because_it_is_compiled():
    compiled = counters(882, [], tensor_bytes=None, unavailable={"tensor_bytes": "torch runs it uncompiled then"})
    trials = [trial(phase="counting", block=-1, counters=compiled), trial(phase="equivalence")]
    (row,) = summarise(run(runners=["pytorch"], passes=["equivalence", "counting"]), trials).cells
    assert row.unavailable["tensor_bytes"] == "torch runs it uncompiled then"


def test_a_run_without_counts_says_so():
    summary = summarise(run(runners=["pytorch"]), [trial(), trial(phase="equivalence")])
    assert summary.cells[0].counters is None
    assert summary.cells[0].unavailable["counters"] == "the counting pass has no good trial of this cell"
    assert "Unavailable: this run has no good trial of the counting pass." in report_of(summary)
