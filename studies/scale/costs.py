"""What a report of a long journal costs, and an index of many runs: seconds, and memory at the peak."""

from __future__ import annotations

import os
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory

from bench.records import store
from bench.report.charts import frame, render
from bench.report.charts.frame import Spec, quantity
from bench.report.charts.theme import LIGHT, config
from studies.evidence.table import section
from studies.scale import journals as synthetic

CHART = "scale.svg"
TOLD = (
    "`python -m bench.report` on one plan (24 batch sizes, six loops and a clone of the first) measured for ever more "
    "blocks; each trial has ten turns of six steps, 1.5 kB in the journal. Again is with nothing changed since."
)
FIRST, AGAIN = "first report", "report again"


@dataclass(frozen=True)
class Cost:
    """What one command took."""

    seconds: float
    peak_bytes: int


def journals(args: Namespace) -> str:
    """A report of journals of several lengths, made for the first time and once more."""
    measured = [(trials, what, cost) for trials in args.trials for what, cost in _reports(trials)]
    notes = [TOLD]
    if args.into is not None:
        store.write(args.into.parent / CHART, _chart(measured))
        notes.append(f"![Seconds that a report takes against the trials of its journal]({CHART})")
    rows = [
        [f"{trials:,}", what, f"{cost.seconds:.1f}", f"{cost.peak_bytes / 1e6:,.0f}", f"{_us_each(trials, cost):,.0f}"]
        for trials, what, cost in measured
    ]
    return section("Long journals", ["trials", "what", "s", "peak MB", "µs per trial"], rows, *notes)


def _us_each(trials: int, cost: Cost) -> float:
    return cost.seconds / trials * 1e6


def _reports(trials: int) -> Iterator[tuple[str, Cost]]:
    with TemporaryDirectory() as temporary:
        folder = synthetic.write(Path(temporary) / "results", trials)
        for what in (FIRST, AGAIN):
            yield what, _report(folder, cache=Path(temporary) / "cache")


def _report(folder: Path, *, cache: Path) -> Cost:
    """`python -m bench.report` in a process of its own."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "bench.report", str(folder)]
    process = Popen(command, stdout=DEVNULL, env=os.environ | {"LOOPTAX_CACHE": str(cache)})
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Cost(seconds=time.perf_counter() - began, peak_bytes=1024 * used.ru_maxrss)


def folders(args: Namespace) -> str:
    """The report of one more run beside many, whose index is rebuilt."""
    with TemporaryDirectory() as temporary:
        results, cache = Path(temporary) / "results", Path(temporary) / "cache"
        folder = synthetic.write(results, trials=1000)
        alone = _report(folder, cache=cache)
        for number in range(args.folders - 1):
            copy = results / f"{folder.name}-{number}"
            copy.mkdir()
            shutil.copy(folder / store.SUMMARY, copy)
        beside = _report(folder, cache=cache)
    rows = [
        [f"{runs:,}", f"{cost.seconds:.1f}", f"{cost.peak_bytes / 1e6:,.0f}"]
        for runs, cost in ((1, alone), (args.folders, beside))
    ]
    return section("Many runs: a report of one of them, with the index of all", ["runs", "s", "peak MB"], rows)


def _chart(measured: list[tuple[int, str, Cost]]) -> str:
    rows = [{"trials": trials, "what": what, "s": cost.seconds} for trials, what, cost in measured]
    trials = sorted({row["trials"] for row in rows})
    first_s = max(row["s"] for row in rows if row["trials"] == trials[-1] and row["what"] == FIRST)
    linear = [{"trials": each, "s": first_s * each / trials[-1]} for each in (trials[0], trials[-1])]
    log = {"type": "log", "nice": False, "padding": 18}
    axis = {"grid": False, "domain": True, "ticks": True, "values": trials, "format": ","}
    places = {
        "x": quantity("trials", scale=log, axis=axis | {"title": "trials in the journal"}),
        "y": quantity("s", scale=log, axis={"title": "seconds"}),
    }
    scale = {"domain": [FIRST, AGAIN], "range": [LIGHT.vermillion, LIGHT.blue]}
    colour = {"field": "what", "type": "nominal", "scale": scale, "legend": {"title": None, "orient": "right"}}
    shown = places | {"color": colour, "shape": colour | {"scale": {"domain": scale["domain"]}}}
    line = {"type": "line", "strokeDash": [4, 4], "color": LIGHT.muted}
    layers: list[Spec] = [
        {"data": frame.data(linear), "mark": line, "encoding": places},
        {"mark": "line", "encoding": places | {"color": colour}},
        {"mark": {"type": "point", "filled": True, "size": 85, "opacity": 1}, "encoding": shown},
    ]
    subtitle = [
        "python -m bench.report on synthetic runs of one plan, ever more blocks. Dashed: a cost that is linear."
    ]
    spec: Spec = {
        "title": frame.head("What the report of a long journal costs", subtitle),
        "config": config(LIGHT),
        "width": frame.WIDTH_PX,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "height": 280,
        "data": frame.data(rows),
        "layer": layers,
    }
    return render.image(render.compiled(spec), "Seconds that a report takes against the trials of its journal")
