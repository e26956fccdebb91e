"""What takes long to make and is the same for every run, kept in the user's cache folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bench.records import files

TEXTS = "texts"


def cache_folder() -> Path:
    """`$LOOPTAX_CACHE`, or `looptax` in the user's cache folder. Everything in it can be deleted at any time."""
    own = os.environ.get("LOOPTAX_CACHE")
    if own:
        # pathlib's raises for the home of a user who is not there
        return Path(os.path.expanduser(own)).absolute()  # noqa: PTH111
    return Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache").absolute() / "looptax"


def private(name: str) -> Path:
    """The folder `name` in the cache, which nobody but the user may look into or write.

    What is in it is executed or believed. Raises an `OSError` where it cannot be made, or belongs to somebody else.
    """
    folder = cache_folder() / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", str(folder))
    if status.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def _home() -> Path:
    """The user's home; where a container's user has none, a place where nothing can be kept."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)


def cached(name: str, make: Callable[[], str]) -> str:
    """The text of the file `name` in the cache, made where it is not there; one that cannot be kept is made each time.

    Whatever the text depends on belongs into its name.
    """
    try:
        return (private(TEXTS) / name).read_text(encoding="utf-8")
    except OSError:
        text = make()
    with suppress(OSError):  # a home that cannot be written costs time, and no report
        files.write(private(TEXTS) / name, text, mode=files.OWNER)
    return text


def newest(subject: str, state: str, make: Callable[[], str]) -> str:
    """As `kept`, of a subject that changes: the text for its `state` of now stays, those for earlier ones go.

    Both are parts of a file's name.
    """
    name = f"{subject}-{state}"
    text = cached(name, make)
    with suppress(OSError):
        for earlier in private(TEXTS).glob(f"{subject}-*"):
            if earlier.name != name:
                earlier.unlink()
    return text
