"""Looks at the machine before a run's first trial and after its last, and keeps what it saw."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.execute import jitter_probe
from bench.host import health
from bench.records import checkups, store
from bench.records.cache import private
from bench.records.schema import Run
from bench.records.steadiness import JitterFacts

RUNNING = "running"


@contextmanager
def record_during(folder: Path, run: Run) -> Iterator[str | None]:
    """Write the machine's state when entered, and when left with what happened meanwhile, also after Ctrl-C.

    Gives a sentence where another run of this user's measures on one of the same devices.
    """
    cards = cards_of(run)
    with _claimed({device for comparison in run.settings.comparisons for device in comparison.devices}) as beside:
        start = _started(folder, cards)
        try:
            yield beside
        finally:
            checkups.append(folder, health.ended(start, health.now(cards=cards), moment="end"))


@contextmanager
def _claimed(devices: set[str]) -> Iterator[str | None]:
    """Hold a lock on each device that none holds; the system lets go of it however its holder ends."""
    with ExitStack() as held:
        taken = [device for device in sorted(devices) if not _is_claimed(device, held)]
        yield _beside(taken) if taken else None


def _beside(devices: list[str]) -> str:
    return (
        f"another looptax is measuring on {' and '.join(devices)} here, and the two disturb each other: wait until it "
        "has ended, or expect marked blocks and wider intervals."
    )


def _is_claimed(device: str, held: ExitStack) -> bool:
    """Whether this run has the device to itself, as far as is known."""
    try:
        lock = held.enter_context((private(RUNNING) / store.slug(device)).open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # without a cache nobody knows of each other
        return True
    return True


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
    devices = {device for comparison in run.settings.comparisons for device in comparison.devices}
    if not any(device.startswith("cuda") for device in devices):
        return []
    uuids = [card.uuid for card in run.machine.accelerators_of(devices) if card.uuid is not None]
    return uuids or None
