"""Environments to compare: overlays over the current one, built once, kept by what is in them.

obtain("transformers==4.46.3")                        a release
obtain("transformers==4.38.2 accelerate==0.27.2")     a release with what it needs
obtain("./transformers"), obtain("dist/x-1.0-py3-none-any.whl")
obtain("current"), control()                          an overlay that moves nothing
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from bench.errors import UninstallableError, UsageError
from bench.execute.environments import overlay, requirements
from bench.execute.environments.build import build, not_as_asked, resolved
from bench.execute.environments.requirements import RequirementSet
from bench.records import files
from bench.records.cache import cache_folder, private
from bench.records.foreign_text import without_secrets
from bench.records.schema import Environment

CURRENT = "current"
FOLDER = "environments"
COMPLETE = "complete.json"  # written last: without it a folder was left half-built and does not count


def control() -> Environment:
    """An overlay that moves nothing, to be compared with others.

    It has an import path as long as theirs: Accelerate searches all of it in every optimizer step, so that this
    interpreter itself would look a little cheaper than any overlay.
    """
    return _obtain(RequirementSet(items=(), arguments=()), CURRENT)


def obtain(text: str) -> Environment:
    """The environment that `text` asks for, from the cache or built now.

    Raises `UsageError` for a text that means nothing, `UninstallableError` for what cannot be
    installed or imported here, `IndexUnreachableError` when the index is needed and does not answer.
    """
    if text.strip() == CURRENT:
        return control()
    return _obtain(requirements.parse(text), without_secrets(text))


def from_requirements(path: Path) -> Environment:
    """The environment that a requirements file asks for; raises as `obtain` does."""
    return _obtain(requirements.parse_file(path), path.stem)


def _obtain(wanted: RequirementSet, name: str) -> Environment:
    folder = _environments() / _key(wanted)
    stored = _read(folder)
    if stored is None or not _is_as_stored(stored, wanted):
        with _locked(folder.with_name(f"{folder.name}.lock")):
            stored = _read(folder)
            if stored is None or not _is_as_stored(stored, wanted):
                stored = _build(folder, wanted)
    return stored.model_copy(update={"name": name})


def _is_as_stored(stored: Environment, wanted: RequirementSet) -> bool:
    """Whether its own interpreter, asked now, sees what is stored: a shell or a hook may have been in between."""
    try:
        now = overlay.read_back(Path(stored.python), wanted.names | set(stored.moved))
    except UninstallableError:
        return False
    return now.packages == stored.packages and not_as_asked(wanted, now) is None


def _environments() -> Path:
    """Where they are built; raises `UsageError` where that cannot be written, before pip is asked for anything."""
    try:
        folder = private(FOLDER)
        reason = None if os.access(folder, os.W_OK) else "Permission denied"
    except OSError as error:
        reason = error.strerror
    if reason is not None:
        raise UsageError(
            f"environments are built in {cache_folder() / FOLDER}, which cannot be written ({reason}): name another "
            "folder with LOOPTAX_CACHE."
        )
    return folder


def _key(wanted: RequirementSet) -> str:
    """Changes with the interpreter, with every package of the current environment and with what is asked for."""
    folders = overlay.base_folders()
    installed = [sorted(path.name for path in Path(folder).glob("*-info")) for folder in folders]
    identity = [
        [sys.version, sys.prefix, folders, installed],
        [(item.text, item.digest) for item in wanted.items],
        # The control sees what every overlay sees before anything is installed in it.
        [] if wanted.is_fixed else resolved(wanted, Path(control().python)),
    ]
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    label = re.sub(r"[^\w.=-]+", "-", "-".join(wanted.texts)).strip("-.")[-60:] or CURRENT
    return f"{label}-{digest[:16]}"


def _read(folder: Path) -> Environment | None:
    try:
        stored = Environment.model_validate_json((folder / COMPLETE).read_bytes())
    except (OSError, ValidationError):
        return None
    return stored if Path(stored.python).exists() else None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One builder at a time; the system lets go of the lock however its holder ends."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(folder: Path, wanted: RequirementSet) -> Environment:
    try:
        built = build(folder, wanted)
        files.write_bytes(folder / COMPLETE, built.model_dump_json(indent=1).encode(), mode=files.OWNER)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return built
