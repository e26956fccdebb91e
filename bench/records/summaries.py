"""What a run says: summary.json."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from bench.records.base import SCHEMA, Record, Status, Verb
from bench.records.cells import Cell, Comparison
from bench.records.foreign_text import ForeignText
from bench.records.releases import Probe, ReleaseFigures, Transition
from bench.records.rows import CellSummary, Estimate
from bench.records.runs import Machine, Run
from bench.records.steadiness import Steadiness
from bench.records.trials import Imported
from bench.records.verdicts import AttributionRow, Verdict


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
    """The peak of each rank: allocated on its card where that tells, else in the host's memory, imports included."""
    collectives: dict[str, int] | None = None
    """By kind, what the first rank asks of the others in a steady step."""
    collective_bytes: dict[str, int] | None = None
    """By the same kinds, of the whole tensors."""
    communication_shares: list[float] = []
    """The fraction of a step in which a collective is under way, of each rank."""
    exposed_shares: list[float] = []
    """The fraction in which one is, and nothing is computed."""
    unavailable: dict[str, str] = {}


class Price(Record):
    """What one option costs a runner, and what it does more; a figure that cannot be had is None."""

    cell: Cell
    """With the option; of a script, which has it on, without."""
    setting: ForeignText
    """How it is switched on, as a user writes it."""
    off: ForeignText | None = None
    """Of a script: how it is switched off, as a user writes it."""
    changes_arithmetic: bool = False
    """Of a script: whether a step computes something else without it."""
    step_us: Estimate | None = None
    """Step time with it minus step time without, from pairs inside a block."""
    share: Estimate | None = None
    """The same as a fraction of the step without it; of a script's step as it is."""
    is_noise: bool = False
    """Whether that cannot be told from nothing: its interval holds 0, or a clone of the loop differs by as much."""
    more: dict[str, int] = {}
    """By counter, what a steady step shows more than without it; those that differ."""
    inexact: list[str] = []
    """Counters of which, with it or without, no count is that of a usual step: a bar draws by the clock."""
    uncounted: dict[str, str] = {}
    """By counter, why that is not known."""
    terminal_bytes_per_step: float | None = None
    """None of a script, which may print what is no option's."""
    event: str | None = None
    """What happens now and then because of it."""
    every: int | Literal["epoch", "start"] | None = None
    """Optimizer steps from one event to the next here, or where else it happens."""
    event_us: Estimate | None = None
    """What one event takes, beyond the step that it falls into."""
    events_us_per_step: float | None = None
    """Of a script, which decides how often they come: what its events are spread over all steps."""
    event_more: dict[str, int] = {}
    """By counter, what a step with an event shows more than the steps between."""
    reason: str | None = None
    """Why it has no price."""


class PriceChange(Record):
    """What became of the price of an option that both sides of a check have."""

    cell: Cell
    """With the option, in the candidate. `Summary.prices` has what it costs on either side."""
    step_us: Estimate | None = None
    """By how much longer a step takes because of it than in the baseline; the bounds are those that decided."""
    verdicts: list[Verdict] = []
    """On its price, not on the cell: `baseline` and `candidate` are prices. The ratio is what a step of the baseline
    with the option takes when nothing but the option's price is the candidate's, over what it takes."""


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
    accelerator_type: str | None = None
    """Of several kinds of machine the one on which it was so."""
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
    nodes: dict[str, int] = {}
    """Of a cluster: the nodes that timed blocks, by name and hardware, and how many each."""
    verdicts: list[Verdict] = []
    attribution: list[AttributionRow] = []
    releases: list[ReleaseFigures] = []
    probes: list[Probe] = []
    """What a bisection looked at, in the order of the releases."""
    moves: list[Transition] = []
    """What a bisection found, the one that it confirmed first."""
    prices: list[Price] = []
    """What each option costs, in the order of the plan; where options are compared."""
    price_changes: list[PriceChange] = []
    """Of a check of prices, in the same order: one for each option that was measured on both sides."""
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
