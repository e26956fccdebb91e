from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from bench.records import store
from bench.records.schema import Summary
from bench.report.kinds.index.entries import Entry, brief, document
from bench.report.kinds.index.entries import entry as stored_entry
from bench.report.kinds.run.sentences import one_line
from bench.report.media import markdown
from bench.report.media.html import render
from tests.report.rows import baseline, different, estimate, failed, floor, row, summary_of


def cells_of(line: str) -> list[str]:
    return [text.strip() for text in line.strip("|").split("|")]


def entry(folder: str, summary: Summary, **changes: Any) -> Entry:
    return Entry(folder=folder, brief=brief(summary), **changes)


def index(entries: list[Entry]) -> str:
    return markdown.written(document(entries))


def page(entries: list[Entry]) -> str:
    return render.written(document(entries))


def stored(folder: Path, summary: Summary) -> Path:
    folder.mkdir()
    store.write_summary(folder, summary)
    return folder / store.SUMMARY


def test_one_line_a_run() -> None:
    summary = summary_of(*(make(device="cuda") for make in (baseline, row, failed)), cards=("Imaginary GPU",))
    lines = index([entry("20260102T030405Z-quick", summary, has_page=True)]).splitlines()
    assert cells_of(lines[6]) == [
        "[20260102T030405Z-quick](<20260102T030405Z-quick/report.md>) ([page](<20260102T030405Z-quick/report.html>))",
        "mlp on cuda, batch 64: hf-trainer 1.88\N{MULTIPLICATION SIGN} (+318 µs), lightning out of memory",
        "2026-01-02 03:04",
        "run",
        "Imaginary CPU @ 2.00GHz and Imaginary GPU, cuda",
        "3 cells of mlp, 1 failed",
        "torch 2.13.0, transformers 5.23.0, accelerate 1.15.0",
    ]


def test_the_newest_run_comes_first_whatever_its_zone() -> None:
    hour = timedelta(hours=1)
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    times = {"old": noon, "new": (noon + hour).astimezone(timezone(-5 * hour)), "oldest": noon - hour}
    entries = [entry(folder, summary_of(row(), started_at=moment)) for folder, moment in times.items()]
    lines = index(entries).splitlines()[6:]
    assert [cells_of(line)[0] for line in lines] == [
        "[new](<new/report.md>)",
        "[old](<old/report.md>)",
        "[oldest](<oldest/report.md>)",
    ]
    assert [cells_of(line)[2][-5:] for line in lines] == ["13:00", "12:00", "11:00"]


def test_what_loops_add_at_the_middle_batch_size() -> None:
    same = row("lightning", ratio=estimate(1.0, 0.99, 1.01), batch_size=8)
    cells = [baseline(batch_size=8), row(batch_size=8), same, different(batch_size=8), floor(batch_size=8)]
    cells += [row(batch_size=64, overhead_us=estimate(999, 990, 1010))]
    assert one_line(summary_of(*cells)) == (
        "mlp on cpu, batch 8: hf-trainer 1.88\N{MULTIPLICATION SIGN} (+318 µs), lightning no difference, "
        "fabric no ratio"
    )


def test_an_index_of_nothing() -> None:
    assert "No run yet" in index([])


def test_what_a_summary_says_of_itself_is_what_the_whole_of_it_gives(tmp_path) -> None:
    summary = summary_of(baseline(), row())
    bare = stored(tmp_path / "bare", summary)
    entry = stored(tmp_path / "told", summary.model_copy(update={"brief": brief(summary)}))
    assert store.read_brief(bare) is None
    assert store.read_brief(entry) == brief(summary)
    assert replace(stored_entry(bare), folder="") == replace(stored_entry(entry), folder="")


def test_only_the_first_lines_of_a_summary_are_read(tmp_path) -> None:
    summary = summary_of(baseline(), row())
    path = stored(tmp_path / "a", summary.model_copy(update={"brief": brief(summary)}))
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[: whole.index('\n"run": {')], encoding="utf-8")
    assert stored_entry(path).brief == brief(summary)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"run": {}, "machine": {}, "packages": {}}'])
def test_a_file_that_is_no_summary_is_a_value_error(tmp_path, text: str) -> None:
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(ValueError, match=r"."):
        stored_entry(tmp_path / "summary.json")


def test_the_page_of_runs(tmp_path) -> None:
    on_both = summary_of(baseline(device="cuda"), row(device="cpu"), cards=("<script>GPU",))
    entries = [entry("a b#c", summary_of(row()), has_page=True), entry("older", on_both)]
    text = page(entries)
    assert '<a href="a%20b%23c/report.html">a b#c</a>' in text
    assert '<a href="older/report.md">older</a>' in text
    assert "<script>GPU" not in text
    assert "&lt;script&gt;GPU" in text
    devices = re.search(r'<select data-filter="device">(.*?)</select>', text, re.DOTALL)
    assert devices is not None
    assert sorted(re.findall(r"<option>(.*?)</option>", devices[1])) == ["cpu", "cuda"]
    assert re.findall(r'<td data-value="(\d)">\d cells? of mlp', text) == ["2", "1"]
    assert "unsafe-eval" not in text
    assert "No run yet" in page([])
    assert "<form" not in page([])
