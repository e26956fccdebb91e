"""The harness: plan, execute, measure, records, analyse, report. See docs/method.md.

`bench.load` gives stored runs to a notebook.
"""

from bench import startup

startup.prepare()  # first of all: what comes next may be hidden by a file where the user stands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pandas import DataFrame

__all__ = ["load"]


def load(runs: "Path | str | Iterable[Path | str]", *, trials: bool = False) -> "DataFrame":
    """Give the figures of stored runs as a tidy pandas frame.

    `runs` is a run folder, several of them, or a folder of runs such as `results`. There is one row a
    cell and metric: `run`, the columns that name the cell (workload, device, batch_size, ..., runner),
    `metric`, `value`, `low` and `high` (the 95 % interval, NaN where there is none), `unit` (`1` for a
    ratio), and `unavailable`: why there is no value. With `trials=True` there is one row a trial
    instead, failed ones and all passes included, with units in the names of the columns. Raises
    `RunFolderError` for a folder that is no run and holds none.

    >>> figures = bench.load("results")
    >>> ratios = figures[figures.metric == "ratio"].pivot_table(index="runner", columns="batch_size", values="value")
    """
    from bench.report import frames  # brings pandas, for which no verb's --help may wait

    folders = frames.found(runs)
    return frames.trials(folders) if trials else frames.cells(folders)
