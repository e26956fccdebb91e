"""Runs as pandas frames: tidy ones for notebooks, and one row a cell for other programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analyse.cells.counting import count
from bench.analyse.cells.throughput import complete
from bench.analyse.cells.turns import figures
from bench.analyse.machine import foreign_load
from bench.errors import RunFolderError, UsageError
from bench.records import store
from bench.records.metric import Metric
from bench.records.metrics import EXACT, METRICS
from bench.records.schema import Cell, CellSummary, Memory, Summary, Trial, Verdict

Row = dict[str, Any]
CELL = tuple(Cell.model_fields)
TIDY = ("run", *CELL, "metric", "value", "low", "high", "unit", "unavailable")
MEMORY = tuple(name for name in Memory.model_fields if name != "unavailable")
TIMED = tuple(figure for figure in METRICS if figure.trial and figure.key not in MEMORY)
"""What a timed trial tells besides its memory."""


def cells(runs: Sequence[tuple[str, Summary]]) -> pd.DataFrame:
    """One row a cell and metric of `runs`, each with the name of its folder; see `bench.load`.

    Metrics that cannot be had are included; their value is NaN.
    """
    rows = [row for name, summary in runs for row in _tidy(name, summary)]
    frame = pd.DataFrame(rows, columns=list(TIDY))
    return frame.astype(dict.fromkeys(("grad_clip", "value", "low", "high"), "float64"))


def table(runs: Sequence[tuple[str, Summary]], metric: str) -> pd.DataFrame:
    """One figure: a row for each loop of whatever else differs, a column a batch size; see `bench.load`."""
    known = [column.key for column in METRICS]
    if metric not in known:
        raise UsageError(f"metric {metric!r} is not one of {', '.join(known)}.")
    frame = cells(runs)
    frame = frame[frame.metric == metric]
    others = [name for name in ("run", *CELL) if name not in ("batch_size", "runner")]
    keys = [name for name in others if frame[name].nunique(dropna=False) > 1]
    return frame.pivot(index=[*keys, "runner"], columns="batch_size", values="value")


def trials(folders: Sequence[Path]) -> pd.DataFrame:
    """One row a trial, the failed ones included, units in the names of the columns; see `bench.load`."""
    frame = pd.DataFrame([_trial(folder.name, trial) for folder in folders for trial in store.read_trials(folder)])
    figures = [metric.key for metric in (*TIMED, *EXACT)]
    return _as_numbers(frame, ("grad_clip", *figures, *MEMORY, "foreign_cores"))


def wide(summary: Summary) -> pd.DataFrame:
    """One row a cell, units in the names of the columns; of a figure with an interval also `_low` and `_high`."""
    frame = pd.DataFrame([_wide(cell) for cell in summary.cells])
    return _as_numbers(frame, ["grad_clip", *(name for metric in METRICS for name in _columns(metric))])


def verdicts(summary: Summary) -> pd.DataFrame:
    """One row a verdict; no rows where the run judges nothing."""
    return pd.DataFrame([_verdict(verdict) for verdict in summary.verdicts])


def run_folders(runs: Path | str | Iterable[Path | str]) -> list[Path]:
    """Return the run folders meant: one, several, or all in a folder of runs; raises `RunFolderError` for none."""
    given = [runs] if isinstance(runs, str | Path) else list(runs)
    folders = [folder for path in given for folder in _folders(Path(path))]
    if not folders:
        raise RunFolderError("no run was named: give a run folder, several, or a folder of runs such as results.")
    return folders


def _folders(path: Path) -> list[Path]:
    if (path / store.RUN).is_file():
        return [path]
    inside = sorted(run_file.parent for run_file in path.glob(f"*/{store.RUN}"))
    if not inside:
        raise RunFolderError(f"{path} is no run folder and holds none: it has no {store.RUN}, nor has a folder in it.")
    return inside


def _as_numbers(frame: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Give columns that may be empty the type that they have in other runs."""
    return frame.astype({name: "float64" for name in names if name in frame.columns})


def _columns(metric: Metric) -> list[str]:
    ends = ("", "_low", "_high") if metric.interval else ("",)
    return [f"{metric.key}{end}" for end in ends]


def _tidy(run: str, summary: Summary) -> Iterator[Row]:
    for cell in summary.cells:
        known = {"run": run} | cell.cell.model_dump()
        for metric in METRICS:
            yield known | {"metric": metric.key, "unit": metric.unit.stored} | _value(metric, cell)


def _value(metric: Metric, cell: CellSummary) -> Row:
    estimate = metric.estimate(cell)
    if estimate is None:
        return {"value": None, "low": None, "high": None, "unavailable": metric.missing(cell) or cell.reason}
    return estimate.model_dump() | {"unavailable": None}


def _wide(cell: CellSummary) -> Row:
    proof = {"equivalence": cell.equivalence.verdict}
    counted = {name: getattr(cell, name) for name in ("status", "reason", "blocks", "trials", "failed_trials")}
    row = cell.cell.model_dump() | counted | proof
    for metric in METRICS:
        estimate = metric.estimate(cell)
        bounds = (None,) * 3 if estimate is None else (estimate.value, estimate.low, estimate.high)
        row |= dict(zip(_columns(metric), bounds, strict=False))
    return row


def _verdict(verdict: Verdict) -> Row:
    row = verdict.model_dump(exclude={"cell", "ratio", "warnings"})
    bounds = verdict.ratio.model_dump() if verdict.ratio else dict.fromkeys(("value", "low", "high"))
    ratio = {"ratio": bounds["value"], "ratio_low": bounds["low"], "ratio_high": bounds["high"]}
    return verdict.cell.model_dump() | row | ratio | {"warnings": "; ".join(verdict.warnings)}


def _trial(run: str, trial: Trial) -> Row:
    fields = ("phase", "block", "replicate", "position", "status", "reason", "started_at", "wall_s")
    row = {"run": run} | trial.cell.model_dump() | {name: getattr(trial, name) for name in fields}
    return row | {"steps": _steps(trial)} | _timed(trial) | _counted(trial) | _disturbed(trial)


def _steps(trial: Trial) -> int:
    """Optimizer steps of a whole trial, its warm-up included."""
    if trial.timing is None or trial.timing.turns is None:
        return trial.length.steps
    return trial.length.warmup_steps + len(trial.timing.step_ns)


def _timed(trial: Trial) -> Row:
    if trial.timing is None:
        return dict.fromkeys([*(metric.key for metric in TIMED), *MEMORY])
    made = complete(figures(trial, trial.timing), trial.cell, trial.length)
    own = {metric.key: _or_none(made.figure(metric.trial).item()) for metric in TIMED}
    return own | {name: getattr(trial.timing.memory, name) for name in MEMORY}


def _or_none(figure: float) -> float | None:
    return None if math.isnan(figure) else figure


def _disturbed(trial: Trial) -> Row:
    return {"foreign_cores": None if trial.load is None else foreign_load.cores([trial.load])}


def _counted(trial: Trial) -> Row:
    return {metric.key: None if trial.counters is None else count(trial.counters, metric.key) for metric in EXACT}
