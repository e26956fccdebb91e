"""What one trial measured, a record for each kind of it: times, counts, peaks, proofs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from bench.records.base import Finite, Nanoseconds, Phase, Record
from bench.records.cells import TurnLength


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


class EvaluationTime(Record):
    """What a script spends on evaluation."""

    ns: Nanoseconds
    of_ns: Nanoseconds
    """The time of all steps in which it was looked for."""
    steps: int
    """How many these were: pilots and the turns that every trial is led in by are among them."""


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
    evaluation: EvaluationTime | None = None
    """Of a script."""
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
        if marked and not (min(marked) >= 0 and max(marked) < len(self.step_ns)):
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


class Function(Record):
    """A Python function of the loop or of what it calls."""

    file: str
    """As it is imported: `transformers/trainer.py`."""
    function: str
    """Its qualified name."""
    line: int
    """Its first."""


class FunctionCounts(Function):
    """What one Python function has to do with a steady step."""

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
    """By the same kinds, of the whole tensors: what an all-gather makes, what a reduce-scatter takes."""
    at_events: dict[str, int] = {}
    """By counter, what a step shows in which an option's event happens; empty without one."""
    functions: list[FunctionCounts]
    """The parts of the five counters that are counted by function; each column sums to its counter."""
    unavailable: dict[str, str] = {}


class FunctionTime(Function):
    """The wall time of a step that one Python function spends itself, by samples."""

    exclusive_ns: int


class Communication(Record):
    """A rank's collectives, from tick to tick in a run of its own under torch's profiler, which slows the rest down."""

    step_ns: list[Nanoseconds]
    collective_ns: list[Nanoseconds]
    """How long of each step one is under way, from its call until it is done, waits for slower ranks included."""
    exposed_ns: list[Nanoseconds]
    """How long of that no op of torch's computes anything on this rank."""


class Phases(Record):
    """Where the time of a step goes, from a run of its own, whose hooks make it slower than the timed one."""

    phase_ns: dict[Phase, list[Nanoseconds]]
    """For each of the `steps - 1` intervals from tick to tick; the phases of an interval sum to it."""
    evaluation_ns: list[Nanoseconds] | None = None
    """Of a script: what of each interval went into evaluation, and is in none of its phases."""
    functions: list[FunctionTime]
    communication: list[Communication] = []
    """Of each of several ranks."""


class Compilation(Record):
    """What `torch.compile` did in one trial."""

    seconds: Finite
    """Spent on compiling; most of it before the first tick, and less where torch's cache has the graph already."""
    graphs: int
    graph_breaks: int
    """Places where the compiler gave up and let Python go on."""
    in_turns: int = 0
    """Compilations that fell into timed steps."""
