"""Looks at the machine before a run's first trial and after its last, and keeps what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.execute import jitter_probe
from bench.host import health
from bench.records import checkups
from bench.records.schema import Run
from bench.records.steadiness import JitterFacts


@contextmanager
def kept(folder: Path, run: Run) -> Iterator[None]:
    """Write the machine's state when entered, and when left with what happened meanwhile, also after Ctrl-C."""
    cards = cards_of(run)
    start = _started(folder, cards)
    try:
        yield
    finally:
        checkups.append(folder, health.ended(start, health.now(cards=cards), moment="end"))


def _started(folder: Path, cards: list[str] | None) -> health.Instant:
    """Time some fixed work, then read the machine, and keep both; after Ctrl-C what there is of it."""
    jitter = JitterFacts(unavailable=jitter_probe.INTERRUPTED)
    try:
        jitter = jitter_probe.jitter(jitter_probe.SHORT_S)
    finally:
        start = health.now(cards=cards)
        checkups.append(folder, start.health.model_copy(update={"moment": "start", "jitter": jitter}))
    return start


def cards_of(run: Run) -> list[str] | None:
    """The NVIDIA cards that a run measures, by UUID; all of them where torch does not tell, none without CUDA."""
    devices = {comparison.device for comparison in run.settings.comparisons}
    if not any(device.startswith("cuda") for device in devices):
        return []
    uuids = [card.uuid for card in run.machine.accelerators_of(devices) if card.uuid is not None]
    return uuids or None
