"""Several runs in one report, and which may not be."""

import re
from pathlib import Path

import pytest

from bench.cli import reports
from bench.errors import RunFolderError, UsageError
from bench.records import store
from bench.report.kinds.side_by_side import report, sides
from bench.report.media import markdown
from tests import factories
from tests.report.media.html.test_page import parsed
from tests.report.rows import baseline, estimate, row, summary_of

RATIOS = {"cpu": estimate(1.876, 1.8, 1.9), "cuda": estimate(1.5, 1.4, 1.6)}
CPU, GPU = "results/a", "results/b"


def on(device: str, name: str, sizes=(8, 64, 512), **changes):
    cells = []
    for size in sizes:
        at = {"batch_size": size, "device": device}
        cells += [baseline(**at), row(**at, ratio=RATIOS[device])]
    return summary_of(*cells, name=name, cards=("Imaginary GPU",), **changes)


def both():
    return sides.sides([(CPU, on("cpu", "here")), (GPU, on("cuda", "there", sizes=(64, 512, 2048)))])


def test_what_all_runs_have_stands_in_neighbouring_lines():
    written = markdown.written(report.document(both(), "out"))
    lines = [line for line in written.partition("## Side by side")[2].splitlines() if line.startswith("| 64 ")]
    entries = [[text.strip() for text in line.strip("|").split("|")] for line in lines[:4]]
    assert [[*texts[:3], texts[5]] for texts in entries] == [
        ["64", "pytorch", "A cpu", "baseline"],
        ["64", "pytorch", "B cuda", "baseline"],
        ["64", "hf-trainer", "A cpu", "1.88 [1.80, 1.90]"],
        ["64", "hf-trainer", "B cuda", "1.50 [1.40, 1.60]"],
    ]
    assert "| 8 " not in written
    assert "| 2,048 " not in written


def test_both_are_told_at_the_same_batch_size_with_their_machines():
    text = markdown.written(report.document(both(), "out"))
    assert "**A: mlp on cpu, at batch 64, the smaller of 64 and 512:**" in text
    assert "**B: mlp on cuda, at batch 64, the smaller of 64 and 512:**" in text
    assert "- B: there, measured on 2026-01-02 on Imaginary CPU @ 2.00GHz and Imaginary GPU" in text
    assert "python -m bench.report --together out results/a results/b" in text


def test_its_tables_fit_a_screen():
    tables = [line for line in markdown.written(report.document(both(), "out")).splitlines() if line.startswith("|")]
    assert max(map(len, tables)) <= 120


@pytest.mark.parametrize(
    ("runs", "error", "words"),
    [
        ([(CPU, on("cpu", "a"))], UsageError, "name two different RUNs"),
        ([(CPU, on("cpu", "a")), (CPU, on("cpu", "a"))], UsageError, "name two different RUNs"),
        ([(CPU, on("cpu", "a")), (GPU, on("cpu", "b", verb="history"))], RunFolderError, "made by bench.history"),
        (
            [(CPU, on("cpu", "a", sizes=(8,))), (GPU, on("cuda", "b", sizes=(16,)))],
            UsageError,
            r"in common \(batch_size: 8 in results/a, 16 in results/b\): repeat one",
        ),
    ],
)
def test_what_cannot_be_put_together_is_refused_in_one_sentence(runs, error, words):
    with pytest.raises(error, match=words) as refused:
        sides.sides(runs)
    assert "\n" not in str(refused.value)


def stored(out: Path, name: str) -> Path:
    run = factories.run(name=name, runners=("pytorch", "hf-trainer"), blocks=6)
    folder = store.create(out, run)
    with (folder / store.JOURNAL).open("w") as journal:
        journal.writelines(f"{t.model_dump_json(by_alias=True, exclude_none=True)}\n" for t in factories.journal(run))
    return folder


def test_a_report_over_two_folders_leaves_them_alone(tmp_path):
    folders = [stored(tmp_path, "here"), stored(tmp_path, "there")]
    before = sorted(path.name for folder in folders for path in folder.rglob("*"))
    reports.rebuild_together(tmp_path / "out", folders)
    text = (tmp_path / "out" / "report.md").read_text()
    images = re.findall(r"\]\((charts/.*?)\)", text)
    assert len(images) == 8
    assert all((tmp_path / "out" / image).is_file() for image in images)
    assert sorted(path.name for folder in folders for path in folder.rglob("*")) == before
    page = (tmp_path / "out" / "report.html").read_text()
    shown = " ".join(parsed(page).text)
    assert "B cpu" in shown
    assert re.findall(r'<select data-filter="(.*?)"', page) == ["run", "metric"]


def test_a_run_folder_is_not_written_over(tmp_path):
    folders = [stored(tmp_path, "here"), stored(tmp_path, "there")]
    with pytest.raises(UsageError, match="whose own report would be lost"):
        reports.rebuild_together(folders[0], folders)


def test_publishing_writes_the_page_and_both_indices(tmp_path):
    folder = stored(tmp_path, "here")
    summary = reports.rebuild(folder)
    assert store.read_brief(folder / store.SUMMARY) == summary.brief
    assert f"{folder.name}/report.html" in (tmp_path / "index.html").read_text()
    assert f"{folder.name}/report.html" in (tmp_path / "README.md").read_text()
    assert parsed((folder / "report.html").read_text()).open == []
    assert not list(tmp_path.rglob("*.partial"))
