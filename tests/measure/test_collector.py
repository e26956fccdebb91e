"""How often a full collection comes, told by what survives: held against the collector itself."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure import collector
from bench.measure.collector import Collections
from bench.measure.ticks import Ticks

pytestmark = pytest.mark.skipif(not collector.COMES_BY_SURVIVORS, reason="no full collection comes by itself here")

SEEN_AND_DUE = """
import gc, json, sys
from pathlib import Path
from bench.measure.collector import Collections
from bench.measure.ticks import Ticks

held = [[] for _ in range(200_000)]
gc.collect()
step = 0
collections = Collections(Ticks(Path(sys.argv[2])))
collections.watch(lambda: 1)
full = []
gc.callbacks.append(lambda phase, info: full.append(step) if phase == "start" and info["generation"] == 2 else None)
while len(full) < 9 and step < 20_000:
    batch = [[] for _ in range(int(sys.argv[1]))]  # alive at the same time, as the samples of a batch are
    step += 1
    if len(full) == 1 and step == full[0] + 1:
        collections.begin()
print(json.dumps([step - full[0], collections.result(step - full[0], looks=False)]))
"""


@pytest.mark.parametrize("batch_size", [1500, 2000, 9000])
def test_what_survives_tells_how_often_a_full_collection_comes(tmp_path, batch_size):
    command = [sys.executable, "-c", SEEN_AND_DUE, str(batch_size), str(tmp_path / "ticks")]
    steps, printed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert steps > 50
    assert printed["full_due"] == pytest.approx(8, rel=0.15)
    assert len(printed["full_ns"]) == 8  # all but the first


@pytest.fixture
def collections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Collections of a process that the collector finds almost empty."""
    gc.freeze()
    gc.collect()
    held = [[] for _ in range(4_000)]
    gc.collect()
    collections = Collections(Ticks(tmp_path / "ticks"))
    before = list(gc.callbacks)
    collections.watch(lambda: 1)
    yield collections
    gc.callbacks[:] = before
    gc.unfreeze()
    assert held


def surviving(count: int) -> None:
    for _ in range(count):
        held = [[] for _ in range(1_000)]
        gc.collect(1)
        assert held


def test_how_long_one_takes_is_seen_when_the_steps_are_over_unless_it_is_rare(collections):
    collections.begin()
    surviving(11)  # a thousand each, where a full collection needs a thousand and eleven
    due = collections.result(steps=1_000, looks=False)
    assert due == {"full_due": pytest.approx(1.0), "full_ns": []}
    assert collections.result(steps=30_000, looks=True)["full_ns"] == []
    seen = collections.result(steps=1_000, looks=True)["full_ns"]
    assert len(seen) == collector.SEEN
    assert min(seen) > 0
    assert collections.result(steps=1_000, looks=True)["full_ns"] == seen  # those were enough


def test_the_first_of_a_process_does_not_tell_how_long_one_takes(collections):
    gc.collect()
    assert collections.result(steps=100, looks=False)["full_ns"] == []
    gc.collect()
    assert len(collections.result(steps=100, looks=False)["full_ns"]) == 1


def test_what_survived_before_the_timed_steps_does_not_count(collections):
    surviving(5)
    collections.begin()
    assert collections.result(steps=100, looks=True) == {"full_due": 0.0, "full_ns": []}


@pytest.mark.parametrize(("phase", "made"), [(0, 0), (3, 3), (10, 10), (11, 0), (25, 3)])
def test_trials_of_different_blocks_begin_at_different_places_between_two_collections(tmp_path, phase, made):
    seen = []
    count = lambda when, info: seen.append(info["generation"]) if when == "start" else None  # noqa: E731
    collections = Collections(Ticks(tmp_path / "ticks"), phase=phase)
    gc.callbacks.append(count)
    gc.disable()
    try:
        collections.begin()
    finally:
        gc.enable()
        gc.callbacks.remove(count)
    assert seen == [0] * made


def test_a_collector_that_is_off_has_no_full_collection_to_tell_of(collections):
    gc.disable()
    try:
        assert collections.result(steps=100, looks=True) is None
    finally:
        gc.enable()


def test_collections_that_leave_out_what_was_imported_tell_nothing(tmp_path):
    collections = Collections(Ticks(tmp_path / "ticks"), are_whole=False)
    collections.begin()
    assert collections.result(1_000, looks=True) is None
