"""Whether a fork of this process can use a device: tried out, not assumed.

Standard library only: it is imported before a framework is, whose import is timed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bench.execute.workers.failure import sentence

CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"
"""macOS is excluded: its system libraries do not survive a fork that is not followed by an exec."""
TIMEOUT_S = 120
"""A driver that nobody has used takes some 20 s to come up with eight cards."""
REASON_BYTES = 2000


def why_no_fork(device: str) -> str | None:
    """Why a fork of this process cannot use the device, None where it can: tried out, not assumed."""
    if not CAN_FORK:
        return "forks do not survive on this system"
    with _one_at_a_time():
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.alarm(TIMEOUT_S)
            os.write(theirs, (why_unusable(device) or "").encode()[:REASON_BYTES])
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours, "rb") as answer:
            reason = answer.read().decode(errors="replace")
        exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if exit_code == -signal.SIGALRM:
        return f"no answer of the device within {TIMEOUT_S} s"
    return reason or (f"trying it ended with exit code {exit_code}" if exit_code else None)


def why_unusable(device: str) -> str | None:
    """Why this process cannot compute on the device; None where it can."""
    try:
        import torch

        work = torch.ones(8, 8, device=device)
        return None if (work @ work).sum().item() == 512 else "it computes wrong results"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
        return sentence(error)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep all interpreters on this machine from trying at once: a small card has no room for so many contexts."""
    with open(__file__, "rb") as turnstile:  # noqa: PTH123 - pathlib is for what is read
        with suppress(ImportError, OSError):  # no such locks here, or none on this file system
            import fcntl

            fcntl.flock(turnstile, fcntl.LOCK_EX)
        yield
