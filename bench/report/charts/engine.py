"""Charts are drawn by a process of their own: where memory is limited the chart engine aborts the process it is in.

What that costs is then the charts and one sentence. This is the only process that telling a run starts.
"""

from __future__ import annotations

import pickle  # nosec B403
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from bench.records.schema import Summary
from bench.report import charts, kinds
from bench.report.charts import vega

SMALLEST = {"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a"}}}
NOT_INSTALLED = "No module named"
COMMAND = (sys.executable, "-m", "bench.report.charts.engine")


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """What the engine made of one summary."""

    charts: tuple[charts.Drawing, ...] = ()
    library: str = ""
    """The code that draws them in a page; empty where there are none."""


class NotDrawnError(Exception):
    """The engine's process ended; the text says how, and `once` when another try can do better."""

    def __init__(self, text: str, *, once: str) -> None:
        super().__init__(text)
        self.once = once


class Engine:
    """The process that draws, while it runs."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        self._process, self._errors = process, errors

    def draw(self, summary: Summary) -> Drawn:
        """Every chart that `summary` has figures for; raises `NotDrawnError`."""
        draw = kinds.of(summary.run.kind).charts
        if draw is None:
            return Drawn()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump((draw, summary), self._process.stdin)  # a function by its name, which imports what it needs
            self._process.stdin.flush()
            drawn: Drawn = pickle.load(self._process.stdout)  # noqa: S301, our own process # nosec B301
        except (OSError, EOFError, pickle.UnpicklingError):
            raise self._ended() from None
        return drawn

    def _ended(self) -> NotDrawnError:
        with suppress(OSError):
            self._process.communicate()  # closes its input, with what it no longer took
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            return NotDrawnError(
                f"the chart engine was ended by {name}, as happens where memory is limited",
                once="where more memory may be used",
            )
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(said) if line.strip()), f"exit code {code}")
        if NOT_INSTALLED in last:
            return NotDrawnError(
                f"what draws them is not installed ({last})", once="after pip install vl-convert-python"
            )
        return NotDrawnError(f"the chart engine failed ({last})", once="once that is fixed")


@contextmanager
def engine() -> Iterator[Engine]:
    """Start the engine, which takes half a second beside what is done inside, and end it."""
    with (
        TemporaryFile() as errors,
        subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        try:
            yield Engine(process, errors)
        finally:
            process.kill()  # idle, or nobody waits for its charts any more


def drawn(draw: Callable[[Summary], list[charts.Drawing]], summary: Summary) -> Drawn:
    """Draw here."""
    drawings = draw(summary)
    return Drawn(charts=tuple(drawings), library=vega.vega() if drawings else "")


def main() -> None:
    """Answer each summary on standard input by its charts on standard output, until there is no more."""
    import vl_convert

    vl_convert.vega_to_svg(vl_convert.vegalite_to_vega(SMALLEST))
    vega.vega()
    while True:
        try:
            draw, summary = pickle.load(sys.stdin.buffer)  # noqa: S301, our own parent # nosec B301
        except EOFError:
            return
        pickle.dump(drawn(draw, summary), sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    # Under its own name, so that what it pickles is known to the one that reads it.
    from bench.report.charts import engine as drawing

    drawing.main()
