"""Forks that were timed while they shared pages with their parent, which makes their steps longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.records.schema import Trial


def warnings_of(trials: Sequence[Trial]) -> Iterator[str]:
    """One sentence where this machine could not give a fork pages of its own."""
    sharing = sum(trial.phase == "timing" and trial.owns_pages is False for trial in trials)
    if sharing:
        yield (
            f"{sharing} timing trials shared pages with the process they were forked from, because Linux is older than "
            "5.14 or hides /proc/self/pagemap: their steps can be some per cent longer than in a script of your own"
        )
