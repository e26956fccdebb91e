"""A process that uses the processor: for tests and measurements of what others' load does."""

from __future__ import annotations

import subprocess
import sys
from types import TracebackType

from tests.verbs import HANG_S

BURN = """
import sys, time
seconds = float(sys.argv[1])
while time.process_time() < seconds:
    pass
print("burnt", flush=True)
sys.stdin.read()
"""
PART = """
import sys, threading, time
share, stopped = float(sys.argv[1]), threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
period_s = 0.02
source = bytes(int(sys.argv[2])) or b" "
while not stopped.is_set():
    ends = time.process_time() + share * period_s
    while time.process_time() < ends and not stopped.is_set():
        copy = bytearray(source)
    if share < 1:
        time.sleep((1 - share) * period_s)
print(time.process_time(), flush=True)
"""


def burnt(seconds: float) -> subprocess.Popen[str]:
    """A process that has used so many seconds of a processor, and now waits to be ended by `done`."""
    process = _start(BURN, str(seconds))
    assert process.stdout is not None
    assert process.stdout.readline() == "burnt\n"
    return process


def done(process: subprocess.Popen[str]) -> str:
    """End a process by closing its input; what it wrote since."""
    return process.communicate(timeout=HANG_S)[0]


class Busy:
    """A process that uses a share of one core for as long as the context is entered."""

    def __init__(self, share: float = 1.0, *, copies_bytes: int = 0) -> None:
        self._share, self._copies_bytes = share, copies_bytes
        self.used_s = 0.0
        """Its processor time, known when it has ended."""

    def __enter__(self) -> Busy:
        self._process = _start(PART, str(self._share), str(self._copies_bytes))
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.used_s = float(done(self._process))


def _start(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-S", "-c", code, *arguments]
    # A session of its own, as a stranger has: Linux shares processors between sessions first.
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
