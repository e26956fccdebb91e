"""What a run says: summary.json."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from bench.records.base import SCHEMA, Phase, Record, Status, Verb
from bench.records.foreign_text import ForeignText
from bench.records.runs import Machine, Run
from bench.records.steadiness import Steadiness
from bench.records.trials import Cell, Comparison, Imported, Length

STEP_QUANTILES = 200
"""How many quantiles tell how the steps of a row are spread."""


class Estimate(Record):
    """A figure with its 95 % interval; no bounds where there are too few blocks for one."""

    value: float
    low: float | None = None
    high: float | None = None


class Equivalence(Record):
    """Whether a runner did the arithmetic of the baseline, and how far off it was."""

    verdict: Literal["baseline", "bitwise", "close", "different", "unproven", "unlike"]
    """`unlike` is what was not proven equal, and shall be compared all the same: --unlike."""
    detail: str
    """One sentence: how it was proven, or what differed."""
    largest_relative_difference: float | None = None

    @property
    def proven(self) -> bool:
        """Whether ratios may be printed."""
        return self.verdict in ("baseline", "bitwise", "close", "unlike")


class Alikeness(Equivalence):
    """Whether two scripts did the same arithmetic, and where they did not what explains it."""

    first_step: int | None = None
    """The first that differs, from 1."""
    reasons: list[str] = []
    """What differs, the most fundamental first, with the values of both."""
    warnings: list[str] = []
    """What a reader must know of the proof itself: that a script is not reproducible, or ended early."""

    @property
    def equal(self) -> bool:
        """Whether ratios may be printed."""
        return self.proven


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


class CompilationFigures(Record):
    """What compiling costs a loop, and whether it was over before its timed steps."""

    seconds: float | None = None
    """Of a timed trial, the middle one; part of `startup_s`. The run's own cache of compiled code is warm then."""
    first_seconds: float | None = None
    """Of the trial that proves the arithmetic; the first of a run finds that cache empty."""
    graphs: int | None = None
    graph_breaks: int | None = None
    in_turns: int | None = None
    """Compilations that fell into timed steps, of all trials."""


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
    equivalence: Equivalence | Alikeness
    step_time_us: Estimate | None = None
    step_p50_us: float | None = None
    step_p95_us: float | None = None
    step_p99_us: float | None = None
    step_quantiles_us: list[float] | None = None
    """Of all steady steps those at 0, 0.5, 1, ... 99.5 %, `STEP_QUANTILES` of them."""
    device_step_time_us: Estimate | None = None
    samples_per_second: Estimate | None = None
    ratio: Estimate | None = None
    """Step time over the baseline's, from pairs inside a block."""
    noise_floor: float | None = None
    """By how much the baseline of its comparison seems to differ from a clone of itself, as a fraction."""
    overhead_us: Estimate | None = None
    """Step time minus the baseline's, from the same pairs."""
    floor_ratio: Estimate | None = None
    """Step time over the floor runner's: 1 would be nothing but arithmetic."""
    defaults_us: Estimate | None = None
    """Of the profile `stock`: step time minus that of the same loop in the profile `matched`, from the same pairs."""
    defaults_ratio: Estimate | None = None
    """The same as a ratio."""
    terminal_bytes_per_step: float | None = None
    """What it writes to a terminal; of runs whose trials have one."""
    setup: dict[str, str] = {}
    """How the loop has set itself up, by what it is about, read from its objects; of runs with the profile `stock`."""
    device_memory_bytes: DeviceMemory = DeviceMemory()
    tensor_bytes: int | None = None
    """Peak bytes of live tensors in a steady step, the dataset's left out."""
    tensor_bytes_by_category: dict[str, int] | None = None
    """What they were: parameters, gradients, optimizer_state, batch, activations_and_rest."""
    phases_us: dict[Phase, float] | None = None
    """The median steady step by phase, in a run that is slowed by its hooks."""
    evaluation_us: float | None = None
    """Of a script: what evaluation takes, on average over the steps of the same run; in none of its phases."""
    joules_per_1000_samples: float | None = None
    counters: CounterFigures | None = None
    host_rss_bytes: float | None = None
    import_s: float | None = None
    """Torch, and the framework on top."""
    import_torch_s: float | None = None
    import_rss_bytes: float | None = None
    startup_s: Estimate | None = None
    compilation: CompilationFigures | None = None
    epoch_boundary_us: Estimate | None = None
    """What an epoch costs beyond its steps, whichever of them do the work; of trials without turns, what the interval
    that crosses its end takes beyond a steady step."""
    whole_s: Estimate | None = None
    """Of a script that ran to its end: all of it, the imports of its first lines apart."""
    whole_steps: float | None = None
    """Its steps, by the middle of its blocks."""
    after_steps_s: Estimate | None = None
    """What of it came after its last step."""
    collector_us_per_step: float | None = None
    """What full collections of Python's garbage cost on average; not in the step time, but in samples per second."""
    collector_pauses_per_1000_steps: float | None = None
    collector_pause_us: float | None = None
    """How long one of them takes."""
    run_to_run_cv: float | None = None
    """Spread of the block figures of step time, as a fraction."""
    unavailable: dict[str, str] = {}

    @property
    def cell(self) -> Cell:
        """The row's key."""
        return Cell.model_validate(self.model_dump(include=set(Cell.model_fields)))


class LargestBatch(Record):
    """The largest batch that a loop trains, as far as it was looked for."""

    cell: Cell
    """With the size that the search began at."""
    trains: int | None = None
    """The largest that trained; None where none did."""
    peak_bytes: int | None = None
    """Its peak: of a CPU what `host_rss_bytes` is, of an accelerator what torch's allocator had reserved."""
    fails: int | None = None
    """The smallest that did not fit; None where none was tried."""
    status: Status | None = None
    """How that trial ended; or where the search ended for another reason, the one that ended it."""
    reason: ForeignText | None = None
    is_over: bool
    """Whether the search came to its end."""


