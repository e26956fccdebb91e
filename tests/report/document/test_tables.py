from __future__ import annotations

import re

import pandas as pd

from bench.records.schema import CellSummary
from bench.report.document import columns, tables
from bench.report.document.blocks import Table
from bench.report.document.groups import Group, groups
from bench.report.media import markdown
from tests.report.rows import NO_COUNTER, ON_HOST, baseline, different, estimate, failed, floor, row, summary_of


def group(*cells: CellSummary) -> Group:
    return groups(summary_of(*cells))[0]


def time_table(of: Group) -> Table:
    return tables.tabulated(of.cells, columns.TIME, tables.batch_and_runner)


def memory_table(of: Group) -> Table:
    return tables.tabulated(of.cells, columns.MEMORY, tables.batch_and_runner)


def import_table(*cells: CellSummary) -> Table:
    table = tables.import_table(summary_of(*cells))
    assert table.names is not None
    return tables.tabulated(table.cells, table.columns, table.names)


def texts(table: Table, runner: str) -> dict[str, str]:
    """One row of the table, by header."""
    (records,) = [
        record for record in frame(table).to_dict("records") if re.split("[ ,]", record["runner"])[0] == runner
    ]
    return {str(header): text for header, text in records.items()}


def frame(table: Table) -> pd.DataFrame:
    return pd.DataFrame(table.texts, columns=list(table.headers))


def test_the_figures_of_a_row() -> None:
    assert texts(time_table(group(baseline(), row())), "hf-trainer") == {
        "batch": "64",
        "runner": "hf-trainer",
        "step time µs": "681 ±1.3 %",
        "samples/s": "94,100",
        "ratio": "1.88 [1.85, 1.90]",
        "overhead µs/step": "+318 [312, 325]",
        "p95 µs": "712",
        "p99 µs": "1,230",
    }
    assert texts(memory_table(group(row())), "hf-trainer") == {
        "batch": "64",
        "runner": "hf-trainer",
        "host MB": "320",
        "first step ms": "51.2",
        "epoch µs": "402",
    }


def test_the_baseline_has_no_ratio_to_itself() -> None:
    shown = texts(time_table(group(baseline(), row())), "pytorch")
    assert (shown["ratio"], shown["overhead µs/step"]) == ("baseline", "baseline")


def test_no_difference_is_a_tilde() -> None:
    same = row(ratio=estimate(1.001, 0.99, 1.01), overhead_us=estimate(2, 1, 3))
    shown = texts(time_table(group(same)), "hf-trainer")
    assert (shown["ratio"], shown["overhead µs/step"]) == ("~", "~")


def test_an_overhead_alone_may_be_a_tilde() -> None:
    barely = row(ratio=estimate(1.02, 1.01, 1.03), overhead_us=estimate(7, -1, 12))
    shown = texts(time_table(group(barely)), "hf-trainer")
    assert (shown["ratio"], shown["overhead µs/step"]) == ("1.02 [1.01, 1.03]", "~")


def test_an_epoch_that_costs_nothing_beyond_its_steps_is_a_tilde() -> None:
    table = memory_table(group(baseline(), row(epoch_boundary_us=estimate(-3.2, -9, 4))))
    assert frame(table)["epoch µs"].tolist() == ["402", "~"]


def test_rows_go_by_batch_size_then_by_the_order_of_the_command() -> None:
    cells = [cell for size in (512, 8) for cell in (row(batch_size=size), baseline(batch_size=size))]
    assert frame(time_table(group(*cells)))[["batch", "runner"]].to_numpy().tolist() == [
        ["8", "hf-trainer"],
        ["8", "pytorch"],
        ["512", "hf-trainer"],
        ["512", "pytorch"],
    ]


def test_a_failed_cell_is_a_row_with_its_reason() -> None:
    table = time_table(group(baseline(), failed()))
    shown = texts(table, "lightning")
    assert shown.pop("batch") == "64"
    assert shown.pop("runner") == "lightning"
    assert shown.pop("step time µs") == "out of memory (1)"
    assert set(shown.values()) == {"-"}
    assert table.notes == ("OutOfMemoryError: tried to allocate 2 GiB",)


