"""What is written to disk: the journal's trials, run.json and summary.json.

This is the door. A trial stands in `trials`, with what it is of in `cells`, what it `measured`, and what was seen of
`scripts`; a run in `runs`; a summary in `summaries`, with its `rows`, `verdicts` and `releases`, or in `two_runs`. A
key that is added here has a line in docs/formats.md, where the history of `SCHEMA` is.
"""

from __future__ import annotations

from bench.records.base import (
    CURRENT,
    MAIN_PACKAGES,
    SCHEMA,
    FigureGroup,
    Launch,
    Nanoseconds,
    Pass,
    Phase,
    Record,
    Status,
    Verb,
)
from bench.records.cells import Cell, Comparison, Length, TurnLength
from bench.records.measured import (
    Collector,
    Communication,
    Compilation,
    Count,
    Counters,
    EvaluationTime,
    Fingerprint,
    Function,
    FunctionCounts,
    FunctionTime,
    Memory,
    Phases,
    Timing,
    Turns,
    Whole,
)
from bench.records.releases import Probe, ReleaseFigures, Transition
from bench.records.rows import (
    STEP_QUANTILES,
    Alikeness,
    CellSummary,
    CompilationFigures,
    CounterFigures,
    DeviceMemory,
    Equivalence,
    Estimate,
)
from bench.records.runs import (
    AcceleratorInfo,
    Bisection,
    ByCalibration,
    Environment,
    Fleet,
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
    Brief,
    LargestBatch,
    MarkedBlock,
    NoiseFloor,
    Price,
    PriceChange,
    Scaling,
    Summary,
)
from bench.records.trials import Imported, Interpreter, Load, Trial, TrialKey
from bench.records.two_runs import Control, Judged, TwoRuns
from bench.records.verdicts import AttributionRow, Verdict
