"""Whether a fork can use a device is tried out, and a try that ends badly is a reason."""

import os
import signal

from bench.execute.workers import fork_probe


def test_the_probe_tells_its_reason(monkeypatch):
    assert fork_probe.why_no_fork("cpu") is None
    assert "meta" in fork_probe.why_no_fork("meta")
    monkeypatch.setattr(fork_probe, "why_unusable", lambda device: os._exit(3))
    assert fork_probe.why_no_fork("cpu") == "trying it ended with exit code 3"
    monkeypatch.setattr(fork_probe, "CAN_FORK", False)
    assert fork_probe.why_no_fork("cpu") == "forks do not survive on this system"


def test_a_probe_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(fork_probe, "TIMEOUT_S", 1)
    monkeypatch.setattr(fork_probe, "why_unusable", lambda device: signal.pause())
    assert fork_probe.why_no_fork("cpu") == "no answer of the device within 1 s"
