"""Hands the figures of a stored run to an experiment tracker, where one is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.records.schema import Summary

Push = Callable[["Summary", Path, str], str]
"""Takes a summary, its folder and where to; returns where the figures are now."""
KNOWN = "tensorboard:DIR, mlflow, mlflow:URI or wandb-offline:DIR"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracker:
    """A tracker: the module here that speaks to it, and the package that it needs."""

    module: str
    package: str
    needs_place: bool


TRACKERS = {
    "tensorboard": Tracker(module="bench.report.export.tensorboard", package="tensorboard", needs_place=True),
    "mlflow": Tracker(module="bench.report.export.mlflow", package="mlflow", needs_place=False),
    "wandb-offline": Tracker(module="bench.report.export.wandb", package="wandb", needs_place=True),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What `--push` asked for."""

    tracker: Tracker
    place: str

    def push(self, summary: Summary, folder: Path) -> str:
        """Hand over the figures; return where they are now."""
        push: Push = import_module(self.tracker.module).push
        return push(summary, folder, self.place)


def target(text: str) -> Target:
    """Read `--push`; raises `UsageError` for what is unknown or not installed."""
    name, _, place = text.partition(":")
    tracker = TRACKERS.get(name)
    if tracker is None or (tracker.needs_place and not place):
        raise UsageError(f"--push {text}: choose {KNOWN}.")
    if find_spec(tracker.package) is None:
        raise UsageError(
            f"--push {name} needs {tracker.package}, which is not installed: pip install {tracker.package}."
        )
    return Target(tracker=tracker, place=place)
