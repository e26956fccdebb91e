"""What one trial saw: a line of the journal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, model_validator

from bench.records.base import SCHEMA, Finite, Launch, Pass, Record, Status
from bench.records.cells import MAX_STEPS, Cell, Length
from bench.records.foreign_text import ForeignText
from bench.records.measured import Compilation, Counters, Fingerprint, Memory, Phases, Timing
from bench.records.scripts import ScriptFingerprint


class Imported(Record):
    """A package as the process that measures has imported it."""

    version: str
    """What it says of itself, or where it says nothing what was installed."""
    path: str
    """The file of its module, from the folder of its environment on; whole where it lies in none."""


class Interpreter(Record):
    """The process that a trial was started from, and what importing its framework cost."""

    pid: int
    launch: Launch
    no_fork: ForeignText | None = None
    """Why trials are not forks on this device, where that was tried."""
    hash_seed: int
    padding_bytes: int
    alone: bool
    """Whether no other interpreter of ours was importing at the same time: only then is `import_s` a figure."""
    import_s: Finite
    """Torch, and the framework on top."""
    import_torch_s: Finite | None = None
    """Of that, torch, which interpreters of one set import once together; None before they did."""
    import_rss_bytes: int
    base_rss_bytes: int
    """Resident memory of the interpreter before the framework was imported."""
    hides_imports: bool = False
    """Whether Python's collector does not look at what it had imported: then full collections are no user's."""
    imported: dict[str, Imported] = {}
    """What it has imported of the packages that are compared; empty before interpreters told it."""


class Load(Record):
    """What the processors that the run may use did from a request to its answer, of trials that take turns together."""

    wall_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    cpus: Annotated[int, Field(ge=1)]
    busy_s: Finite
    """Processor time of all processes."""
    own_s: Finite
    """Processor time of this run's own."""
    stolen_s: Finite
    """What the hypervisor gave to others while there was something to run here."""


TrialKey = tuple[Pass, Cell, int, int]


class Trial(Record):
    """One line of the journal."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    looptax: str | None = None
    """The version that wrote the line, which may be newer than the one that began the run; None before schema 2."""
    phase: Pass
    cell: Cell
    length: Length
    block: Annotated[int, Field(ge=-MAX_STEPS, le=MAX_STEPS)]
    replicate: int
    position: int
    """Where in its block the trial ran, from 0."""
    status: Status
    reason: ForeignText | None = None
    """One sentence where the status is not ok."""
    started_at: datetime
    wall_s: Finite
    """From the request to the answer, by the parent's clock: the trial with all of its overhead."""
    interpreter: Interpreter | None = None
    timing: Timing | None = None
    fingerprint: Fingerprint | None = None
    witnessed: list[ScriptFingerprint] = []
    """Of a script: what it was seen to do, twice."""
    counters: Counters | None = None
    compilation: Compilation | None = None
    memory: Memory | None = None
    """Of a search for the largest batch; that of a timed trial stands in its `timing`."""
    phases: Phases | None = None
    setup: dict[str, ForeignText] = {}
    """Of an equivalence trial: how the loop had set itself up, read from its objects at the first optimizer step."""
    owns_pages: bool | None = None
    """Only in journals from before loops took turns: whether a fork had copied the pages it shared with its parent."""
    load: Load | None = None
    """Of trials that take turns the first has it; None where `no_load` says why it cannot be had."""
    alone: ForeignText | None = None
    """Why a timed trial took no turns with those that it is compared with; None where it did."""
    no_load: ForeignText | None = None
    node: ForeignText | None = None
    """The node of a cluster that measured it, and its hardware; None where that was the machine of run.json."""

    @property
    def key(self) -> TrialKey:
        """What makes a trial the same trial when a run is resumed."""
        return self.phase, self.cell, self.block, self.replicate

    @model_validator(mode="after")
    def _has_the_steps_of_its_length(self) -> Trial:
        """Of a trial without turns the warm-up and the ends of epochs are found by their place."""
        timing = self.timing
        if timing is not None and timing.turns is None and len(timing.step_ns) != self.length.steps - 1:
            raise ValueError(f"timing.step_ns has {len(timing.step_ns):,} steps, not {self.length.steps - 1:,}")
        return self
