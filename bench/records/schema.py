"""What is written to disk: the journal's trials, run.json and summary.json.

Format history (`SCHEMA`); keys only ever get added:
1: first format. Later added: the pass `counting`, `Trial.counters`, `CellSummary.counters` and `tensor_bytes`;
   the passes `phases` and `trace`, `Trial.phases`, `Timing.energy_j`, `Settings.passes`, and in a cell `phases_us`,
   `tensor_bytes_by_category` and `joules_per_1000_samples`; `Settings.design` and `environments`, `Run.verb`, and
   `Verdict`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA = 1
CURRENT = "current"
"""The environment that the harness itself runs in."""

Pass = Literal["pilot", "equivalence", "counting", "phases", "trace", "timing"]
Phase = Literal["data", "forward", "backward", "optimizer", "rest"]
Status = Literal["ok", "failed", "oom", "killed", "timeout", "garbage", "missing", "not-run"]
Launch = Literal["fork", "spawn"]
FigureGroup = Literal["time", "memory", "start", "counters"]
Nanoseconds = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """A value that crosses a process or file boundary: immutable; unknown keys of newer formats are ignored."""

    # A loop that diverges has losses that are NaN: they must survive the trip through JSON.
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, ser_json_inf_nan="constants")


class Comparison(Record):
    """What all runners of one comparison share: a cell without its runner."""

    workload: str
    device: str
    batch_size: int
    precision: Literal["fp32", "bf16"] = "fp32"
    optimizer: Literal["adamw", "adamw-fused", "sgd"] = "adamw"
    grad_accumulation: int = 1
    grad_clip: float | None = None
    workers: int = 0
    profile: Literal["matched"] = "matched"
    environment: str = CURRENT

    @property
    def anywhere(self) -> Comparison:
        """The same in the current environment: what cells of several environments share."""
        shared = self.model_dump(include=set(Comparison.model_fields)) | {"environment": CURRENT}
        return Comparison.model_validate(shared)


class Cell(Comparison):
    """One runner in one comparison: one row of the table."""

    runner: str

    @property
    def comparison(self) -> Comparison:
        """The cell without its runner."""
        return Comparison.model_validate(self.model_dump(exclude={"runner"}))


class Length(Record):
    """How long a trial is, equal for every runner of a comparison."""

    epochs: Annotated[int, Field(ge=1)]
    steps_per_epoch: Annotated[int, Field(ge=1)]
    warmup_steps: Annotated[int, Field(ge=1)]
    """At least one, since the region starts at a tick."""

    @property
    def steps(self) -> int:
        """Optimizer steps of a whole trial, warm-up included."""
        return self.epochs * self.steps_per_epoch


class Interpreter(Record):
    """The process that a trial was started from, and what importing its framework cost."""

    pid: int
    launch: Launch
    hash_seed: int
    padding_bytes: int
    alone: bool
    """Whether no other interpreter of ours was importing at the same time: only then is `import_s` a figure."""
    import_s: float
    import_rss_bytes: int
    base_rss_bytes: int
    """Resident memory of the interpreter before the framework was imported."""


class Memory(Record):
    """Peaks of one trial; what cannot be had is None, and `unavailable` says why, by field name."""

    device_allocated_bytes: int | None = None
    device_reserved_bytes: int | None = None
    device_allocated_whole_run_bytes: int | None = None
    device_process_bytes: int | None = None
    host_rss_bytes: int | None = None
    """Peak resident memory above `Interpreter.base_rss_bytes`, imports included."""
    unavailable: dict[str, str] = {}


class Timing(Record):
    """The clock of one trial. A tick is the instant after an optimizer step."""

    startup_ns: Nanoseconds
    """From the call of the runner to the first tick."""
    step_ns: list[Nanoseconds]
    """Tick to tick for all `steps - 1` intervals: warm-up and epoch boundaries are still in it."""
    region_ns: Nanoseconds
    """From the tick that ends the warm-up to the last tick, the device synchronised at both ends."""
    train_ns: Nanoseconds
    """The whole call of the runner."""
    device_step_us: list[float] | None = None
    """The same intervals by device events, where the device has them."""
    memory: Memory
    energy_j: float | None = None
    """What the hardware's own counters say was used in the region."""
    unavailable: dict[str, str] = {}
    """Why a figure is None, by field name."""


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
    share: float


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
    python_calls: Count
    c_calls: Count
    ops: Count
    syncs: Count
    tensor_bytes: Count
    kernels: Count | None = None
    device_syncs: Count | None = None
    allocations: Count | None = None
    ops_by_name: dict[str, int]
    tensor_bytes_by_category: dict[str, int]
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
    functions: list[FunctionTime]


class Trial(Record):
    """One line of the journal."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    phase: Pass
    cell: Cell
    length: Length
    block: int
    replicate: int
    position: int
    """Where in its block the trial ran, from 0."""
    status: Status
    reason: str | None = None
    """One sentence where the status is not ok."""
    started_at: datetime
    wall_s: float
    """From the request to the answer, by the parent's clock: the trial with all of its overhead."""
    interpreter: Interpreter | None = None
    timing: Timing | None = None
    fingerprint: Fingerprint | None = None
    counters: Counters | None = None
    phases: Phases | None = None


