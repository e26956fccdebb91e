"""The journal of a run, trials.jsonl: one line a trial."""

from __future__ import annotations

import fcntl
import gzip
import os
import shlex
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import ValidationError

from bench.errors import RunFolderError
from bench.records import files
from bench.records.base import SCHEMA, first_of, own_version, refuse_newer
from bench.records.trials import Trial, TrialKey

JOURNAL = "trials.jsonl"
PACKED = f"{JOURNAL}.gz"
"""The journal of a finished run as `gzip` packs it, a fifth of its size; it is read where there is no other."""


TAIL_BYTES = 2**20


class TornLineWarning(UserWarning):
    """The journal's last line was cut short, as a killed run leaves it; it has been dropped."""


class DoubledLineWarning(UserWarning):
    """A line of the journal stands there twice, as no run writes it; a trial counts once."""


class Journal:
    """Appends trials, one line each, on disk before `append` returns."""

    def __init__(self, folder: Path, descriptor: int, *, way_on: str) -> None:
        self._folder, self._descriptor, self._way_on = folder, descriptor, way_on

    def append(self, *trials: Trial) -> None:
        """Write a line each and wait until they are on disk: what was measured is never lost.

        Trials that took turns are written together: without the others each says little, and where there is no room
        for all of them none is kept. Raises `RunFolderError`.
        """
        self._refuse_deleted()
        signed = [trial.model_copy(update={"looptax": own_version()}) for trial in trials]
        lines = [trial.model_dump_json(by_alias=True, exclude_none=True) for trial in signed]
        try:
            files.append(self._descriptor, "".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            raise RunFolderError(
                f"{self._folder / JOURNAL} cannot be written: {error.strerror}; {self._way_on}."
            ) from None

    def _refuse_deleted(self) -> None:
        """Nobody could read what is written to a file that has no name any more."""
        if os.fstat(self._descriptor).st_nlink == 0:
            raise RunFolderError(
                f"{self._folder / JOURNAL} was deleted while the run went on, and with it what was measured: begin "
                "a new run, in another folder by --out."
            )


@contextmanager
def journal(folder: Path, *, way_on: str | None = None) -> Iterator[Journal]:
    """Open the journal for one writer; raises `RunFolderError` where it cannot be, or another process writes it.

    `way_on` is what to do where there is no room for a trial, unless --resume goes on.
    """
    resumed = f"go on by python -m bench.run --resume {shlex.quote(str(folder))}"
    way_on = way_on or f"what is in it is kept: make room, then {resumed}"
    _refuse_packed(folder)
    try:
        descriptor = os.open(folder / JOURNAL, os.O_RDWR | os.O_APPEND)
    except OSError as error:
        raise RunFolderError(
            f"{folder / JOURNAL} cannot be written: {error.strerror}; what is in it is kept: make it writable, or "
            "begin a new run in another folder by --out."
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunFolderError(f"--resume {folder}: that run is still going on in another process.") from None
        _cut_torn_line(folder / JOURNAL, descriptor)
        yield Journal(folder, descriptor, way_on=way_on)
    finally:
        os.close(descriptor)


def _refuse_packed(folder: Path) -> None:
    if (folder / PACKED).is_file() and not (folder / JOURNAL).exists():
        raise RunFolderError(
            f"--resume {folder}: its journal is packed: unpack it by gunzip {shlex.quote(str(folder / PACKED))}."
        )


def _cut_torn_line(path: Path, descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    whole = _end_of_lines(descriptor, size)
    if whole < size:
        _warn_of_torn_line(path)
        os.ftruncate(descriptor, whole)


def _end_of_lines(descriptor: int, end: int) -> int:
    """Where the last line before `end` is over that is whole, looked for from behind: a journal may be long."""
    while end:
        start = max(end - TAIL_BYTES, 0)
        place = os.pread(descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0


def _warn_of_torn_line(path: Path) -> None:
    _warn(f"{path}: the last line was cut short and is dropped.", TornLineWarning)


def _warn(text: str, category: type[UserWarning]) -> None:
    """Warn from here, whoever reads: Python then says it once, though a journal is read again and again."""
    warnings.warn(text, category, stacklevel=1)


def read_trials(folder: Path) -> list[Trial]:
    """Every trial of the journal, as `each_trial` has them, all at once."""
    return latest(each_trial(folder))


class HasKey(Protocol):
    """What is known of one trial."""

    @property
    def key(self) -> TrialKey:
        """What makes it the same trial."""


Known = TypeVar("Known", bound=HasKey)


def latest(trials: Iterable[Known]) -> list[Known]:
    """Of trials that were made once more the later one, where it stands.

    Trials that took turns are measured again together where a kill had kept the lines of some.
    """
    by_key: dict[TrialKey, Known] = {}
    for trial in trials:
        key = trial.key
        if by_key.setdefault(key, trial) is not trial:
            del by_key[key]
            by_key[key] = trial
    return list(by_key.values())


def each_trial(folder: Path) -> Iterator[Trial]:
    """The trials of the journal, one in memory at a time; `latest` says which of those that were made again count.

    A torn last line, and one that stands there already, is dropped with a warning. Raises `RunFolderError` naming the
    line for any other line that is no trial.
    """
    path = folder / JOURNAL
    first: dict[int, int] = {}  # by its hash: a journal may be larger than the memory
    for number, line in enumerate(_lines(folder), start=1):
        if not line.endswith(b"\n"):
            _warn_of_torn_line(path)
        elif (known := first.setdefault(hash(line), number)) != number:
            _warn(f"{path} line {number} repeats line {known} and is dropped.", DoubledLineWarning)
        else:
            yield _trial(path, number, line[:-1])


def packed_or_not(folder: Path) -> Path:
    """The file that the trials of `folder` are read from."""
    return folder / (JOURNAL if (folder / JOURNAL).is_file() else PACKED)


def _lines(folder: Path) -> Iterator[bytes]:
    """Those of the journal, or of the packed one; nothing where there is neither.

    Raises `RunFolderError` for a file that cannot be read, or is torn.
    """
    path = packed_or_not(folder)
    if not path.is_file():
        return
    try:
        with path.open("rb") if path.name == JOURNAL else gzip.open(path) as file:
            yield from file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RunFolderError(f"{path} cannot be unpacked: {error}; put a whole copy in its place.") from None
    except OSError as error:
        raise files.unreadable(path, error) from None


def _trial(path: Path, number: int, line: bytes) -> Trial:
    try:
        trial = Trial.model_validate_json(line)
    except ValidationError as error:
        refuse_newer(f"{path} line {number}", line)
        raise RunFolderError(f"{path} line {number} is no trial: {first_of(error)}; delete that line.") from None
    if trial.schema_version > SCHEMA:
        refuse_newer(f"{path} line {number}", line)
    return trial
