"""What a summary says of one cell: a row, each of its figures an estimate or a number."""

from __future__ import annotations

from typing import Literal

from bench.records.base import Phase, Record, Status
from bench.records.cells import Cell, Length

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
    """Of a script: what evaluation takes on average over `evaluation_steps`, timed ones where it was timed; in none of
    its phases."""
    evaluation_share: float | None = None
    """Of the time of these steps."""
    evaluation_steps: int | None = None
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
