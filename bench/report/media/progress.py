"""A running benchmark, for whoever watches it: a live display in a terminal, plain lines on a pipe.

Neither has a thread or a timer: both write only when called, between two trials, because whatever
ran beside the measured process would be in its figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from bench.records.foreign_text import printable
from bench.records.schema import Estimate, Trial
from bench.report.document import numbers
from bench.report.document.columns import NO_REASON
from bench.report.document.groups import STATUS_WORDS

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live
    from rich.table import Table

Ratios = Mapping[str, Estimate | None]
"""Step time over the baseline's so far, by whatever names a row: a runner, or a runner and a batch size."""


class Progress(Protocol):
    """Told about a run as it goes on; never slows it and never fails it."""

    def start(self, total_trials: int | None, title: str, *, blocks: int | None = None) -> None:
        """Begin; None where a number is not known beforehand."""

    def trial(self, trial: Trial, done: int, total: int | None, seconds_left: float | None, ratios: Ratios) -> None:
        """Hear of a trial that has ended, the `done`-th of `total`."""

    def note(self, text: str) -> None:
        """Show one sentence."""

    def close(self) -> None:
        """End, with the run or when it is interrupted; may be called more than once."""


def choose(stream: TextIO, *, quiet: bool = False) -> Progress:
    """Return the live display where `stream` is a terminal, else plain lines; nothing is written by a quiet one."""
    if quiet:
        return NoProgress()
    return LiveProgress(stream) if stream.isatty() else PlainProgress(stream)


@dataclass(frozen=True, kw_only=True, slots=True)
class _State:
    """The last that was heard of a run."""

    trial: Trial
    done: int
    total: int | None
    seconds_left: float | None
    ratios: Ratios
    blocks: int | None

    @property
    def stage(self) -> str:
        """`equivalence` or `block 2 of 6`."""
        if self.trial.phase != "timing":
            return self.trial.phase
        number = self.trial.block + 1
        planned = self.blocks is not None and number <= self.blocks  # a run that wants narrower intervals adds more
        return f"block {number} of {self.blocks}" if planned else f"block {number}"

    @property
    def left(self) -> str | None:
        """`40 s left`."""
        return None if self.seconds_left is None else f"{numbers.duration(self.seconds_left)} left"

    @property
    def known_ratios(self) -> list[tuple[str, Estimate]]:
        """Those that have a figure; exactly 1 is the baseline itself."""
        return [(name, ratio) for name, ratio in self.ratios.items() if ratio is not None and ratio.value != 1.0]

    @property
    def comparison(self) -> str:
        """`mlp on cpu, batch 64`."""
        return _comparison(self.trial)


class NoProgress:
    """Says nothing."""

    def start(self, total_trials: int | None, title: str, *, blocks: int | None = None) -> None:
        """Say nothing."""

    def trial(self, trial: Trial, done: int, total: int | None, seconds_left: float | None, ratios: Ratios) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


class PlainProgress:
    """One line a block or pass, and one for each failed trial."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._blocks: int | None = None
        self._last: _State | None = None

    def start(self, total_trials: int | None, title: str, *, blocks: int | None = None) -> None:
        """Write the title."""
        self._blocks = blocks
        self.note(title if total_trials is None else f"{title} · {total_trials:,} trials")

    def trial(self, trial: Trial, done: int, total: int | None, seconds_left: float | None, ratios: Ratios) -> None:
        """Write the line of the block before, if this trial begins another one."""
        state = _State(
            trial=trial, done=done, total=total, seconds_left=seconds_left, ratios=ratios, blocks=self._blocks
        )
        if self._last is not None and self._last.stage != state.stage:
            self._write(_line(self._last))
        if trial.status != "ok":
            self._write(failure(trial))
        self._last = state

    def note(self, text: str) -> None:
        """Write one line, after that of the block it comes after."""
        self.close()
        self._write(text)

    def close(self) -> None:
        """Write the line of the last block."""
        if self._last is not None:
            self._write(_line(self._last))
        self._last = None

    def _write(self, text: str) -> None:
        print(printable(text), file=self._stream, flush=True)


class LiveProgress:
    """A small display that is redrawn in place after each trial, and gone at the end."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        # auto_refresh would start a thread that redraws beside the measured process.
        self._live: Live = Live(console=Console(file=stream), auto_refresh=False, transient=True, redirect_stdout=False)
        self._title = ""
        self._blocks: int | None = None

    def start(self, total_trials: int | None, title: str, *, blocks: int | None = None) -> None:
        """Open the display."""
        from rich.text import Text

        self._blocks = blocks
        self._title = title if total_trials is None else f"{title} · {total_trials:,} trials"
        self._live.start()
        self._live.update(Text(printable(self._title)), refresh=True)

    def trial(self, trial: Trial, done: int, total: int | None, seconds_left: float | None, ratios: Ratios) -> None:
        """Redraw; a failed trial stays on the screen above the display."""
        state = _State(
            trial=trial, done=done, total=total, seconds_left=seconds_left, ratios=ratios, blocks=self._blocks
        )
        if trial.status != "ok":
            self.note(failure(trial))
        self._live.update(_display(self._title, state), refresh=True)

    def note(self, text: str) -> None:
        """Write one line above the display."""
        self._live.console.print(printable(text), markup=False, highlight=False)

    def close(self) -> None:
        """Take the display away."""
        self._live.stop()


def failure(trial: Trial) -> str:
    """`out of memory · lightning · mlp on cpu, batch 64 · block 2: CUDA out of memory`."""
    stage = trial.phase if trial.phase != "timing" else f"block {trial.block + 1}"
    where = f"{trial.cell.runner} · {_comparison(trial)} · {stage}"
    reason = " ".join((trial.reason or NO_REASON).split())
    return f"{STATUS_WORDS[trial.status]} · {where}: {reason}"


def _comparison(trial: Trial) -> str:
    batch = f", batch {trial.cell.batch_size:,}" if trial.cell.batch_size else ""
    return f"{trial.cell.place}{batch}"


def _line(state: _State) -> str:
    ratios = " ".join(f"{name} {numbers.times(ratio)}" for name, ratio in state.known_ratios)
    return " · ".join(part for part in (state.stage, state.left, ratios and f"{state.comparison}: {ratios}") if part)


def _display(title: str, state: _State) -> Group:
    """Title, where the run is, and the ratios so far; rich is only imported where there is a terminal."""
    from rich.console import Group
    from rich.text import Text

    done = f"{state.done:,}" + (f" of {state.total:,}" if state.total else "")
    position = " · ".join(part for part in (state.stage, f"{done} trials", state.left) if part)
    lines = [
        Text(printable(text), overflow="ellipsis", no_wrap=True)
        for text in (title, position, f"last: {state.trial.cell.runner}, {state.comparison}")
    ]
    return Group(*lines, *([_ratio_table(state)] if state.known_ratios else []))


def _ratio_table(state: _State) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("runner", "step time over the baseline's", box=None, pad_edge=False)
    for name, ratio in state.known_ratios:
        table.add_row(Text(printable(name)), numbers.ratio(ratio))
    return table