class Scaling(Record):
    """What a loop comes to on so many ranks; of runs in which loops train on several."""

    cell: Cell
    samples_per_second: Estimate | None = None
    efficiency: Estimate | None = None
    """Of several ranks: samples/s over those of as many loops on one rank, a fraction."""
    rank_peaks_bytes: list[float] = []
    """The peak of each rank in the host's memory, imports included."""
    collectives: dict[str, int] | None = None
    """By kind, what the first rank asks of the others in a steady step."""
    collective_bytes: dict[str, int] | None = None
    """By the same kinds, of the tensors that it hands over."""
    unavailable: dict[str, str] = {}


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
    """By how much worse is too much, as a fraction; None for a count, of which any difference counts."""
    asked_margin: float | None = None
    """The same. Earlier versions judged by a wider margin what the blocks could not resolve."""
    rules_out: float | None = None
    """More than how much worse it surely is not, as a fraction, below zero where it surely is better.

    None without bounds, for an exact figure, and in summaries of earlier versions.
    """
    minimum_detectable_effect: float | None = None
    """What these blocks find four times in five, as a fraction; it changes no verdict."""
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
    rules_out: float | None = None
    """Of a last end that cannot be told from the first: more than how much longer its steps surely do not take.

    As a fraction; None without bounds, and in summaries of earlier versions.
    """


class Transition(Record):
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


class Price(Record):
    """What one option costs a runner, and what it does more; a figure that cannot be had is None."""

    cell: Cell
    """With the option."""
    setting: str
    """How it is switched on, as a user writes it."""
    step_us: Estimate | None = None
    """Step time with it minus step time without, from pairs inside a block."""
    share: Estimate | None = None
    """The same as a fraction of the step without it."""
    is_noise: bool = False
    """Whether that cannot be told from nothing: its interval holds 0, or a clone of the loop differs by as much."""
    more: dict[str, int] = {}
    """By counter, what a steady step shows more than without it; those that differ."""
    uncounted: dict[str, str] = {}
    """By counter, why that is not known."""
    terminal_bytes_per_step: float | None = None
    event: str | None = None
    """What happens now and then because of it."""
    every: int | Literal["epoch", "start"] | None = None
    """Optimizer steps from one event to the next here, or where else it happens."""
    event_us: Estimate | None = None
    """What one event takes, beyond the step that it falls into."""
    event_more: dict[str, int] = {}
    """By counter, what a step with an event shows more than the steps between."""
    reason: str | None = None
    """Why it has no price."""


class NoiseFloor(Record):
    """How far the baseline of a comparison differs from a clone of itself, measured like any other pair (A/A)."""

    comparison: Comparison
    runner: str
    ratio: Estimate
    """Step time of the clone over the baseline's: 1 but for chance."""
    blocks: int
    floor: float | None
    """The difference that noise alone can show, as a fraction: the farther bound of the interval; None without one."""


class MarkedBlock(Record):
    """A timed block in which others took more of the processors than the plan allows for."""

    block: int
    cores: float
    """What they took while its trials ran, in units of one core."""
    foreign_s: float
    """Processor time of other processes."""
    stolen_s: float
    """What the hypervisor gave to others."""


class Brief(Record):
    """What a list of runs tells of one; it stands first in summary.json, so that no more need be read."""

    verb: Verb
    started_at: datetime
    hardware: list[str]
    """The CPU, and the accelerators that the run used."""
    devices: list[str]
    workloads: list[str]
    packages: dict[str, str]
    """The versions of the frameworks; those that were installed."""
    cells: int
    failed_cells: int
    headline: str
    """What was found, in one line."""


class Summary(Record):
    """summary.json: what the report says, for programs."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    brief: Brief | None = None
    """Added when the run is published."""
    run: Run
    machine: Machine
    packages: dict[str, str]
    cells: list[CellSummary]
    verdicts: list[Verdict] = []
    attribution: list[AttributionRow] = []
    releases: list[ReleaseFigures] = []
    probes: list[Probe] = []
    """What a bisection looked at, in the order of the releases."""
    moves: list[Transition] = []
    """What a bisection found, the one that it confirmed first."""
    prices: list[Price] = []
    """What each option costs, in the order of the plan; where options are compared."""
    largest_batches: list[LargestBatch] = []
    scaling: list[Scaling] = []
    """One a cell, where the largest batch is looked for."""
    noise_floors: list[NoiseFloor] = []
    """One for each comparison that was timed."""
    marked_blocks: list[MarkedBlock] = []
    """By the rule of `Settings.foreign_load_limit`; marked blocks are kept."""
    machine_warnings: list[str] = []
    """Those of `warnings` that are about the machine and not about a cell."""
    steadiness: Steadiness | None = None
    """How steady the machine was before the first trial; None for an older run."""
    imported: dict[str, dict[str, Imported]] = {}
    """By environment and package, what the processes that measured had imported."""
    no_charts: str | None = None
    """Why the charts could not be drawn when the run was published; None where they were."""
    first_warning: str | None = None
    """The first of `warnings` in short."""
    warnings: list[str] = []

    @model_validator(mode="before")
    @classmethod
    def _complete_the_run(cls, value: Any) -> Any:
        """In summary.json the machine and the packages stand beside the run, not once more in it."""
        if isinstance(value, dict) and isinstance(value.get("run"), dict):
            beside = {name: value[name] for name in ("machine", "packages") if name in value}
            return value | {"run": beside | value["run"]}
        return value
