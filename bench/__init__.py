"""The harness: plan, execute, measure, records, analyse, report. See docs/method.md.

`bench.load` gives stored runs to a notebook.
"""

from bench.cli import startup

startup.prepare()  # first of all: what comes next may be hidden by a file where the user stands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pandas import DataFrame

__all__ = ["load"]


def load(runs: "Path | str | Iterable[Path | str]", *, trials: bool = False, metric: str | None = None) -> "DataFrame":
    """Give the figures of stored runs as a tidy pandas frame.

    `runs` is a run folder, several of them, or a folder of runs such as `results`. There is one row a
    cell and metric: `run`, the columns that name the cell (workload, device, batch_size, ..., runner),
    `metric`, `value`, `low` and `high` (the 95 % interval, NaN where there is none), `unit` (`1` for a
    ratio), and `unavailable`: why there is no value. With `trials=True` there is one row a trial
    instead, failed ones and all passes included, with units in the names of the columns.

    With `metric` it is the table of one figure: a row for each loop of each run, workload and whatever else
    differs, a column for each batch size. Nothing is averaged: pandas' own `pivot_table` would take the
    mean of cells that differ in what it is not told of.

    Raises `RunFolderError` for a folder that is no run and holds none, `UsageError` for a metric that
    there is none of.

    >>> bench.load("results", metric="ratio")
    """
    from bench.cli import reports
    from bench.report.export import frames  # bring pandas, for which no verb's --help may wait

    folders = frames.run_folders(runs)
    if trials and metric is None:
        return frames.trials(folders)
    summaries = [(folder.name, reports.stored(folder)) for folder in folders]
    return frames.cells(summaries) if metric is None else frames.table(summaries, metric)
