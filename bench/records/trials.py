"""What one trial saw: a line of the journal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bench.records.base import CURRENT, SCHEMA, Finite, Launch, Nanoseconds, Pass, Phase, Record, Status
from bench.records.foreign_text import ForeignText
from bench.records.scripts import ScriptFingerprint

SCRIPT = "script"
"""The workload of a script, which brings its own."""
MAX_STEPS = 10**12
"""More than anybody trains, and few enough for the arithmetic of arrays."""
MAX_TURN_STEPS = 2**20
Steps = Annotated[int, Field(ge=1, le=MAX_STEPS)]


class Comparison(Record):
    """What all runners of one comparison share: a cell without its runner."""

    workload: str
    device: str
    batch_size: int
    """0 for scripts, which choose their own: what they were seen to take is `Timing.samples_per_step`."""
    precision: Literal["fp32", "bf16"] = "fp32"
    optimizer: Literal["adamw", "adamw-fused", "sgd"] = "adamw"
    grad_accumulation: int = 1
    grad_clip: Finite | None = None
    workers: int = 0
    ranks: int = 1
    """Processes that train together, each on its part of a batch; `batch_size` is what one of them has."""
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
    """What is switched on in it that is off in the others, by its name in the price list."""

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


class Memory(Record):
    """Peaks of one trial; what cannot be had is None, and `unavailable` says why, by field name."""

    device_allocated_bytes: int | None = None
    device_reserved_bytes: int | None = None
    device_allocated_whole_run_bytes: int | None = None
    device_process_bytes: int | None = None
    host_rss_bytes: int | None = None
    """Peak resident memory above `Interpreter.base_rss_bytes`, imports included."""
    unavailable: dict[str, str] = {}


class Turns(Record):
    """How a trial's timed steps were shared out."""

    length: TurnLength
    places: list[int]
    """For each turn, how many trials had theirs before in its cycle."""
    pauses_ns: dict[int, Nanoseconds] = {}
    """Full collections of Python's garbage: how long they paused a step, by its place in `Timing.step_ns`."""
    waits_ns: dict[int, Nanoseconds] | None = None
    """How long a step could have run and did not, because its core ran something else; None where no kernel tells."""


class Collector(Record):
    """How often Python's collector looks at all objects there are, and how long that takes."""

    full_due: Finite
    """How many full collections the timed steps bring, by what survived younger ones."""
    full_ns: list[Nanoseconds] = []
    """How long each took, but the first of the process, which copies pages; some were made when the turns were over."""


class Whole(Record):
    """A script from its beginning to its own end, without the turns of others; imports of its first lines apart."""

    steps: int
    """All that it made."""
    ns: Nanoseconds
    after_ns: Nanoseconds
    """What of that came after its last step, its exit handlers included."""


class Timing(Record):
    """The clock of one trial. A tick is the instant after an optimizer step."""

    startup_ns: Nanoseconds
    """From the call of the runner to the first tick."""
    step_ns: list[Nanoseconds]
    """Tick to tick: turn after turn, cold steps first. Of a trial without turns, as they were made until they took
    turns, all `steps - 1` intervals, warm-up and epoch boundaries included."""
    turns: Turns | None = None
    region_ns: Nanoseconds | None = None
    """Of a trial without turns: from the tick that ended the warm-up to the last one."""
    train_ns: Nanoseconds | None = None
    """Of a trial without turns: the whole call of the runner."""
    device_step_us: list[Finite] | None = None
    """The same intervals by device events, where the device has them."""
    samples_per_step: float | None = None
    """Of a script: the samples of its batches, or what the user says; of a runner None, since its cell tells."""
    whole: Whole | None = None
    """Of a script that ran to its end because of --to-the-end."""
    memory: Memory
    """Of a trial of several ranks, that of the one with the largest peak."""
    memory_of_ranks: list[Memory] = []
    """Where there are several."""
    collector: Collector | None = None
    energy_j: Finite | None = None
    """What the hardware's own counters say was used in all turns, or in the region."""
    terminal_bytes_per_step: float | None = None
    """Written to a terminal of its own, over some hundred steps in a row; None of a trial that had none."""
    sm_clock_mhz: Annotated[list[int], Field(min_length=2, max_length=2)] | None = None
    """Of the card's multiprocessors, after the first turn and after the last."""
    unavailable: dict[str, str] = {}
    """Why a figure is None, by field name."""

    @model_validator(mode="after")
    def _is_of_one_piece(self) -> Timing:
        """Figures are taken by their place in a turn: with a step more or less each would be another's."""
        turns = self.turns
        if turns is not None and len(self.step_ns) != len(turns.places) * turns.length.steps:
            raise ValueError(
                f"step_ns has {len(self.step_ns):,} steps, its {len(turns.places):,} turns have "
                f"{turns.length.steps:,} each"
            )
        if self.device_step_us is not None and len(self.device_step_us) != len(self.step_ns):
            raise ValueError(f"device_step_us has {len(self.device_step_us):,} steps, not {len(self.step_ns):,}")
        marked = () if turns is None else (*turns.pauses_ns, *(turns.waits_ns or ()))
        if any(step not in range(len(self.step_ns)) for step in marked):
            raise ValueError("turns name a step that step_ns does not have")
        return self


