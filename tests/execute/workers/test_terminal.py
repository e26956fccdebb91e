"""What a trial writes to its terminal is counted to the byte, and kept."""

import os
import subprocess
import sys

from bench.execute.workers.terminal import COLUMNS, Terminal

LINES = "import os, sys; print(os.isatty(1), os.get_terminal_size().columns); sys.stderr.write('é' * 3000 + '\\r')"


def test_what_is_written_is_counted_and_kept_and_the_writer_sees_a_terminal(tmp_path):
    terminal = Terminal(tmp_path / "log")
    process = subprocess.Popen([sys.executable, "-c", LINES], stdout=terminal.theirs, stderr=terminal.theirs)
    terminal.handed_over()
    assert process.wait() == 0
    expected = f"True {COLUMNS}\n".encode() + "é".encode() * 3000 + b"\r"
    terminal.close()
    assert (tmp_path / "log").read_bytes() == expected
    assert terminal.written() == len(expected)


def test_it_can_be_asked_while_it_is_written_to(tmp_path):
    terminal = Terminal(tmp_path / "log")
    assert terminal.written() == 0
    for size in (10, 5000):  # more than a terminal holds until somebody reads
        before = terminal.written()
        os.write(terminal.theirs, b"x" * size)
        while terminal.written() == before:
            pass
    terminal.close()
    terminal.close()
    assert terminal.written() == 5010
