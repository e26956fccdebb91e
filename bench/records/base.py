"""The words and the base of everything that is written to disk."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import RunFolderError

SCHEMA = 2
"""Of all files of a run folder; docs/formats.md has what each number brought, and when it rises."""
CURRENT = "current"
"""The environment that the harness itself runs in."""
MAIN_PACKAGES = ("torch", "transformers", "accelerate", "pytorch-lightning", "lightning")
"""What is compared, and torch under it, as pip names them."""

Pass = Literal["pilot", "options", "equivalence", "counting", "phases", "trace", "max-batch", "timing"]
Phase = Literal["data", "forward", "backward", "optimizer", "rest"]
Status = Literal["ok", "failed", "oom", "killed", "timeout", "garbage", "missing", "unavailable", "not-run"]
Launch = Literal["fork", "spawn"]
Verb = Literal["run", "upgrade", "bisect", "history", "prices"]
FigureGroup = Literal["time", "memory", "start", "counters"]
Nanoseconds = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A figure that was measured; losses may be anything."""


class Record(BaseModel):
    """A value that crosses a process or file boundary: immutable; unknown keys of newer formats are ignored."""

    # A loop that diverges has losses that are NaN: they must survive the trip through JSON.
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, ser_json_inf_nan="constants")


@cache
def own_version() -> str:
    """Which looptax this is, as what it writes says."""
    try:
        return version("looptax")
    except PackageNotFoundError:  # a checkout that nobody has installed
        return "0+unknown"


def refuse_newer(where: str, content: bytes) -> None:
    """Raise `RunFolderError` for a format that this looptax does not know, which may mean another thing by a key."""
    schema = re.match(rb'\s*\{\s*"schema"\s*:\s*(\d{1,9})\b', content)
    if schema is None or int(schema[1]) <= SCHEMA:
        return
    writer = re.search(rb'"looptax"\s*:\s*"([\w.+-]+)"', content)
    by = f"looptax {writer[1].decode()}" if writer else "a newer looptax"
    raise RunFolderError(
        f"{where} has schema {int(schema[1])}, which {by} has written; this looptax reads up to {SCHEMA}: upgrade it."
    )


def first_of(error: ValidationError) -> str:
    """What is wrong with a file, and where in it, by the first of pydantic's complaints."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the text'}: {first['msg']}"
