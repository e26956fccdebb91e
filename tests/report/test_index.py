from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bench.records import store
from bench.report.index import entry, entry_of_json, index, overheads
from tests.report.rows import baseline, different, estimate, failed, floor, row, summary_of


def cells_of(line: str) -> list[str]:
    return [text.strip() for text in line.strip("|").split("|")]


def test_one_line_a_run() -> None:
    summary = summary_of(*(make(device="cuda") for make in (baseline, row, failed)), cards=("Imaginary GPU",))
    lines = index([entry("20260102T030405Z-quick", summary)]).splitlines()
    assert cells_of(lines[6]) == [
        "[20260102T030405Z-quick](<20260102T030405Z-quick/report.md>)",
        "2026-01-02 03:04",
        "Imaginary CPU @ 2.00GHz and Imaginary GPU",
        "cuda",
        "mlp",
        "2.13.0",
        "5.23.0",
        "-",
        "3, 1 failed",
        "mlp on cuda, batch 64: hf-trainer 1.88\N{MULTIPLICATION SIGN} (+318 µs), lightning out of memory",
    ]


def test_the_newest_run_comes_first_whatever_its_zone() -> None:
    hour = timedelta(hours=1)
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    times = {"old": noon, "new": (noon + hour).astimezone(timezone(-5 * hour)), "oldest": noon - hour}
    entries = [entry(folder, summary_of(row(), started_at=moment)) for folder, moment in times.items()]
    lines = index(entries).splitlines()[6:]
    assert [cells_of(line)[:2] for line in lines] == [
        ["[new](<new/report.md>)", "2026-01-02 13:00"],
        ["[old](<old/report.md>)", "2026-01-02 12:00"],
        ["[oldest](<oldest/report.md>)", "2026-01-02 11:00"],
    ]


def test_what_loops_add_at_the_middle_batch_size() -> None:
    same = row("lightning", ratio=estimate(1.0, 0.99, 1.01), batch_size=8)
    cells = [baseline(batch_size=8), row(batch_size=8), same, different(batch_size=8), floor(batch_size=8)]
    cells += [row(batch_size=64, overhead_us=estimate(999, 990, 1010))]
    assert overheads(summary_of(*cells)) == (
        "mlp on cpu, batch 8: hf-trainer 1.88\N{MULTIPLICATION SIGN} (+318 µs), lightning no difference, "
        "fabric no ratio"
    )


def test_an_index_of_nothing() -> None:
    assert "No run yet" in index([])


def test_a_stored_summary_gives_the_same_entry(tmp_path) -> None:
    summary = summary_of(baseline(), row())
    store.write_summary(tmp_path, summary)
    stored = (tmp_path / store.SUMMARY).read_text(encoding="utf-8")
    assert entry_of_json("a", stored) == entry("a", summary)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"run": {}, "machine": {}, "packages": {}}'])
def test_a_file_that_is_no_summary_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        entry_of_json("a", text)
