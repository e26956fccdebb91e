"""The table of figures knows every figure that a summary can hold, and nothing else."""

from pathlib import Path
from typing import get_args

import pytest

from bench.analyse.cells.counting import count
from bench.analyse.cells.trial_figures import TrialFigures
from bench.plan import bisect
from bench.records import metrics, store
from bench.records.base import Phase
from bench.records.metric import Table
from bench.records.metrics import METRICS, metric, metrics_of
from bench.records.schema import (
    Cell,
    CellSummary,
    CompilationFigures,
    CounterFigures,
    Counters,
    DeviceMemory,
    Estimate,
    FunctionCounts,
    Memory,
    Summary,
)
from bench.report.document import columns
from bench.report.kinds.run import grid
from tests import checks
from tests.report.rows import row

RESULTS = Path(__file__).parent.parent.parent / "results"
STANDARD = Summary.model_validate_json(next(RESULTS.glob(f"*-standard-cpu/{store.SUMMARY}")).read_bytes())
NO_FIGURES = {"status", "reason", "blocks", "trials", "failed_trials", "length", "equivalence", "setup", "unavailable"}
"""What a row of a summary has besides what is measured; of its steps' spread there is a list, for a chart."""
SEVERAL = {
    "device_memory_bytes": list(DeviceMemory.model_fields),
    "counters": [name for name in CounterFigures.model_fields if name not in ("share", "not_repeated")],
    "compilation": list(CompilationFigures.model_fields),
    "phases_us": list(get_args(Phase)),
    "tensor_bytes_by_category": sorted(
        {name for cell in STANDARD.cells for name in cell.tensor_bytes_by_category or {}}
    ),
}
"""The fields of a row that have several figures, and their names."""


def test_every_figure_of_a_row_has_its_row_in_the_table_and_no_other_has():
    one = set(CellSummary.model_fields) - set(Cell.model_fields) - NO_FIGURES - {"step_quantiles_us", *SEVERAL}
    several = {f"{field}.{part}" for field, parts in SEVERAL.items() for part in parts}
    assert {figure.path for figure in METRICS} == one | several
    assert len({figure.key for figure in METRICS}) == len(METRICS)


@pytest.mark.parametrize("each", METRICS, ids=lambda each: each.key)
def test_a_row_of_the_table_says_where_its_figure_is(each):
    field = CellSummary.model_fields.get(each.path)
    assert each.interval == (field is not None and Estimate in get_args(field.annotation))
    if each.trial:
        known = {*TrialFigures.__dataclass_fields__, *(f"memory.{name}" for name in Memory.model_fields)}
        assert each.trial in known
    assert (each.path in Counters.model_fields or each.key in Counters.model_fields) == (
        each.exact and each.group is not None
    )
    assert bool(each.table) == bool(each.header)


@pytest.mark.parametrize("each", [figure for figure in METRICS if figure.group is not None], ids=lambda each: each.key)
def test_what_can_be_judged_says_by_what(each):
    asked = {each.margin_of(0.05, 0.01), each.margin_of(0.05)}
    expected = {"time": {0.01, 0.05}, "memory": {0.05}, "start": {0.05}, "counters": {None}}
    assert asked == expected[each.group]
    assert each.lower_is_better == (each.key != "samples_per_second")


def test_everything_that_is_judged_and_told_has_words():
    assert {counter.key for counter in metrics.BY_FUNCTION} == set(FunctionCounts.model_fields) - {
        "file",
        "function",
        "line",
    }
    assert all(counter.noun for counter in metrics.BY_FUNCTION)
    followed = [bisect.figure_of(name) for name in bisect.METRICS]
    assert set(followed) == {*metrics.EXACT, metric("step_time_us")}
    assert all(each.verb for each in followed if each.exact)
    parted = [figure for figure in METRICS if figure.within and not figure.group] + [
        *metrics.parts("device_memory_bytes").values()
    ]
    assert all(each.legend for each in parted)


def test_every_verdict_is_on_a_figure_of_the_table():
    run = checks.planned(fail_on=["time", "memory", "start", "counters"])
    check = checks.ended(run, checks.timed(run, checks.steps(checks.QUIET)), checks.counted(run, checks.counters()))
    judged = {verdict.metric for verdict in check.verdicts}
    on_a_cpu = {
        figure.key
        for figure in METRICS
        if figure.group and not (figure.on_accelerator or figure.key.startswith("device_"))
    }
    assert judged == on_a_cpu
    assert {verdict.metric: verdict.margin is None for verdict in check.verdicts} == {
        key: metric(key).group == "counters" for key in judged
    }


def test_a_figure_over_the_hand_written_loop_s_is_that_figure():
    assert metric("step_time_us" + metrics.OVER) is metric("step_time_us")
    with pytest.raises(KeyError):
        metrics_of("step_time")


def test_a_row_gives_its_figures_wherever_they_are():
    cell = row(
        counters={"python_calls": 882},
        device_memory_bytes={"allocated": 17e6},
        phases_us={"data": 100.0, "rest": 50.0},
        tensor_bytes_by_category={"batch": 512},
    )
    keys = ("step_time_us", "python_calls", "device_allocated_bytes", "phase_data_us", "tensor_batch_bytes")
    assert [metric(key).value(cell) for key in keys] == [681, 882, 17e6, 100.0, 512]
    assert metric("step_time_us").estimate(cell) == Estimate(value=681, low=675, high=690)
    assert metric("tensor_gradients_bytes").value(cell) == 0  # none are alive at the peak
    assert [metric(key).value(row()) for key in ("kernels", "phase_data_us", "tensor_batch_bytes")] == [None] * 3
    assert metric("device_reserved_bytes").missing(cell) == cell.unavailable["device_memory_bytes.reserved"]
    assert metric("step_p50_us").missing(cell) is None


def test_every_table_has_the_columns_of_its_figures():
    tables = {
        "time": columns.TIME,
        "memory": columns.MEMORY,
        "compile": columns.COMPILE,
        "collector": columns.COLLECTOR,
        "whole": columns.WHOLE,
        "import": columns.IMPORT,
        "counters": columns.COUNTERS,
        "tensors": columns.TENSORS[:-1],
        "phases": columns.PHASES[:-1],
    }
    assert tables.keys() == {*get_args(Table)}
    table_of = {column.key: name for name, table in tables.items() for column in table}
    assert table_of == {figure.key: figure.table for figure in METRICS if figure.table}
    for kind, keys in grid.DROPPABLE.items():
        assert set(keys) < {column.key for column in grid.SHOWN[kind]}


def test_a_count_is_taken_from_the_first_interpreter_that_counted():
    counters = checks.counters(syncs=7)
    assert (count(counters, "syncs"), count(counters, "kernels")) == (7, None)


def test_a_row_tells_all_figures_that_it_has_and_no_other():
    figures = {each.key: estimate for each, estimate in metrics.known(row(noise_floor=0.012, import_torch_s=1.9))}
    assert (figures["noise_floor"].value, figures["import_torch_s"].value, figures["ratio"].low) == (0.012, 1.9, 1.855)
    assert not figures.keys() & {"device_allocated_bytes", "python_calls", "phase_data_us"}