class Environment(Record):
    """An interpreter that cells run in, and what it sees; package names are normalised."""

    name: str
    """As the cells know it."""
    python: str
    """The path of its interpreter."""
    clone_of: str | None = None
    """The environment that this is the same as; only its processes are others."""
    requirements: list[str] = []
    packages: dict[str, str] = {}
    moved: dict[str, tuple[str | None, str]] = {}
    """Version in the current environment (None: not there) and here, of each package that differs."""
    unasked: list[str] = []
    """Those that moved without being asked for."""
    conflicts: list[str] = []
    """What pip says of packages that no longer fit each other."""


class Release(Record):
    """One release of a package."""

    version: str
    uploaded: datetime | None = None
    """When its first file was uploaded, where the index says so."""


class Bisection(Record):
    """What a bisection looks for."""

    metric: str
    """A counter's name, or `step_time`."""
    releases: list[Release]
    """Of `Settings.package`, oldest first, both ends included."""
    every: bool = False
    """Whether all moves between unlike releases are looked for, not one."""


class Settings(Record):
    """What the user asked for, after presets and defaults: what `--like` repeats."""

    comparisons: list[Comparison]
    runners: list[str]
    design: Literal["runners", "environments", "anchored"] = "runners"
    """Who is compared with whom, see `plan.rounds`."""
    environments: list[Environment] = []
    """Where cells run; empty where that is the current environment alone."""
    passes: list[Pass] = ["equivalence", "counting", "timing"]
    """What is done with every cell; a pilot comes before whatever is timed."""
    preset: str
    blocks: int
    trials_per_block: int
    budget_s: float | None = None
    target_ci: float | None = None
    target_region_s: float = 0.3
    """How long the measured region of the baseline shall last at least; the pilot chooses the steps by it."""
    steps: int | None = None
    warmup_steps: int | None = None
    threads: int = 1
    seed: int = 0
    timeout_s: float | None = None
    package: str | None = None
    """Whose releases the environments are; where releases are compared."""
    unusable: dict[str, str] = {}
    """Why a release has no environment, by version."""
    bisection: Bisection | None = None
    margin: float = 0.03
    """By how much worse is too much, as a fraction; where environments are compared."""
    fail_on: list[FigureGroup] = ["time", "memory"]
    """Which figures a check of an environment fails on."""


class AcceleratorInfo(Record):
    """One accelerator that torch sees."""

    device: str
    """torch's name for it, such as `cuda:0`."""
    name: str


class Machine(Record):
    """Where a run was made."""

    system: str
    python: str
    cpu: str
    logical_cpus: int
    usable_cpus: int
    memory_bytes: int | None
    accelerators: list[AcceleratorInfo]
    torch_build: str


class PlannedLength(Record):
    """The trial length that the pilot chose for one comparison."""

    comparison: Comparison
    length: Length


class Run(Record):
    """run.json: everything needed to repeat the run."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    name: str
    verb: Literal["run", "upgrade", "bisect", "history"] = "run"
    started_at: datetime
    command: str
    settings: Settings
    lengths: list[PlannedLength] = []
    machine: Machine
    packages: dict[str, str]
    git_revision: str | None = None


class Estimate(Record):
    """A figure with its 95 % interval; no bounds where there are too few blocks for one."""

    value: float
    low: float | None = None
    high: float | None = None


class Equivalence(Record):
    """Whether a runner did the arithmetic of the baseline, and how far off it was."""

    verdict: Literal["baseline", "bitwise", "close", "different", "unproven"]
    detail: str
    """One sentence: how it was proven, or what differed."""
    largest_relative_difference: float | None = None

    @property
    def proven(self) -> bool:
        """Whether ratios may be printed."""
        return self.verdict in ("baseline", "bitwise", "close")


class DeviceMemory(Record):
    """Peak device memory, the median over blocks."""

    allocated: float | None = None
    reserved: float | None = None
    process: float | None = None


class CounterFigures(Record):
    """Exact counts a steady step, and how far they may be relied on."""

    python_calls: int | None = None
    c_calls: int | None = None
    ops: int | None = None
    syncs: int | None = None
    kernels: int | None = None
    device_syncs: int | None = None
    allocations: int | None = None
    share: dict[str, float] = {}
    """By counter, the fraction of the steady steps that show the figure."""
    not_repeated: list[str] = []
    """Counters of which a second fresh interpreter gave another figure."""


class CellSummary(Cell):
    """One row: a figure that cannot be had is None, and `unavailable` says why.

    `unavailable` is keyed by field, `device_memory_bytes.allocated` for a field of a field.
    """

    status: Status
    reason: str | None = None
    """How the last failed trial failed, even where the status is ok."""
    blocks: int
    trials: int
    """Good timing trials, and failed trials of any pass."""
    failed_trials: int
    length: Length | None = None
    equivalence: Equivalence
    step_time_us: Estimate | None = None
    step_p50_us: float | None = None
    step_p95_us: float | None = None
    step_p99_us: float | None = None
    device_step_time_us: Estimate | None = None
    samples_per_second: Estimate | None = None
    ratio: Estimate | None = None
    """Step time over the baseline's, from pairs inside a block."""
    overhead_us: Estimate | None = None
    """Step time minus the baseline's, from the same pairs."""
    floor_ratio: Estimate | None = None
    """Step time over the floor runner's: 1 would be nothing but arithmetic."""
    device_memory_bytes: DeviceMemory = DeviceMemory()
    tensor_bytes: int | None = None
    """Peak bytes of live tensors in a steady step, the dataset's left out."""
    tensor_bytes_by_category: dict[str, int] | None = None
    """What they were: parameters, gradients, optimizer_state, batch, activations_and_rest."""
    phases_us: dict[Phase, float] | None = None
    """The median steady step by phase, in a run that is slowed by its hooks."""
    joules_per_1000_samples: float | None = None
    counters: CounterFigures | None = None
    host_rss_bytes: float | None = None
    import_s: float | None = None
    import_rss_bytes: float | None = None
    startup_s: Estimate | None = None
    epoch_boundary_us: Estimate | None = None
    """What an interval that crosses an epoch boundary costs beyond a steady step."""
    run_to_run_cv: float | None = None
    """Spread of the block figures of step time, as a fraction."""
    unavailable: dict[str, str] = {}

    @property
    def cell(self) -> Cell:
        """The row's key."""
        return Cell.model_validate(self.model_dump(include=set(Cell.model_fields)))


