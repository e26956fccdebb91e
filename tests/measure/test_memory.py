"""How much a trial may have in memory: its peak decides, and a guard keeps it from filling the machine."""

import os

import pytest
import torch

from bench.host.process import Resident
from bench.host.reading import UnreadableError
from bench.measure import memory
from bench.measure.device import is_out_of_memory
from bench.measure.memory import HostBaseline, OverLimitError

NOTHING = Resident(total=0, peak=0, anonymous=0)
MEBIBYTE = 2**20


def baseline(inherited_bytes=0):
    return HostBaseline(inherited_bytes=inherited_bytes, at_start=NOTHING)


@pytest.fixture
def peak(monkeypatch):
    monkeypatch.setattr(memory, "resident", lambda: Resident(total=300, peak=500, anonymous=200))


def test_the_peak_with_what_was_imported_decides(peak):
    memory.refuse_over(1400, baseline(inherited_bytes=1000))
    with pytest.raises(OverLimitError) as refused:
        memory.refuse_over(1_399_000_000, baseline(inherited_bytes=1_400_000_000))
    assert str(refused.value) == "its peak of 1,400 MB is over the limit of 1,399 MB"
    assert is_out_of_memory(refused.value)


def test_where_no_peak_is_told_nothing_can_be_said(monkeypatch):
    monkeypatch.setattr(memory, "resident", lambda: Resident(total=300, peak=None, anonymous=None))
    with pytest.raises(UnreadableError, match="this kernel reports no peak"):
        memory.refuse_over(10**12, baseline())


def allocated_under_a_guard(size_bytes):
    """Whether a process that may have 256 MiB can allocate so much: `fits`, or `out of memory`."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        memory.guard(256 * MEBIBYTE, baseline())
        try:
            torch.empty(size_bytes, dtype=torch.uint8)
            reason = b"fits"
        except (MemoryError, RuntimeError) as error:
            reason = b"out of memory" if is_out_of_memory(error) else str(error).encode()
        os.write(theirs, reason)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as answer:
        printed = answer.read().decode()
    os.wait()
    return printed


def test_what_is_far_beyond_the_limit_cannot_be_allocated_and_what_is_near_it_can():
    assert allocated_under_a_guard(400 * MEBIBYTE) == "fits"
    assert allocated_under_a_guard(600 * MEBIBYTE) == "out of memory"
