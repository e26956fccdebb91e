"""A verb that runs beside the test, so that the test can kill or interrupt it in the middle."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def start(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start `command` so that it hears Ctrl-C even where the tests themselves were started deaf to it."""
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_trials(out: Path, count: int) -> Path:
    """Return the folder of the one run under `out` as soon as its journal has `count` lines."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        journals = list(out.glob("*/trials.jsonl"))
        if journals and journals[0].read_bytes().count(b"\n") >= count:
            return journals[0].parent
        time.sleep(0.05)  # another process is being watched; nothing here is measured
    raise AssertionError(f"no {count} trials within two minutes")
