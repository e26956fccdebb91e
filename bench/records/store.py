"""The run folder: run.json, the journal trials.jsonl, and what is rebuilt from them.

This is the door: how files are written stands in `files`, the journal in `journal`.
"""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from bench.errors import RunFolderError
from bench.records.base import first_of, refuse_newer
from bench.records.files import content_of, write, write_bytes
from bench.records.journal import (
    JOURNAL,
    PACKED,
    DoubledLineWarning,
    Journal,
    TornLineWarning,
    each_trial,
    journal,
    packed_or_not,
    read_trials,
)
from bench.records.schema import Brief, Run, Summary

RUN, SUMMARY, TRACES, LOGS = "run.json", "summary.json", "traces", "logs"
LONGEST_BRIEF = 65_536
"""Characters of a summary that are read for what it says of itself."""


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


def read_run(folder: Path, *, flag: str = "RUN") -> Run:
    """Read run.json; raises `RunFolderError` for a folder that is no run."""
    path = folder / RUN
    if not path.is_file():
        raise RunFolderError(f"{flag} {folder} is no run folder: it has no {RUN}.")
    content = content_of(path)
    refuse_newer(str(path), content)
    try:
        run = Run.model_validate_json(content)
        json.loads(content, object_pairs_hook=_once)
    except ValidationError as error:
        raise RunFolderError(f"{path} cannot be read: {first_of(error)}.") from None
    except DoubledKeyError as error:
        raise RunFolderError(f"{path} has {error} twice, with different values perhaps: delete one.") from None
    return run


class DoubledKeyError(Exception):
    """A JSON object has a key twice: which of its values is meant nobody can tell."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys are all different."""
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise DoubledKeyError(repr(next(key for key in keys if keys.count(key) > 1)))
    return values


def write_summary(folder: Path, summary: Summary) -> None:
    """Write summary.json; the machine and the packages stand beside the run, not in it."""
    content = summary.model_dump(mode="json", by_alias=True, exclude={"run": {"machine", "packages"}})
    write(folder / SUMMARY, _rows(content) + "\n")


def _rows(content: dict[str, object]) -> str:
    """JSON with one line for each key, and for each row of a list: indented, a summary is a third larger."""

    def compact(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def value(item: object) -> str:
        return "[\n" + ",\n".join(map(compact, item)) + "\n]" if isinstance(item, list) and item else compact(item)

    return "{\n" + ",\n".join(f"{compact(key)}: {value(item)}" for key, item in content.items()) + "\n}"


def read_summary(path: Path) -> Summary:
    """Read a summary.json; raises `RunFolderError` for one of a newer format, `ValueError`, `OSError`."""
    content = path.read_bytes()
    refuse_newer(str(path), content)
    return Summary.model_validate_json(content)


def read_brief(path: Path) -> Brief | None:
    """What `path`, a summary.json, says of itself in its first lines; None for one that does not.

    A summary has megabytes, and a list of a thousand runs is wanted at once. Raises as `read_summary` does.
    """
    with path.open(encoding="utf-8") as file:
        head = file.read(LONGEST_BRIEF)
    refuse_newer(str(path), head.encode())
    start = re.match(r'\{\s*"schema":\s*\d+,\s*"brief":\s*(?=\{)', head)
    if start is None:
        return None
    try:
        return Brief.model_validate(json.JSONDecoder().raw_decode(head, start.end())[0])
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)
