"""Charts are drawn by a process of their own, whose end costs the charts and one sentence."""

import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import reports
from bench.report.charts import engine as drawing
from tests.report.kinds.side_by_side.test_report import stored

ROOT = Path(__file__).parent.parent.parent.parent
TOO_LITTLE_BYTES = 6_000_000 * 1024
"""Of address space: what `ulimit -v 6000000` gives. The chart engine aborts with it, all else is content."""
IMAGE = r"\]\(charts/.*?\)"


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (TOO_LITTLE_BYTES, TOO_LITTLE_BYTES))


def test_under_a_memory_limit_a_run_loses_its_charts_and_nothing_else(tmp_path):
    folder = stored(tmp_path, "here")
    command = [sys.executable, "-m", "bench.report", str(folder)]
    done = subprocess.run(
        command, preexec_fn=limited, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("warning: no charts: the chart engine was ended by SIG")
    assert done.stderr.count("\n") == 1
    report = (folder / "report.md").read_text()
    assert "No charts: the chart engine was ended by SIG" in report
    assert f"python -m bench.report {folder} draws them" in report
    assert not re.search(IMAGE, report)
    assert {"report.html", "summary.json", "tables"} <= {path.name for path in folder.iterdir()}


@pytest.fixture
def broken(monkeypatch):
    """An engine that fails as one that cannot be imported does."""
    code = "import sys; sys.exit('ImportError: no such engine')"
    monkeypatch.setattr(drawing, "COMMAND", (sys.executable, "-c", code))


def test_why_an_engine_failed_is_told_and_a_later_rebuild_has_charts(broken, tmp_path, monkeypatch):
    folder = stored(tmp_path, "here")
    with pytest.warns(UserWarning, match=r"no charts: the chart engine failed \(ImportError: no such engine\)"):
        summary = reports.rebuild(folder)
    assert summary.no_charts is not None
    assert not re.search(IMAGE, (folder / "report.md").read_text())
    monkeypatch.undo()
    assert reports.rebuild(folder).no_charts is None
    report = (folder / "report.md").read_text()
    assert re.search(IMAGE, report)
    assert "No charts" not in report


def test_runs_side_by_side_are_told_without_charts_too(broken, tmp_path):
    with pytest.warns(UserWarning, match="no charts"):
        reports.rebuild_together(tmp_path / "out", [stored(tmp_path, "here"), stored(tmp_path, "there")])
    assert not re.search(IMAGE, (tmp_path / "out" / "report.md").read_text())
    assert (tmp_path / "out" / "report.html").is_file()