def test_a_loop_that_is_not_equal_has_its_ratio_withheld() -> None:
    table = time_table(group(baseline(), different(ratio=estimate(1.8, 1.7, 1.9))))
    shown = texts(table, "fabric")
    assert (shown["ratio"], shown["overhead µs/step"]) == ("withheld (1)", "withheld (1)")
    assert shown["step time µs"] == "681 ±1.3 %"
    assert table.notes == ("different: loss of micro-step 2: 0.69 against 0.7",)


def test_failed_trials_of_a_cell_that_has_figures_are_noted() -> None:
    table = time_table(group(baseline(), row(failed_trials=2, reason="killed by signal 9")))
    assert texts(table, "hf-trainer")["runner"] == "hf-trainer (1)"
    assert table.notes == ("2 of 20 trials failed: killed by signal 9",)


def test_a_column_that_nobody_has_is_left_out_once_for_all() -> None:
    table = memory_table(group(baseline(), row(), failed()))
    assert "allocated MB" not in table.headers
    assert table.left_out == (
        f"Left out: allocated MB, reserved MB and process MB. Reason: {ON_HOST}.",
        f"Left out: J per 1,000 samples. Reason: {NO_COUNTER}.",
    )


def test_a_figure_that_some_rows_lack_is_unavailable_with_a_note() -> None:
    on_device = {"device_memory_bytes": {"allocated": 17.25e6, "reserved": 23e6}}
    no_process = {"device_memory_bytes.process": "NVML cannot be asked.", "joules_per_1000_samples": NO_COUNTER}
    lacking = {"unavailable": no_process | {"device_memory_bytes.reserved": "torch did not say"}}
    with_all = row(**{"device_memory_bytes": on_device["device_memory_bytes"], "unavailable": no_process})
    with_one = baseline(**{"device_memory_bytes": {"allocated": 17e6}, **lacking})
    table = memory_table(group(with_all, with_one))
    assert frame(table)[["allocated MB", "reserved MB"]].to_numpy().tolist() == [
        ["17.2", "23.0"],
        ["17.0", "unavailable (1)"],
    ]
    assert table.notes == ("torch did not say",)
    assert table.left_out == (
        "Left out: process MB. Reason: NVML cannot be asked.",
        f"Left out: J per 1,000 samples. Reason: {NO_COUNTER}.",
    )


def test_a_table_with_all_that_belongs_below_it() -> None:
    assert markdown.Writer().table(memory_table(group(row("a|b.py"), failed()))) == (
        "| batch | runner    |           host MB | first step ms | epoch µs |\n"
        "|-------|-----------|-------------------|---------------|----------|\n"
        "| 64    | a\\|b.py   |               320 |          51.2 |      402 |\n"
        "| 64    | lightning | out of memory (1) |             - |        - |\n"
        "\n"
        f"Left out: allocated MB, reserved MB and process MB. Reason: {ON_HOST}.\n\n"
        f"Left out: J per 1,000 samples. Reason: {NO_COUNTER}.\n"
        "\n"
        "1. OutOfMemoryError: tried to allocate 2 GiB"
    )


def test_a_table_fits_a_screen() -> None:
    slow = {
        "step_time_us": estimate(12_345, 12_200, 12_500),
        "samples_per_second": estimate(1_234_567, 1_200_000, 1_250_000),
        "overhead_us": estimate(5_432, 5_380, 5_480),
        "step_p95_us": 12_900.0,
        "step_p99_us": 13_400.0,
    }
    text = markdown.Writer().table(time_table(group(baseline(batch_size=2048), row(batch_size=2048, **slow))))
    assert max(map(len, text.splitlines())) <= 112


def test_imports_once_a_runner_with_a_figure_if_any_cell_has_one() -> None:
    cells = [row(batch_size=size, import_s=import_s) for size, import_s in ((8, None), (64, 2.54), (512, 9.9))]
    assert frame(import_table(*cells)).to_dict("records") == [
        {"runner": "hf-trainer", "import s": "2.54", "import MB": "301"}
    ]


