"""What a trial is asked to do: by the parent's words, and by the message that its worker gets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.execute.workers.meeting import Meeting
from bench.execute.workers.protocol import Message
from bench.execute.workers.spec import local
from bench.plan.devices import visibility
from bench.plan.length import WarmUp
from bench.records.schema import Cell, Length, Pass, Scripts
from trainloops.contract import Job


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One trial to run."""

    phase: Pass
    cell: Cell
    length: Length
    seed: int
    threads: int
    timeout_s: float
    """Until it ends; of a trial that takes turns until it has warmed up."""
    turn_timeout_s: float | None = None
    """Until its turn ends, where the user has named that."""
    end_timeout_s: float = 60.0
    """Until it has ended, when its turns are over."""
    trace_to: Path | None = None
    """Where the file that a trace pass leaves is kept."""
    warm_up: WarmUp = field(default_factory=WarmUp)
    cores: Sequence[int] = ()
    """The cores that it runs on; all where none is named."""
    is_alone: bool = True
    """Whether no other trial takes turns with it."""
    block: int = 0
    """Of which a trial that takes turns is one."""
    scripts: Scripts | None = None
    """Those of the run; its cell names one of them."""
    log_to: Path | None = None
    """Where what it has printed is kept: of a script its last trial of a name, of all one that failed, beside it."""
    event_steps: int | None = None
    """Steps from one event to the next, of an option that has any: they are counted apart."""
    has_terminal: bool = False
    """Whether it writes to a terminal, as people have one, and not to a file."""
    memory_limit_bytes: int | None = None
    """What it may have in memory at its peak, imports included; None: all that there is."""
    sees_collections: bool = False
    """Whether it looks how long full collections of garbage take when its turns are over."""

    meeting: Meeting | None = None
    """Where its ranks meet that are on several nodes."""

    def message(self, scratch: Path) -> Message:
        """What its worker gets; `scratch` is the trial's folder."""
        return {
            "phase": self.phase,
            "threads": self.threads,
            "warmup_steps": self.length.warmup_steps,
            "warm_up": asdict(self.warm_up),
            "cores": list(self.cores),
            "is_alone": self.is_alone,
            "block": self.block,
            "sees_collections": self.sees_collections,
            "script": None if self.scripts is None else message_of(self.scripts, self.cell.runner),
            "event_steps": self.event_steps,
            "has_terminal": self.has_terminal,
            "runner": self.cell.runner,
            "option": self.cell.option,
            "profile": self.cell.profile,
            "memory_limit_bytes": self.memory_limit_bytes,
            "visible": visibility(self.cell.device, os.environ, cards=self.cell.ranks // self.cell.nodes),
            "meeting": None if self.meeting is None else asdict(self.meeting),
            "scratch": str(scratch),
            "job": asdict(self._job(scratch)),
        }

    def _job(self, scratch: Path) -> Job:
        return Job(
            workload=self.cell.workload,
            batch_size=self.cell.batch_size,
            epochs=self.length.epochs,
            steps_per_epoch=self.length.steps_per_epoch,
            device=local(self.cell.device),
            precision=self.cell.precision,
            optimizer=self.cell.optimizer,
            grad_accumulation=self.cell.grad_accumulation,
            grad_clip=self.cell.grad_clip,
            workers=self.cell.workers,
            compile=self.cell.compile,
            ranks=self.cell.ranks,
            nodes=self.cell.nodes,
            strategy=self.cell.strategy,
            seed=self.seed,
            output_dir=str(scratch),
        )


def message_of(scripts: Scripts, name: str) -> Message:
    """One of the scripts, as a worker gets it."""
    return {**scripts.model_dump(exclude={"each"}), **scripts.script(name).model_dump()}