class Fingerprint(Record):
    """What a deterministic run computed: enough to tell whether two loops did the same arithmetic."""

    losses: list[float]
    """One a micro-batch, in order, exact (JSON floats round-trip)."""
    weights_sha256: str
    parameter_norms: list[float]
    """The L2 norm of each parameter, in float64, in the model's order."""


class Count(Record):
    """What most of the steady steps show, and the fraction of them that shows it."""

    value: int
    share: Finite


class FunctionCounts(Record):
    """What one Python function has to do with a steady step."""

    file: str
    """As it is imported: `transformers/trainer.py`."""
    function: str
    line: int
    python_calls: int = 0
    c_calls: int = 0
    ops: int = 0
    syncs: int = 0
    tensor_bytes: int = 0
    """Bytes alive at the step's peak that it allocated."""


class Counters(Record):
    """Deterministic counts a steady step; what cannot be had is None, and `unavailable` says why, by field name."""

    steady_steps: int
    python_calls: Count | None = None
    c_calls: Count | None = None
    ops: Count | None = None
    syncs: Count | None = None
    tensor_bytes: Count | None = None
    kernels: Count | None = None
    device_syncs: Count | None = None
    allocations: Count | None = None
    ops_by_name: dict[str, int]
    tensor_bytes_by_category: dict[str, int]
    collectives: dict[str, int] = {}
    """Of the first of several ranks: what it asked of the others, by kind."""
    collective_bytes: dict[str, int] = {}
    """By the same kinds, of the tensors that it handed over."""
    at_events: dict[str, int] = {}
    """By counter, what a step shows in which an option's event happens; empty without one."""
    functions: list[FunctionCounts]
    """The parts of the five counters that are counted by function; each column sums to its counter."""
    unavailable: dict[str, str] = {}


class FunctionTime(Record):
    """The wall time of a step that one Python function spends itself, by samples."""

    file: str
    """As it is imported: `transformers/trainer.py`."""
    function: str
    line: int
    exclusive_ns: int


class Phases(Record):
    """Where the time of a step goes, from a run of its own, whose hooks make it slower than the timed one."""

    phase_ns: dict[Phase, list[Nanoseconds]]
    """For each of the `steps - 1` intervals from tick to tick; the phases of an interval sum to it."""
    evaluation_ns: list[Nanoseconds] | None = None
    """Of a script: what of each interval went into evaluation, and is in none of its phases."""
    functions: list[FunctionTime]


class Compilation(Record):
    """What `torch.compile` did in one trial."""

    seconds: Finite
    """Spent on compiling; most of it before the first tick, and less where torch's cache has the graph already."""
    graphs: int
    graph_breaks: int
    """Places where the compiler gave up and let Python go on."""
    in_turns: int = 0
    """Compilations that fell into timed steps."""


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
    block: int
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
