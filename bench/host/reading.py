"""Reads facts one by one: what cannot be read has a reason, and the others are read all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


class UnreadableError(Exception):
    """Why a fact cannot be had, in one phrase."""


CAUSES = (UnreadableError, OSError, ValueError, IndexError, KeyError)
"""What keeps a fact from being read."""


def reason(error: Exception) -> str:
    """One of `CAUSES` in a phrase."""
    if isinstance(error, UnreadableError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename} cannot be read ({error.strerror})"
    return f"what the system says is not understood ({type(error).__name__}: {error})"


class Readings:
    """Values by name, and why the others have none."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.unavailable: dict[str, str] = {}

    def add(self, name: str, read: Callable[[], Any]) -> None:
        """Read one fact; whatever keeps it from being read is its reason."""
        try:
            self.values[name] = read()
        except CAUSES as error:
            self.unavailable[name] = reason(error)

    def fields(self) -> dict[str, Any]:
        """All of it, for a record that has a field `unavailable`."""
        return {**self.values, "unavailable": self.unavailable}


def text(path: Path) -> str:
    """The content of a small file of the kernel's; raises `OSError`."""
    return path.read_text(encoding="utf-8", errors="replace").strip()


def number(path: Path) -> int:
    """A file that holds one whole number; raises `OSError` or `ValueError`."""
    return int(text(path))


def fields(path: Path) -> dict[str, str]:
    """A file of lines such as `name value` or `name: value`; raises `OSError`."""
    rows = (line.replace(":", " ", 1).split(None, 1) for line in text(path).splitlines())
    return {row[0]: row[1].strip() for row in rows if len(row) == 2}
