"""The copy of the user's folder that a script's trial runs in, so that what it writes there overwrites nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.errors import UsageError

MAX_BYTES = 256_000_000
"""Every trial makes a copy."""
SKIPPED = ("__pycache__", "node_modules", "lost+found")
MARKS = ("pyvenv.cfg", "run.json")
"""Files by which a folder is a virtual environment or the folder of a run, which no script reads."""


def refuse_large(folder: Path) -> None:
    """Raise `UsageError` where a folder is too large to be copied for each trial, naming what is largest in it."""
    sizes: dict[str, int] = {}
    for path in _files(folder):
        top = path.relative_to(folder).parts[0]
        sizes[top] = sizes.get(top, 0) + path.lstat().st_size
        if sum(sizes.values()) > MAX_BYTES:
            largest = max(sizes, key=lambda name: sizes[name])
            raise UsageError(
                f"the current folder is larger than {MAX_BYTES / 1e6:.0f} MB ({largest} alone has at least "
                f"{sizes[largest] / 1e6:.0f} MB), and each trial of --script runs in a copy of it: --cwd . runs the "
                "script in the folder itself, --cwd DIR in another."
            )


def copy(folder: Path, to: Path) -> None:
    """Copy all of `folder` but hidden folders, virtual environments and run folders; links stay links."""
    for path in _files(folder):
        target = to / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            target.symlink_to((path.parent / path.readlink()).absolute())
        elif path.is_dir():
            target.mkdir(exist_ok=True)
        elif os.access(path, os.R_OK):
            shutil.copy2(path, target)


def _files(folder: Path) -> Iterator[Path]:
    """Plain files and links, and folders without any."""
    for at, folders, files in os.walk(folder):
        here = Path(at)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [name for name in folders if name not in links and not _is_skipped(here / name)]
        yield from (here / name for name in links)
        yield from (path for name in files if (path := here / name).is_file() or path.is_symlink())
        yield from (here / name for name in folders)


def _is_skipped(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in SKIPPED or any((folder / mark).is_file() for mark in MARKS)
