"""One line of the table that `python -m studies.perf` prints."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A bar, what was measured, and whether it is met."""

    what: str
    bar: str
    measured: str
    met: bool

    def markdown(self) -> str:
        return f"| {self.what} | {self.bar} | {self.measured} | {'yes' if self.met else 'no'} |"
