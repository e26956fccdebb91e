"""What the files are called in which a run keeps what its trials print and trace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.records.schema import CURRENT, Cell, Pass
from bench.records.store import slug

LONGEST_FILE_NAME = 100
"""A script is called after its arguments, and a file's name may have 255 bytes at most."""


class TrialFiles:
    """The files of a run with these runners and cells; none in a folder that is None."""

    def __init__(
        self, runners: Sequence[str], cells: Sequence[Cell], *, traces: Path | None = None, logs: Path | None = None
    ) -> None:
        self._cells, self._names = cells, file_names(runners)
        self._traces, self._logs = traces, logs

    def log(self, phase: Pass, cell: Cell) -> Path | None:
        """Where what a trial has printed is kept."""
        if self._logs is None:
            return None
        clone, where = "-clone" if cell.clone else "", "" if cell.environment == CURRENT else f"-{cell.environment}"
        without = "" if cell.option is None else f"-without-{slug(cell.option)}"
        return self._logs / f"{self._names[cell.runner]}{where}{without}-{phase}{clone}.log"

    def trace(self, phase: Pass, cell: Cell) -> Path | None:
        """Where the trace of a trial is kept; None of a pass that makes none."""
        if phase != "trace" or self._traces is None:
            return None
        return self._traces / f"{self._cells.index(cell):03d}-{Path(cell.runner).stem}-{cell.batch_size}.json.gz"


def file_names(scripts: Sequence[str]) -> dict[str, str]:
    """What files of each script are called: short, and no two alike."""
    short = [slug(name)[:LONGEST_FILE_NAME] for name in scripts]
    return {
        name: own if short.count(own) == 1 else f"{own}-{number}"
        for number, (name, own) in enumerate(zip(scripts, short, strict=True), start=1)
    }
