"""What the report says of phases and of a run that only counted."""

from bench.report.document.blocks import Document
from bench.report.document.groups import groups
from bench.report.kinds.run.phases import section
from bench.report.kinds.run.sentences import answers, split
from bench.report.media import markdown
from tests.report.rows import baseline, row, summary_of

PHASES = {"data": 100.0, "forward": 50.0, "backward": 80.0, "optimizer": 120.0, "rest": 50.0}


def report_of(summary):
    return markdown.written(Document(title="x", blocks=(section(groups(summary)),)))


def test_phases_are_told_largest_first_with_their_shares():
    assert split(row(phases_us=PHASES)) == (
        "hf-trainer: the optimizer 120 µs (30 %), waiting for data 100 µs (25 %), the backward pass 80.0 µs (20 %), "
        "the forward pass 50.0 µs (12 %) and the loop itself 50.0 µs (12 %)."
    )


def test_a_phase_that_takes_nothing_is_left_out():
    assert "waiting" not in split(row(phases_us={**PHASES, "data": 0.0}))


def test_the_section_says_how_far_its_runs_are_from_the_timed_ones():
    step_us = row().step_time_us.value
    slow = {**PHASES, "rest": 1.1 * step_us - 350.0}
    text = report_of(summary_of(row(phases_us=slow)))
    assert "longer than the timed ones by 10 % (median)" in text


def test_without_phases_the_section_says_so():
    assert "Unavailable: this run has no good trial of the phases pass." in report_of(summary_of(row()))


def test_a_run_that_only_counted_answers_in_counts():
    untimed = {"samples_per_second": None, "step_time_us": None, "ratio": None, "overhead_us": None}
    counts = {"python_calls": 266, "ops": 233, "syncs": 6}
    more = {"python_calls": 600, "ops": 235, "syncs": 7}
    summary = summary_of(baseline(counters=counts, tensor_bytes=75_600, **untimed), row(counters=more, **untimed))
    assert answers(groups(summary)[0]) == [
        "pytorch: 266 Python calls, 233 ops and 6 syncs per step at batch 64, 75.6 kB of tensors.",
        "hf-trainer: 600 (+334) Python calls, 235 (+2) ops and 7 (+1) syncs per step at batch 64.",
    ]
