"""health.jsonl in a run folder: the machine at the start and at the end, one line each, for every time it ran.

A file of its own, since the journal is one trial a line. What a kill leaves is the start; a resumed
run adds another pair.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from pydantic import ValidationError

from bench.records import files
from bench.records.health import Health

CHECKUPS = "health.jsonl"


def append(folder: Path, health: Health) -> None:
    """Write one line and wait until it is on disk; one that cannot be written is warned of, and costs no run."""
    line = health.model_dump_json(by_alias=True, exclude_none=True) + "\n"
    try:
        with (folder / CHECKUPS).open("ab") as file:
            files.append(file.fileno(), line.encode())
    except OSError as error:
        warnings.warn(f"{folder / CHECKUPS} cannot be written: {error.strerror}.", stacklevel=2)


def read(folder: Path) -> list[Health]:
    """What was read, in order; nothing for a run of before there was such a file.

    A line that cannot be read, as a kill leaves it, is left out: no figure depends on it.
    """
    path = folder / CHECKUPS
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [health for line in lines if (health := _health(line)) is not None]


def _health(line: bytes) -> Health | None:
    try:
        return Health.model_validate_json(line)
    except ValidationError:
        return None
