"""Names as a chart shows them: short, and still different from each other."""

from __future__ import annotations

import textwrap
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


def clipped(name: str, longest: int = LONGEST) -> str:
    """`name` on one line, its middle left out where it is longer than `longest` characters."""
    name = " ".join(name.split())
    if len(name) <= longest:
        return name
    end = (longest - 1) // 2
    return f"{name[: longest - 1 - end]}\N{HORIZONTAL ELLIPSIS}{name[-end:]}"


def lines(text: str, longest: int) -> list[str]:
    """`text` in lines of at most `longest` characters."""
    return textwrap.wrap(text, longest) or [""]
