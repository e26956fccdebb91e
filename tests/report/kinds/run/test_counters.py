"""The section of counters: how steady they are, and functions of any length in a table no wider than a screen."""

from __future__ import annotations

from bench.records.schema import AttributionRow, CounterFigures
from bench.report.document.blocks import Document
from bench.report.document.groups import groups
from bench.report.kinds.run.counters import section
from bench.report.media import markdown
from tests import factories
from tests.report.rows import baseline, row, summary_of

COUNTERS = CounterFigures(python_calls=1234, c_calls=1234, ops=1234, syncs=6)


def functions(**figures: tuple[int, int]) -> str:
    rows = [
        AttributionRow(
            cell=factories.cell("hf-trainer"), counter=counter, file="pytorch_lightning/loops/training_epoch_loop.py",
            function="_TrainingEpochLoop._num_ready_batches_reached", line=1442, baseline=before, candidate=after,
            delta=after - before,
        )
        for counter, (before, after) in figures.items()
    ]  # fmt: skip
    summary = summary_of(baseline(counters=COUNTERS), row(counters=COUNTERS))
    summary = summary.model_copy(update={"attribution": rows})
    return markdown.written(Document(title="x", blocks=(section(summary, groups(summary)),)))


def test_a_table_of_functions_fits_a_screen():
    sentence = functions(python_calls=(1000, 2234), exclusive_ns=(1_000_000, 3_345_678))
    lines = [line for line in sentence.splitlines() if line.startswith("|")]
    assert any("…m_ready_batches_reached" in line and "+1,234" in line and "2,346" in line for line in lines)
    assert max(map(len, lines)) <= 120


def test_a_run_without_own_times_has_no_column_for_them():
    sentence = functions(python_calls=(0, 12))
    assert "own time" not in sentence
    assert "0 \N{RIGHTWARDS ARROW} 12" in sentence


def shares(share: float) -> str:
    summary = summary_of(row(counters=COUNTERS.model_copy(update={"share": {"ops": share}})))
    return markdown.written(Document(title="x", blocks=(section(summary, groups(summary)),)))


def test_counts_that_few_steps_show_are_not_called_those_of_every_step():
    assert "Counts are the same in every steady step (hf-trainer: in at least 98 %)." in shares(0.98)
    few = "Counts differ from step to step, and the most frequent ones are given (hf-trainer: in at least 16 %)."
    assert few in shares(0.16)
