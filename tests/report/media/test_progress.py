from __future__ import annotations

import io
import subprocess
import sys
import threading

import pytest

from bench.report.media import progress
from bench.report.media.progress import LiveProgress, PlainProgress
from tests import factories
from tests.report.rows import estimate

RATIOS = {
    "pytorch": estimate(1.0, 1.0, 1.0),
    "hf-trainer": estimate(1.876, 1.855, 1.899),
    "lightning": estimate(1.7),
    "fabric": None,
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def test_a_pipe_gets_one_line_a_block() -> None:
    stream = io.StringIO()
    plain = PlainProgress(stream)
    plain.start(40, "looptax", blocks=2)
    plain.trial(factories.trial(phase="equivalence", block=-1), 1, 40, None, {})
    for done, block in enumerate((0, 0, 1, 1, 2), start=2):
        plain.trial(factories.trial(block=block), done, 40, 100.0 - 15 * done, RATIOS)
    plain.close()
    ratios = "mlp on cpu, batch 64: hf-trainer 1.88\N{MULTIPLICATION SIGN} lightning 1.70\N{MULTIPLICATION SIGN}"
    assert stream.getvalue().splitlines() == [
        "looptax · 40 trials",
        "equivalence",
        f"block 1 of 2 · 55 s left · {ratios}",
        f"block 2 of 2 · 25 s left · {ratios}",
        f"block 3 · 10 s left · {ratios}",
    ]


def test_a_failed_trial_is_told_at_once() -> None:
    stream = io.StringIO()
    plain = PlainProgress(stream)
    crashed = factories.trial("lightning", block=1, status="oom", reason="OutOfMemoryError:\n2 GiB")
    plain.trial(crashed, 1, None, None, {})
    assert stream.getvalue() == "out of memory · lightning · mlp on cpu, batch 64 · block 2: OutOfMemoryError: 2 GiB\n"


def test_closing_twice_writes_the_last_block_once() -> None:
    stream = io.StringIO()
    plain = PlainProgress(stream)
    plain.trial(factories.trial(), 1, None, None, {})
    plain.close()
    plain.close()
    assert stream.getvalue() == "block 1\n"


def test_a_terminal_gets_the_display_and_a_pipe_the_lines(terminal: Terminal) -> None:
    assert isinstance(progress.choose(terminal), LiveProgress)
    assert isinstance(progress.choose(io.StringIO()), PlainProgress)


def test_the_display_shows_where_the_run_is(terminal: Terminal) -> None:
    live = LiveProgress(terminal)
    live.start(40, "looptax [quick]", blocks=6)
    live.trial(factories.trial("lightning", block=1), 7, 40, 39.6, RATIOS)
    shown = terminal.getvalue()
    live.close()
    assert "looptax [quick] · 40 trials" in shown
    assert "block 2 of 6 · 7 of 40 trials · 40 s left" in shown
    assert "last: lightning, mlp on cpu, batch 64" in shown
    assert "1.88 [1.85, 1.90]" in shown
    assert "1.70 [?]" in shown


def test_the_display_never_draws_on_its_own(terminal: Terminal) -> None:
    before = threading.active_count()
    live = LiveProgress(terminal)
    live.start(40, "looptax")
    live.trial(factories.trial(), 1, 40, 10.0, RATIOS)
    assert threading.active_count() == before
    live.close()
    live.close()


def test_failures_and_notes_stay_above_the_display(terminal: Terminal) -> None:
    live = LiveProgress(terminal)
    live.start(None, "looptax")
    live.note("a [note]")
    live.trial(factories.trial("fabric", status="killed", reason="killed by signal 9"), 1, None, None, {})
    live.close()
    shown = terminal.getvalue()
    assert "a [note]" in shown
    assert "killed · fabric · mlp on cpu, batch 64 · block 1: killed by signal 9" in shown


def test_plain_lines_need_neither_rich_nor_pandas() -> None:
    code = "import bench.report.media.progress, sys; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'pydantic'" in loaded
    assert not {"rich", "pandas", "numpy", "torch", "tabulate"} & set(loaded.split("'"))