class AttributionRow(Record):
    """One function, and how much more of one counter it has in a cell than in the baseline's."""

    cell: Cell
    counter: str
    file: str
    function: str
    line: int
    baseline: int
    candidate: int
    delta: int


class Verdict(Record):
    """Whether one figure of a cell got worse from the baseline to the candidate."""

    cell: Cell
    """The candidate's."""
    metric: str
    baseline: float | None = None
    candidate: float | None = None
    ratio: Estimate | None = None
    """Candidate over baseline; each bound is wrong with a probability of `gamma`. None for an exact figure."""
    margin: float | None = None
    asked_margin: float | None = None
    minimum_detectable_effect: float | None = None
    gamma: float | None = None
    verdict: Literal["regressed", "improved", "not-regressed", "undecided"]
    real: bool = False
    """Whether there surely is a difference, be it below the margin."""
    blocks: int = 0
    pairs: int = 0
    confirmed: bool | None = None
    """Whether fresh blocks at a corrected level found it again; None where nothing was flagged."""
    warnings: list[str] = []


class ReleaseFigures(Record):
    """What one loop costs with one release, and whether that is another level than before."""

    cell: Cell
    """Its environment is called by the release."""
    ratio: Estimate | None = None
    """Step time over that of the anchor, the hand-written loop, from adjacent pairs."""
    change: float | None = None
    """The new level of the ratio over the old one, where it changed with this release."""
    more: dict[str, int] = {}
    """By counter, what it has more than the release before; those that differ."""
    reason: str | None = None
    """Why there is no ratio."""


class Probe(Record):
    """What a bisection saw of one release."""

    release: str
    uploaded: datetime | None = None
    requirements: list[str] = []
    status: Status
    reason: str | None = None
    """Why it has no value."""
    value: float | None = None
    """The metric of a steady step."""
    ratio: Estimate | None = None
    """Step time over the first end's, from the same blocks, where that is the metric."""
    blocks: int = 0
    """In how many blocks it was timed beside the ends."""
    like: Literal["first", "last", "undecided"] | None = None
    """Which end its value is nearer to."""


class Move(Record):
    """Two releases between which the metric moved; neighbours, unless something lies `between` them."""

    older: str
    newer: str
    before: float | None = None
    after: float | None = None
    between: list[str] = []
    """Releases between them that could not be told apart, since they cannot be used here or stayed undecided."""
    untested: int = 0
    """Releases between them that an interrupted search did not get to."""
    repeated: bool | None = None
    """Whether a second fresh interpreter counted the same in both; None where there was none."""
    equivalence: Equivalence | None = None
    """Whether the newer does the older's arithmetic."""


class Summary(Record):
    """summary.json: what the report says, for programs."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    run: Run
    machine: Machine
    packages: dict[str, str]
    cells: list[CellSummary]
    verdicts: list[Verdict] = []
    attribution: list[AttributionRow] = []
    releases: list[ReleaseFigures] = []
    probes: list[Probe] = []
    """What a bisection looked at, in the order of the releases."""
    moves: list[Move] = []
    """What a bisection found, the one that it confirmed first."""
    warnings: list[str] = []

    @model_validator(mode="before")
    @classmethod
    def _complete_the_run(cls, value: Any) -> Any:
        """In summary.json the machine and the packages stand beside the run, not once more in it."""
        if isinstance(value, dict) and isinstance(value.get("run"), dict):
            beside = {name: value[name] for name in ("machine", "packages") if name in value}
            return value | {"run": beside | value["run"]}
        return value
