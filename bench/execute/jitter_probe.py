"""How steady this machine is: asked of a process of its own, which may be pinned and has nothing else to do."""

from __future__ import annotations

import subprocess
import sys

from pydantic import ValidationError

from bench.execute.shell import variables
from bench.records.steadiness import JitterFacts

SHORT_S, LONG_S = 1.0, 10.0
"""At the start of every run, and for the doctor."""
SLOWEST = 3
"""How many times longer than asked a crowded machine may take."""
START_UP_S = 10.0
MODULE = "bench.host.jitter"
INTERRUPTED = "interrupted before the fixed work was timed"


def jitter(seconds: float, *, module: str = MODULE) -> JitterFacts:
    """Time fixed work for so long; why it could not be timed is among the facts. Ctrl-C ends the process, and rises."""
    command = [sys.executable, "-P", "-m", module, "--seconds", str(seconds)]
    most_s = SLOWEST * seconds + START_UP_S
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=variables(sys.executable), check=False, timeout=most_s
        )
    except subprocess.TimeoutExpired:
        return JitterFacts(unavailable=f"the fixed work was not done after {most_s:.0f} s")
    except OSError as error:
        return JitterFacts(unavailable=f"no process could be started for it ({error.strerror})")
    return _facts_of(done)


def _facts_of(done: subprocess.CompletedProcess[str]) -> JitterFacts:
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return JitterFacts(unavailable=f"the fixed work failed: {reason}")
    try:
        return JitterFacts.model_validate_json(done.stdout)
    except ValidationError:
        return JitterFacts(unavailable="the process that timed fixed work said nothing that can be understood")
