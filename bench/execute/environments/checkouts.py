"""Local source trees: has one changed, and a copy to build from that leaves the user's own untouched."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

LEFTOVERS_AT_THE_TOP = ("build", "dist", ".venv", "venv", ".tox", ".*_cache")
LEFTOVERS_ANYWHERE = ("__pycache__", "*.egg-info")


def is_checkout(path: Path) -> bool:
    """Whether `path` is a folder that pip can build."""
    try:
        return any((path / name).is_file() for name in ("pyproject.toml", "setup.py"))
    except (OSError, ValueError):  # what no file can be called
        return False


def digest(root: Path) -> str:
    """A digest of names, sizes and times of all files: a stale one would need an edit that changes none of them."""
    digest = hashlib.sha256()
    for path in _files(root, root):
        status = path.lstat()
        digest.update(f"{path.relative_to(root)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def copy(root: Path, target: Path) -> None:
    """Copy a tree without what earlier builds left in it, which setuptools would pack into the next wheel.

    The history is linked, not copied: some packages read their version from it.
    """

    def left_out(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if _is_left_out(Path(folder) / name, root)]

    shutil.copytree(root, target, ignore=left_out, symlinks=True)
    if (root / ".git").exists():
        (target / ".git").symlink_to(root / ".git")


def _is_left_out(path: Path, root: Path) -> bool:
    at_the_top = (*LEFTOVERS_AT_THE_TOP, ".git") if path.parent == root else ()
    patterns = (*LEFTOVERS_ANYWHERE, *at_the_top)
    return any(fnmatch(path.name, pattern) for pattern in patterns)


def _files(folder: Path, root: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if _is_left_out(path, root):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path, root)
        else:
            yield path
