"""What a user's script was seen to do in a deterministic run: enough to prove two scripts alike, or to say why not."""

from __future__ import annotations

from typing import Any

from bench.records.base import Record
from bench.records.foreign_text import ForeignText


class Clip(Record):
    """One call that limited gradients."""

    kind: str
    """`norm` or `value`."""
    limit: float
    norm: float | None = None
    """Before it, where the call told."""


class ScriptStep(Record):
    """What happened from one tick to the next; without `--tick-on` every step of an optimizer ticks."""

    optimizer: int | None = None
    """Which one stepped, from 0 in the order of their first steps; None where a named function ticks."""
    parameters_sha256: str
    """Of its parameters after the step, in whatever order it keeps them; without an optimizer all that are trained."""
    moved: float
    """How far its parameters are from where they began: L2, in float64."""
    losses: list[float]
    """What each backward pass began with, before a `GradScaler` multiplied it."""
    learning_rates: list[float] = []
    """One a parameter group."""
    grad_norm: float | None = None
    """L2 over its parameters after the step, and so after clipping; None where no gradient was left."""
    clips: list[Clip] = []
    loss_scale: float | None = None
    """By which a `GradScaler` multiplied the last of them."""
    skipped: int = 0
    """Updates that a `GradScaler` left out before this one."""
    random_state: str | None = None
    """A digest of torch's random generator when the first forward of the step began."""


class ScriptBatch(Record):
    """A batch that a loader gave, or what a model was called with."""

    loader: int = 0
    epoch: int = 0
    """Which pass over its loader, from 1; 0 where there is no loader."""
    tensors: list[str]
    """A digest of each tensor, its dtype and shape included, sorted: names and order of fields are the script's."""
    samples: list[str]
    """A digest of each row, in order; of the first 256 rows."""
    indices: list[int] | None = None
    """What the sampler drew; None where it draws no numbers."""


class ScriptLoader(Record):
    """A `DataLoader` that fed a training forward."""

    dataset: str
    samples: int | None = None
    """None for a stream that has no length."""
    batch_size: int | None = None
    """None for a batch sampler of the script's own."""
    workers: int
    shuffle: bool | None = None
    """None for a sampler of the script's own."""
    drop_last: bool
    pin_memory: bool


class ScriptParameter(Record):
    """A parameter of what is trained."""

    name: str
    shape: list[int]
    dtype: str

    @property
    def numbers(self) -> int:
        """How many numbers it has."""
        count = 1
        for size in self.shape:
            count *= size
        return count


class ScriptGroup(Record):
    """A parameter group of an optimizer."""

    settings: dict[str, Any]
    """All but the parameters and the learning rate, which each step tells."""
    tensors: int
    numbers: int


class ScriptOptimizer(Record):
    """An optimizer that stepped."""

    name: str
    groups: list[ScriptGroup]


class ScriptModel(Record):
    """A module with parameters that was called in training, by no other module."""

    name: str
    attention: str | None = None
    """The implementation that a transformers model shows."""
    dropout: list[float] = []
    """The probabilities of its dropout modules, each once."""


class ScriptFingerprint(Record):
    """The first ticks of a script, and what it trained with."""

    seed: int
    """Given to all random generators before the script, which may seed them itself."""
    steps: list[ScriptStep]
    batches: list[ScriptBatch]
    """Of the loaders that fed training, in the order in which they were fetched; some fetch ahead."""
    inputs: list[ScriptBatch]
    """Of the models in training: those tensors that no model computed."""
    initial_sha256: str
    """Of all trained parameters before their first update."""
    trainable: list[ScriptParameter]
    frozen: list[ScriptParameter]
    optimizers: list[ScriptOptimizer]
    models: list[ScriptModel]
    loaders: list[ScriptLoader]
    autocast: list[str] = []
    """The dtypes that autocast had in the forwards of training; empty where it was off."""
    recomputes: bool = False
    """Whether modules were called again within a backward pass: gradient checkpointing."""
    compiled: bool = False
    flags: dict[str, str] = {}
    """Torch's global switches at the end that decide which kernels compute."""
    ended: ForeignText | None = None
    """A sentence where the script ended before it had made all the steps that were asked for."""
