"""What is written to disk: the journal's trials, run.json and summary.json.

Format history (`SCHEMA`); keys only ever get added:
1: first format. Later added: the pass `counting`, `Trial.counters`, `CellSummary.counters` and `tensor_bytes`;
   the passes `phases` and `trace`, `Trial.phases`, `Timing.energy_j`, `Settings.passes`, and in a cell `phases_us`,
   `tensor_bytes_by_category` and `joules_per_1000_samples`; `Settings.design` and `environments`, `Run.verb`, and
   `Verdict`; `Summary.releases`, `probes` and `moves` with what `Settings` needs for them; `Trial.load` and
   `Summary.marked_blocks` and `machine_warnings`, `Settings.foreign_load_limit`, `time_margin` and `by_calibration`;
   `CellSummary.step_quantiles_us`; `Trial.owns_pages`; `Settings.max_blocks`; `Summary.steadiness`; with trials that
   take turns `Timing.turns` and `collector`, `Cell.clone`, `Settings.turns_s` and `blocks_per_set`,
   `Interpreter.import_torch_s`, `Trial.alone`, `Summary.noise_floors`, and in a cell what Python's collector costs;
   `Verdict.rules_out`; `Interpreter.imported` and
   `Summary.imported`; `Timing.sm_clock_mhz`; `Run.own_files`; with scripts `Settings.scripts`,
   `Timing.samples_per_step`, and a `Cell.batch_size` of 0; for price lists
   `Cell.option`, `Settings.options`, `Counters.at_events`, `Timing.terminal_bytes_per_step` and `Summary.prices`;
   `Cell.compile`, `Trial.compilation` and `CellSummary.compilation`, and with them counters that may be None;
   the pass `max-batch`, `Settings.memory_limit_bytes`, `Trial.memory` and `Summary.largest_batches`.

This is the door: the records stand in `trials`, `scripts`, `runs`, `summaries` and `two_runs`.
"""

from __future__ import annotations

from bench.records.base import CURRENT, SCHEMA, FigureGroup, Launch, Nanoseconds, Pass, Phase, Record, Status, Verb
from bench.records.runs import (
    AcceleratorInfo,
    Bisection,
    ByCalibration,
    Environment,
    Machine,
    PricedOption,
    Release,
    Run,
    Script,
    Scripts,
    Settings,
)
from bench.records.scripts import (
    Clip,
    ScriptBatch,
    ScriptFingerprint,
    ScriptGroup,
    ScriptLoader,
    ScriptModel,
    ScriptOptimizer,
    ScriptParameter,
    ScriptStep,
)
from bench.records.summaries import (
    STEP_QUANTILES,
    Alikeness,
    AttributionRow,
    Brief,
    CellSummary,
    CompilationFigures,
    CounterFigures,
    DeviceMemory,
    Equivalence,
    Estimate,
    LargestBatch,
    MarkedBlock,
    Move,
    NoiseFloor,
    Price,
    Probe,
    ReleaseFigures,
    Summary,
    Verdict,
)
from bench.records.trials import (
    Cell,
    Collector,
    Comparison,
    Compilation,
    Count,
    Counters,
    Fingerprint,
    FunctionCounts,
    FunctionTime,
    Imported,
    Interpreter,
    Length,
    Load,
    Memory,
    Phases,
    Timing,
    Trial,
    TrialKey,
    TurnLength,
    Turns,
)
from bench.records.two_runs import Control, Judged, TwoRuns

__all__ = [
    "CURRENT",
    "SCHEMA",
    "STEP_QUANTILES",
    "AcceleratorInfo",
    "Alikeness",
    "AttributionRow",
    "Bisection",
    "Brief",
    "ByCalibration",
    "Cell",
    "CellSummary",
    "Clip",
    "Collector",
    "Comparison",
    "Compilation",
    "CompilationFigures",
    "Control",
    "Count",
    "CounterFigures",
    "Counters",
    "DeviceMemory",
    "Environment",
    "Equivalence",
    "Estimate",
    "FigureGroup",
    "Fingerprint",
    "FunctionCounts",
    "FunctionTime",
    "Imported",
    "Interpreter",
    "Judged",
    "LargestBatch",
    "Launch",
    "Length",
    "Load",
    "Machine",
    "MarkedBlock",
    "Memory",
    "Move",
    "Nanoseconds",
    "NoiseFloor",
    "Pass",
    "Phase",
    "Phases",
    "Price",
    "PricedOption",
    "Probe",
    "Record",
    "Release",
    "ReleaseFigures",
    "Run",
    "Script",
    "ScriptBatch",
    "ScriptFingerprint",
    "ScriptGroup",
    "ScriptLoader",
    "ScriptModel",
    "ScriptOptimizer",
    "ScriptParameter",
    "ScriptStep",
    "Scripts",
    "Settings",
    "Status",
    "Summary",
    "Timing",
    "Trial",
    "TrialKey",
    "TurnLength",
    "Turns",
    "TwoRuns",
    "Verb",
    "Verdict",
]
