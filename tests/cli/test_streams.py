"""What reads a verb's output may go away or be full: that costs no run, and its exit code keeps its meaning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import factories

ROOT = Path(__file__).parent.parent.parent
CALL = "import sys; from bench.cli import app; app.run(lambda: {body})"


def ended(redirected: str, body: str, *, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A verb that does `body`, run by a shell; what the shell prints last is the verb's exit code."""
    verb = f'"{sys.executable}" -c "$CODE"'
    script = f"{verb} {redirected}; echo code ${{PIPESTATUS[0]}} >&2"
    environment = {**os.environ, "CODE": CALL.format(body=body), "PYTHONPATH": str(ROOT)}
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, cwd=cwd, check=False)


MANY = "print('line\\n' * 100_000) or 3"


@pytest.mark.parametrize("redirected", ["| head -1", ">&-", "2>/dev/null >&-", "<&- >/dev/null"])
def test_a_reader_that_has_enough_or_is_not_there_changes_no_exit_code(redirected):
    done = ended(redirected, MANY)
    assert done.stderr == "code 3\n"


def test_what_nobody_reads_of_the_progress_stops_nothing():
    done = ended("2>&1 | head -1", "[print('line', file=sys.stderr, flush=True) for _ in range(100_000)] and 3")
    assert (done.stdout, done.stderr) == ("line\n", "code 3\n")


def test_output_that_is_lost_is_an_error_in_one_sentence():
    done = ended(">/dev/full", MANY)
    sentence = "standard output cannot be written: No space left on device; what was measured and reported is in its"
    assert done.stderr == f"error: {sentence} folder.\ncode 2\n"


def test_no_file_is_taken_for_standard_output_that_was_closed(tmp_path):
    done = ended(">&-", "open('a', 'w').fileno() - 1", cwd=tmp_path)
    assert int(done.stderr.removeprefix("code ")) >= 2


def test_a_report_is_written_whoever_reads_its_path(tmp_path):
    folder = factories.stored(tmp_path, factories.run(runners=("pytorch", "hf-trainer"), blocks=6))
    script = f'"{sys.executable}" -m bench.report {folder} >/dev/full; echo code $?'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout == "code 2\n"
    assert (folder / "report.html").is_file()
    assert "Traceback" not in done.stderr
