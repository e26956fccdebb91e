"""The words and the base of everything that is written to disk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 1
CURRENT = "current"
"""The environment that the harness itself runs in."""

Pass = Literal["pilot", "equivalence", "counting", "phases", "trace", "timing"]
Phase = Literal["data", "forward", "backward", "optimizer", "rest"]
Status = Literal["ok", "failed", "oom", "killed", "timeout", "garbage", "missing", "not-run"]
Launch = Literal["fork", "spawn"]
Verb = Literal["run", "upgrade", "bisect", "history", "prices"]
FigureGroup = Literal["time", "memory", "start", "counters"]
Nanoseconds = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """A value that crosses a process or file boundary: immutable; unknown keys of newer formats are ignored."""

    # A loop that diverges has losses that are NaN: they must survive the trip through JSON.
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, ser_json_inf_nan="constants")
