"""The run folder: run.json, the journal trials.jsonl, and what is rebuilt from them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shlex
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from bench.errors import RunFolderError
from bench.records.schema import SCHEMA, Brief, Run, Summary, Trial, TrialKey

JOURNAL, RUN, SUMMARY, TRACES = "trials.jsonl", "run.json", "summary.json", "traces"
LONGEST_BRIEF = 65_536
"""Characters of a summary that are read for what it says of itself."""


class TornLineWarning(UserWarning):
    """The journal's last line was cut short, as a killed run leaves it; it has been dropped."""


class DoubledLineWarning(UserWarning):
    """A line of the journal stands there twice, as no run writes it; a trial counts once."""


def create(out: Path, run: Run) -> Path:
    """Make `out/<UTC time>-<name>` with its run.json; raises `RunFolderError` where it can't be written.

    `mkdir` is the lock between runs that start in the same second: the later one takes the next name.
    """
    stem = f"{run.started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{slug(run.name)}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = _first_free(out, stem)
        _begin(folder, run)
    except OSError as error:
        raise RunFolderError(f"--out {out} cannot be written: {error.strerror}; name another folder.") from None
    return folder


def _begin(folder: Path, run: Run) -> None:
    """Write what a run begins with, or leave no folder."""
    try:
        write_run(folder, run)
        (folder / JOURNAL).touch()
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _first_free(out: Path, stem: str) -> Path:
    for number in range(1, 1000):
        folder = out / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise RunFolderError(f"--out {out} has no free name left for {stem}; name another folder.")


def slug(name: str) -> str:
    """`name` with only characters that are safe in a folder's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"


def write_run(folder: Path, run: Run) -> None:
    """Write run.json whole or not at all."""
    write(folder / RUN, run.model_dump_json(by_alias=True, indent=1) + "\n")


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all, also where another process writes it at the same time."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, also where another process writes it at the same time.

    Raises an `OSError` that names the file, which one of writing does not do by itself.
    """
    # A name that nobody can guess, and never through a link that lies there: the folder may be one that others write.
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(content)
        partial.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


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
        lines = [trial.model_dump_json(by_alias=True, exclude_none=True) for trial in trials]
        whole = os.fstat(self._descriptor).st_size
        try:
            self._write("".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            os.ftruncate(self._descriptor, whole)
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

    def _write(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            left = left[os.write(self._descriptor, left) :]
        os.fsync(self._descriptor)


@contextmanager
def journal(folder: Path, *, way_on: str | None = None) -> Iterator[Journal]:
    """Open the journal for one writer; raises `RunFolderError` where it cannot be, or another process writes it.

    `way_on` is what to do where there is no room for a trial, unless --resume goes on.
    """
    resumed = f"go on by python -m bench.run --resume {shlex.quote(str(folder))}"
    way_on = way_on or f"what is in it is kept: make room, then {resumed}"
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


def _cut_torn_line(path: Path, descriptor: int) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        _warn_of_torn_line(path)
        os.ftruncate(descriptor, whole)


def _warn_of_torn_line(path: Path) -> None:
    _warn(f"{path}: the last line was cut short and is dropped.", TornLineWarning)


def _warn(text: str, category: type[UserWarning]) -> None:
    """Warn from here, whoever reads: Python then says it once, though a journal is read again and again."""
    warnings.warn(text, category, stacklevel=1)


def read_run(folder: Path, *, flag: str = "RUN") -> Run:
    """Read run.json; raises `RunFolderError` for a folder that is no run."""
    path = folder / RUN
    if not path.is_file():
        raise RunFolderError(f"{flag} {folder} is no run folder: it has no {RUN}.")
    content = _content(path)
    _refuse_newer(str(path), content)
    try:
        run = Run.model_validate_json(content)
        json.loads(content, object_pairs_hook=_once)
    except ValidationError as error:
        raise RunFolderError(f"{path} cannot be read: {_first(error)}.") from None
    except DoubledKeyError as error:
        raise RunFolderError(f"{path} has {error} twice, with different values perhaps: delete one.") from None
    return run


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}; make it readable.") from None


class DoubledKeyError(Exception):
    """A JSON object has a key twice: which of its values is meant nobody can tell."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys are all different."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise DoubledKeyError(repr(next(key for key in keys if keys.count(key) > 1)))
    return found


def _refuse_newer(where: str, content: bytes) -> None:
    """Raise `RunFolderError` for a format that this looptax does not know, which may mean another thing by a key."""
    schema = re.match(rb'\s*\{\s*"schema"\s*:\s*(\d{1,9})\b', content)
    if schema is None or int(schema[1]) <= SCHEMA:
        return
    version = re.search(rb'"looptax"\s*:\s*"([\w.+-]+)"', content)
    by = f"looptax {version[1].decode()}" if version else "a newer looptax"
    raise RunFolderError(
        f"{where} has schema {int(schema[1])}, which {by} has written; this looptax reads up to {SCHEMA}: upgrade it."
    )


def read_trials(folder: Path) -> list[Trial]:
    """Every trial of the journal; a torn last line, and one that stands there already, is dropped with a warning.

    Trials that took turns are measured again together where a kill had kept the lines of some: the later ones count.
    Raises `RunFolderError` naming the line for any other line that is no trial.
    """
    path = folder / JOURNAL
    lines = _content(path).split(b"\n") if path.is_file() else [b""]
    if lines.pop():
        _warn_of_torn_line(path)
    first: dict[bytes, int] = {}
    for number, line in enumerate(lines, start=1):
        if first.setdefault(line, number) != number:
            _warn(f"{path} line {number} repeats line {first[line]} and is dropped.", DoubledLineWarning)
    found: dict[TrialKey, Trial] = {}
    for line, number in first.items():
        trial = _trial(path, number, line)
        found.pop(trial.key, None)
        found[trial.key] = trial
    return list(found.values())


def _trial(path: Path, number: int, line: bytes) -> Trial:
    _refuse_newer(f"{path} line {number}", line)
    try:
        return Trial.model_validate_json(line)
    except ValidationError as error:
        raise RunFolderError(f"{path} line {number} is no trial: {_first(error)}; delete that line.") from None


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the text'}: {first['msg']}"


def write_summary(folder: Path, summary: Summary) -> None:
    """Write summary.json; the machine and the packages stand beside the run, not in it."""
    exclude = {"run": {"machine", "packages"}}
    write(folder / SUMMARY, summary.model_dump_json(by_alias=True, indent=1, exclude=exclude) + "\n")


def read_brief(path: Path) -> Brief | None:
    """What `path`, a summary.json, says of itself in its first lines; None for one that does not.

    A summary has megabytes, and a list of a thousand runs is wanted at once. Raises `ValueError`, `OSError`.
    """
    with path.open(encoding="utf-8") as file:
        head = file.read(LONGEST_BRIEF)
    start = re.match(r'\{\s*"schema":\s*\d+,\s*"brief":\s*(?=\{)', head)
    return Brief.model_validate(json.JSONDecoder().raw_decode(head, start.end())[0]) if start else None


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)
