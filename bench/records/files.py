"""How files are read, and written: whole or not at all.

Imports no library: trials leave their results by it.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from bench.errors import RunFolderError


def content_of(path: Path) -> bytes:
    """What a file of a run holds; raises `RunFolderError` for one that cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: OSError) -> RunFolderError:
    """What to say of a file that cannot be read."""
    return RunFolderError(f"{path} cannot be read: {error.strerror}; make it readable.")


EVERYBODY, OWNER = 0o666, 0o600
"""Who may read a file, as far as the umask lets them."""


def write(path: Path, text: str, *, mode: int = EVERYBODY) -> None:
    """Write a file whole or not at all, also where another process writes it at the same time."""
    write_bytes(path, text.encode(), mode=mode)


def write_bytes(path: Path, content: bytes, *, mode: int = EVERYBODY) -> None:
    """Write a file whole or not at all, also where another process writes it at the same time.

    Raises an `OSError` that names the file, which one of writing does not do by itself.
    """
    # A name that nobody can guess, and never through a link that lies there: the folder may be one that others write.
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        with open(partial, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
        partial.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def append(descriptor: int, content: bytes) -> None:
    """Write at the end of an open file, on disk before this returns; where there is no room none of it stays.

    Raises `OSError`.
    """
    whole = os.fstat(descriptor).st_size
    left = memoryview(content)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, whole)
        raise
