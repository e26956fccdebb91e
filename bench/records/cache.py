"""What takes long to make and is the same for every run, kept in the user's cache folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from bench.records import files


def cache_folder() -> Path:
    """`$LOOPTAX_CACHE`, or `looptax` in the user's cache folder. Everything in it can be deleted at any time."""
    own = os.environ.get("LOOPTAX_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache").absolute() / "looptax"


def _home() -> Path:
    """The user's home; where a container's user has none, a place where nothing can be kept."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)


def kept(name: str, make: Callable[[], str]) -> str:
    """The text of the file `name` in the cache, made where it is not there; one that cannot be kept is made each time.

    Whatever the text depends on belongs into its name.
    """
    path = cache_folder() / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        text = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, text)
    except OSError:
        return text  # a home that cannot be written costs time, and no report
    return text
