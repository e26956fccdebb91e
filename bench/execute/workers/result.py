"""How a trial went: what its worker leaves in `result.json`, or what its end says where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.execute.workers.protocol import LOG, RESULT, how_it_ended, last_words
from bench.records.schema import (
    Collector,
    Compilation,
    Counters,
    EvaluationTime,
    Fingerprint,
    Interpreter,
    Memory,
    Phases,
    PricedOption,
    ScriptFingerprint,
    Status,
    Whole,
)


class AtEnd(BaseModel):
    """What a timed trial leaves besides its times, which are in `Ticks`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    startup_ns: int
    warmup_steps: int
    memory: Memory
    memory_of_ranks: list[Memory] = []
    collector: Collector | None = None
    samples_per_step: float | None = None
    evaluation: EvaluationTime | None = None
    """Of a script, in all turns, those included that do not count."""
    whole: Whole | None = None
    energy_j: float | None = None
    """Of all turns, those included that do not count."""
    sm_clock_mhz: list[int] | None = None
    unavailable: dict[str, str] = {}


class Result(BaseModel):
    """What a worker leaves in `result.json`; anything else is garbage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    reason: str | None = None
    timing: AtEnd | None = None
    fingerprint: Fingerprint | None = None
    witnessed: list[ScriptFingerprint] = []
    counters: Counters | None = None
    phases: Phases | None = None
    setup: dict[str, str] = {}
    compilation: Compilation | None = None
    memory: Memory | None = None
    options: list[PricedOption] = []
    """What a script has switched on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a trial went, and in which interpreter."""

    result: Result
    interpreter: Interpreter | None
    cpu_s: float = 0.0
    """Processor time of the trial, which this process cannot see itself."""


def failed(status: Status, reason: str) -> Result:
    """The result of a trial that has no figures."""
    return Result(status=status, reason=reason)


def read_result(scratch: Path, exit_code: int) -> Result:
    """The result in the scratch folder of a trial whose process has ended."""
    if exit_code != 0:
        status: Status = "killed" if exit_code < 0 else "failed"
        return failed(status, f"the process {how_it_ended(exit_code)}{last_words(scratch / LOG)}")
    path = scratch / RESULT
    if not path.exists():
        ended = "the loop ended its process before its job was done, as os._exit(0) does"
        return failed("failed", f"{ended}{last_words(scratch / LOG)}")
    try:
        return Result.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "top"
        return failed("garbage", f"the result cannot be read: {first['msg']} at {where}")
