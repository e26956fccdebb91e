"""Why a row has no figure: one sentence each."""

from __future__ import annotations

from collections.abc import Mapping

from bench.analyse.cells.evidence import NOT_RUN, Evidence
from bench.analyse.statistics.signed_rank import blocks_needed
from bench.records.schema import CompilationFigures, CounterFigures, DeviceMemory, Estimate, Pass, Phase

FigureOrReason = (
    Estimate
    | DeviceMemory
    | CounterFigures
    | CompilationFigures
    | Mapping[str, float]
    | Mapping[Phase, float]
    | list[float]
    | float
    | str
)
"""A figure, or the sentence that says why there is none."""

NO_STEADY_STEP = "too many of its timed steps lie at the end of an epoch (--steps gives it more)"
NO_EPOCHS = "where a script's epochs end is its own affair"
NO_BOUNDARY = "too few epochs ended among the timed steps"
NO_COLLECTION = "a full collection is so rare that none was seen"
WITHOUT_IMPORTS = "full collections of a price list leave out what was imported"
NOT_COUNTED_THEN = "runs did not count the collector's pauses when this one was made"
NO_EVENTS = "this device records no timing events"
NOT_WHOLE = "only scripts with --to-the-end run to their end"
NO_SPREAD = "one block has no spread"
NO_CLONE = "no clone of the baseline was timed next to it"
TOO_FEW_FOR_FLOOR = f"the interval of the baseline's clone takes {blocks_needed()} blocks"
NOT_ALONE = "no interpreter imported it while the others were idle"
TORCH_WITH_IT = "torch was imported together with the framework"
NO_PHASES = "the phases pass has no good trial of this cell"
NO_EVALUATION = "only scripts evaluate"
NO_TERMINAL = "its trials of the first block had no terminal"
NO_DEFAULTS = "in the matched profile nothing is left to defaults"
NO_MATCHED = "its matched loop took no turns with it"
NOT_ASKED_FOR = "its model is not compiled"
NOT_COMPILED = "no trial of it has compiled anything"
NOT_REPORTED = "the trials did not report it"


def why_not(evidence: Evidence, planned: Pass, otherwise: str) -> str:
    """Return why a figure of one pass is missing: `otherwise`, unless the run did without that pass."""
    return otherwise if planned in evidence.passes else f"not measured: --only skipped the {planned} pass"


def why(evidence: Evidence, otherwise: str) -> str:
    """Return why a timed figure is missing: `otherwise`, unless the cell was not timed at all."""
    if len(evidence.timing_trials):
        return otherwise
    return why_not(evidence, "timing", evidence.reason or NOT_RUN)
