"""Names as a chart shows them: short, and still different from each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

LONGEST = 24
TITLE_CHARACTERS, SUBTITLE_CHARACTERS = 88, 126
"""What fits into one line of a title."""


def short_names(runners: Sequence[str]) -> dict[str, str]:
    """Name each runner, and each runner file by the end of its path that no other one has: `my_loop.py`."""
    names: dict[str, str] = {}
    for runner in runners:
        name = clipped(_short(runner, runners))
        taken = sum(other.startswith(name) for other in names.values())
        names[runner] = f"{name} ({taken + 1})" if name in names.values() else name
    return names


def _short(runner: str, runners: Sequence[str]) -> str:
    if "/" not in runner and "\\" not in runner:
        return runner
    parts = PurePath(runner.replace("\\", "/")).parts
    others = [PurePath(other.replace("\\", "/")).parts for other in runners if other != runner]
    lengths = range(1, len(parts) + 1)
    enough = next((n for n in lengths if all(other[-n:] != parts[-n:] for other in others)), len(parts))
    return "/".join(parts[-enough:])


def clipped(name: str) -> str:
    """`name` on one line, its middle left out where it is longer than `LONGEST` characters."""
    name = " ".join(name.split())
    if len(name) <= LONGEST:
        return name
    end = (LONGEST - 1) // 2
    return f"{name[: LONGEST - 1 - end]}\N{HORIZONTAL ELLIPSIS}{name[-end:]}"