def test_imports_tell_environments_apart_where_there_are_several() -> None:
    cells = [row(environment=name, import_s=import_s) for name, import_s in (("old", 2.0), ("new", 3.0))]
    assert frame(import_table(*cells))[["environment", "import s"]].to_numpy().tolist() == [
        ["old", "2.00"],
        ["new", "3.00"],
    ]


def test_a_pivot_has_a_row_a_batch_size_and_a_column_a_runner() -> None:
    cells = [row(batch_size=8), row(batch_size=64), floor(batch_size=64)]
    pivoted = tables.pivot(group(*cells), ["floor", "hf-trainer"], lambda cell: cell.runner[0] + str(cell.batch_size))
    assert pivoted.headers == ("batch", "floor", "hf-trainer")
    assert [row.texts for row in pivoted.rows] == [("8", "-", "h8"), ("64", "f64", "h64")]
    assert [row.facets["batch size"] for row in pivoted.rows] == ["8", "64"]


def test_the_tidy_frame_has_every_figure_under_its_unit() -> None:
    frame = tables.frames(summary_of(row(), failed()))["cells"]
    first = frame.loc[0]
    assert (first["step_time_us"], first["step_time_us_low"], first["step_time_us_high"]) == (681, 675, 690)
    assert (first["runner"], first["equivalence_verdict"], first["host_rss_bytes"]) == (
        "hf-trainer",
        "bitwise",
        320.4e6,
    )
    assert frame.loc[1, "reason"] == "OutOfMemoryError: tried to allocate 2 GiB"
    assert pd.isna(frame.loc[1, "ratio_low"])


def test_tidy_frames_have_the_same_columns_whatever_is_missing() -> None:
    whole, empty = (tables.frames(summary_of(cell))["cells"] for cell in (row(length=None), failed()))
    assert list(whole.columns) == list(empty.columns)
    assert {"length_steps_per_epoch", "device_step_time_us_low", "device_memory_bytes_allocated"} <= set(whole.columns)
    assert "length" not in whole.columns


def test_the_second_tidy_frame_says_why_a_figure_is_missing() -> None:
    frame = tables.frames(summary_of(row(unavailable={"import_s": "never alone"}), baseline(unavailable={})))[
        "unavailable"
    ]
    assert frame[["runner", "figure", "reason"]].to_numpy().tolist() == [["hf-trainer", "import_s", "never alone"]]
    none = tables.frames(summary_of(row(unavailable={})))["unavailable"]
    assert list(none.columns[-2:]) == ["figure", "reason"]


def test_why_a_figure_is_missing_in_all_cells_is_said_once_and_of_no_cell() -> None:
    shared = {"joules_per_1000_samples": "no counters"}
    cells = (row(unavailable={"import_s": "never alone"} | shared), baseline(unavailable=shared))
    frame = tables.frames(summary_of(*cells))["unavailable"][["runner", "figure", "reason"]]
    assert frame.isna().to_numpy().tolist() == [[True, False, False], [False, False, False]]
    assert frame.loc[0, "figure"] == "joules_per_1000_samples"
    assert frame.loc[1].tolist() == ["hf-trainer", "import_s", "never alone"]


def test_a_ratio_inside_the_noise_floor_is_a_tilde_either_way() -> None:
    for value in (1.009, 1 / 1.009):
        known = {"ratio": estimate(value, value - 0.001, value + 0.001)}
        inside, outside = row(**known, noise_floor=0.01), row(**known, noise_floor=0.008)
        assert texts(time_table(group(inside)), "hf-trainer")["ratio"] == "~"
        assert texts(time_table(group(outside)), "hf-trainer")["ratio"] != "~"


def test_what_the_collector_pauses_has_a_table() -> None:
    cell = row(collector_pauses_per_1000_steps=2.5, collector_pause_us=4120.0, collector_us_per_step=10.3)
    assert texts(tables.tabulated([cell], columns.COLLECTOR, tables.batch_and_runner), "hf-trainer") == {
        "batch": "64",
        "runner": "hf-trainer",
        "pauses per 1,000 steps": "2.50",
        "ms each": "4.12",
        "µs per step": "10.3",
    }
