"""What is measured: a cell, those it is compared with, and how long its trials are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bench.records.base import CURRENT, Finite, Record

ANCHOR = "anchor"
"""The environment with the packages of today, in which a history has what every release is measured beside."""
SCRIPT = "script"
"""The workload of a script, which brings its own."""
FLOOR = "floor"
"""The runner that is nothing but arithmetic: not a loop that someone would use."""
MAX_STEPS = 10**12
"""More than anybody trains, and few enough for the arithmetic of arrays."""
MAX_TURN_STEPS = 2**20
Steps = Annotated[int, Field(ge=1, le=MAX_STEPS)]


class Comparison(Record):
    """What all runners of one comparison share: a cell without its runner."""

    workload: str
    device: str
    accelerator_type: str | None = None
    """The kind of machine in a cluster, by Ray's name for it; None where a run has no kinds."""
    batch_size: int
    """0 for scripts, which choose their own: what they were seen to take is `Timing.samples_per_step`."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    optimizer: Literal["adamw", "adamw-fused", "sgd"] = "adamw"
    grad_accumulation: int = 1
    grad_clip: Finite | None = None
    workers: int = 0
    ranks: int = 1
    """Processes that train together, each on its part of a batch; `batch_size` is what one of them has."""
    nodes: int = 1
    """Machines that they are on, as many on each."""
    strategy: Literal["ddp", "fsdp", "deepspeed"] = "ddp"
    """How several of them do: `ddp` has the whole model on each, `fsdp` a part of every parameter."""
    compile: bool = False
    """Whether the model is compiled, by `torch.compile` as each framework has it."""
    profile: Literal["matched", "stock"] = "matched"
    """`stock` leaves precision, optimizer, accumulation, clipping and workers to the framework."""
    environment: str = CURRENT

    @property
    def at_batch(self) -> str:
        """` at batch 64`, to follow a runner's name; empty where the batch is the script's own affair."""
        return f" at batch {self.batch_size:,}" if self.batch_size else ""

    @property
    def samples_per_step(self) -> int:
        """Samples that one optimizer step consumes, on all ranks together; 0 for scripts."""
        return self.batch_size * self.grad_accumulation * self.ranks

    @property
    def is_script(self) -> bool:
        """Whether what is trained is a script's own affair, which then is the runner."""
        return self.workload == SCRIPT

    @property
    def device_name(self) -> str:
        """The device, with its kind of machine where a run has kinds: `cuda (H100)`."""
        return self.device if self.accelerator_type is None else f"{self.device} ({self.accelerator_type})"

    @property
    def devices(self) -> list[str]:
        """What it is on: `cpu`, or the cards of one node by their numbers, as many as there are ranks on it."""
        kind, _, index = self.device.partition(":")
        first = int(index or 0)
        on_cards = [f"{kind}:{number}" for number in range(first, first + self.ranks // self.nodes)]
        return ["cpu"] if kind == "cpu" else on_cards

    @property
    def place(self) -> str:
        """Where it is: `mlp on cpu`, or of a script `cpu`."""
        return self.device_name if self.is_script else f"{self.workload} on {self.device_name}"

    @property
    def of_place(self) -> str:
        """` of mlp on cpu`, or ` on cpu`, to follow the name of a runner or a script."""
        return f"{' on' if self.is_script else ' of'} {self.place}"

    @property
    def without_environment(self) -> Comparison:
        """The same in the current environment: what cells of several environments share."""
        shared = self.model_dump(include=set(Comparison.model_fields)) | {"environment": CURRENT}
        return Comparison.model_validate(shared)


class Cell(Comparison):
    """One runner in one comparison: one row of the table."""

    runner: str
    clone: bool = False
    """Whether it is the baseline of its comparison once more, which differs from it by nothing but noise."""
    option: str | None = None
    """What is switched on in it that is off in the others, or of a script off that is on, by its name there."""

    @property
    def comparison(self) -> Comparison:
        """The cell without its runner."""
        return Comparison.model_validate(self.model_dump(exclude={"runner", "clone", "option"}))


class Length(Record):
    """How long a trial is, equal for every runner of a comparison."""

    epochs: Steps
    steps_per_epoch: Steps
    warmup_steps: Steps
    """At least one, since the region starts at a tick."""

    @property
    def steps(self) -> int:
        """Optimizer steps of a whole trial, warm-up included."""
        return self.epochs * self.steps_per_epoch


class TurnLength(Record):
    """A turn, equal for every trial of a comparison."""

    cold_steps: Annotated[int, Field(ge=0, le=MAX_TURN_STEPS)]
    """At its beginning, left out by their place: the caches belong to whoever ran before."""
    kept_steps: Annotated[int, Field(ge=1, le=MAX_TURN_STEPS)]

    @property
    def steps(self) -> int:
        """All of its steps."""
        return self.cold_steps + self.kept_steps
