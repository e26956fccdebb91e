"""What a fork owns of its memory before it is timed, and what its first writes cost then."""

from __future__ import annotations

import os
import resource
from mmap import PAGESIZE

import pytest

from bench.execute.workers import unshare
from bench.measure import rss

PAGES = 2000

pytestmark = pytest.mark.skipif(
    not unshare.take(), reason="no page can be taken here: Linux is older than 5.14 or hides its page tables"
)


@pytest.fixture
def memory():
    """Pages that this process has written to before it forks."""
    written = bytearray(PAGES * PAGESIZE)
    written[::PAGESIZE] = b"x" * PAGES
    return written


def in_a_fork(function):
    """Return the number that `function` gives in a fork of this process."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, str(function()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as replies:
        told = replies.read()
    os.wait()
    return int(told)


def faults_of_writing(memory):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    memory[::PAGESIZE] = b"y" * PAGES
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_a_fork_pays_for_its_first_write_to_each_page_unless_it_has_taken_them(memory):
    def taken():
        unshare.take()
        return faults_of_writing(memory)

    assert in_a_fork(lambda: faults_of_writing(memory)) >= PAGES - 1
    assert in_a_fork(taken) < PAGES / 20


def test_what_the_fork_writes_is_its_own(memory):
    def written():
        unshare.take()
        faults_of_writing(memory)
        return memory.count(b"y")

    assert in_a_fork(written) == PAGES
    assert memory.count(b"x") == PAGES


def test_it_takes_no_memory_that_the_parent_had_not(memory):
    def growth():
        before = rss.read().total
        unshare.take()
        return rss.read().total - before

    assert in_a_fork(growth) < PAGES * PAGESIZE / 4


@pytest.mark.parametrize(
    ("flags", "runs"),
    [
        (b"", []),
        (b"\0\0", []),
        (b"\1\1", [(0, 2)]),
        (b"\0\1\0\1\1", [(1, 2), (3, 5)]),
    ],
)
def test_runs_of_pages(flags, runs):
    assert list(unshare._runs(flags)) == runs


def test_a_kernel_that_knows_no_such_call_is_told(monkeypatch, memory):
    monkeypatch.setattr(unshare, "MADV_POPULATE_WRITE", 9999)
    assert in_a_fork(lambda: int(unshare.take())) == 0
    assert len(memory) == PAGES * PAGESIZE


def test_hidden_page_tables_are_told(monkeypatch):
    def hidden(*_: object, **__: object):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.open", hidden)
    assert not unshare.take()
