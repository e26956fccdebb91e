"""Exact counts of Python and C calls: `sys.monitoring` from Python 3.12, `sys.setprofile` before.

A Python call is every entry into a Python frame: a call, a generator or coroutine that resumes,
and one that an exception is thrown into. A C call is a call, by Python code, of a function or
method written in C; neither a class (`list()`) nor an operator (`a + b`) is one. A C call is
counted at the Python function that makes it, because that is where it can be avoided.

Only the thread that starts the counting is counted. Imports no torch: any Python can run it.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePath
from threading import get_ident
from types import BuiltinFunctionType, CodeType, FrameType, MethodDescriptorType
from typing import Any, NamedTuple, Protocol

Table = dict[CodeType, int]
"""How often, by the Python function."""

INSTRUMENT_FOLDER = str(Path(__file__).parent) + os.sep


class Function(NamedTuple):
    """A Python function, named the same on every machine."""

    file: str
    """Relative to the folder it is imported from: `transformers/trainer.py`, `contextlib.py`."""
    function: str
    """As `__qualname__` has it: `AcceleratedOptimizer.step`."""
    line: int
    """Its first line, decorators included."""


class Backend(Protocol):
    """A way to count calls; counting costs time, so nothing is timed meanwhile."""

    def start(self) -> None:
        """Begin to count the calling thread."""

    def stop(self) -> None:
        """Stop counting."""

    def take(self) -> dict[str, Table]:
        """`python_calls` and `c_calls` since the last time, the instruments' own apart."""


class _Tables:
    def __init__(self) -> None:
        self.python: Table = defaultdict(int)
        self.c: Table = defaultdict(int)

    def take(self) -> dict[str, Table]:
        """`python_calls` and `c_calls` since the last time, the instruments' own apart."""
        # While counting goes on, so nothing here may call Python code outside the instruments' folder.
        taken = {"python_calls": self.python, "c_calls": self.c}
        self.python, self.c = defaultdict(int), defaultdict(int)
        return {name: _without_instruments(table) for name, table in taken.items()}


def _without_instruments(table: Table) -> Table:
    return {code: times for code, times in table.items() if not code.co_filename.startswith(INSTRUMENT_FOLDER)}


class SetProfile(_Tables):
    """The backend for every Python; the interpreter calls a profile function on each event."""

    def start(self) -> None:
        """Begin to count the calling thread."""
        sys.setprofile(self._event)

    def stop(self) -> None:
        """Stop counting."""
        sys.setprofile(None)

    def _event(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self.python[frame.f_code] += 1
        elif event == "c_call":
            self.c[frame.f_code] += 1


class Monitoring(_Tables):
    """The backend from Python 3.12 (PEP 669); counts the very events that `SetProfile` sees."""

    def start(self) -> None:
        """Begin to count the calling thread; raises `ValueError` when another profiler is at work."""
        self._thread = get_ident()
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]  # not there before 3.12
        self._monitoring.use_tool_id(self._monitoring.PROFILER_ID, "looptax")
        self._listen({"PY_START": self._python, "PY_RESUME": self._python, "PY_THROW": self._python, "CALL": self._c})

    def stop(self) -> None:
        """Stop counting."""
        self._listen({})
        self._monitoring.free_tool_id(self._monitoring.PROFILER_ID)

    def _listen(self, callbacks: dict[str, Callable[..., None]]) -> None:
        tool, events = self._monitoring.PROFILER_ID, self._monitoring.events
        for name in ("PY_START", "PY_RESUME", "PY_THROW", "CALL"):
            self._monitoring.register_callback(tool, getattr(events, name), callbacks.get(name))
        self._monitoring.set_events(tool, sum(getattr(events, name) for name in callbacks))

    def _python(self, code: CodeType, *_: object) -> None:
        if get_ident() == self._thread:
            self.python[code] += 1

    def _c(self, code: CodeType, _: int, function: object, argument: object) -> None:
        # The event comes for every call; what counts as a C call is taken from `sys.setprofile`.
        unbound = isinstance(function, MethodDescriptorType) and argument is not self._monitoring.MISSING
        if (unbound or isinstance(function, BuiltinFunctionType)) and get_ident() == self._thread:
            self.c[code] += 1


def backend() -> Backend:
    """The best backend of this Python."""
    return Monitoring() if sys.version_info >= (3, 12) else SetProfile()


@cache
def function_of(code: CodeType) -> Function:
    """The function of `code`, without any path of this machine."""
    return Function(_importable(code.co_filename), code.co_qualname, code.co_firstlineno)


def _importable(filename: str) -> str:
    path = PurePath(filename)
    roots = [root for root in sys.path if root and path.is_relative_to(root)]
    if roots:
        return path.relative_to(max(roots, key=len)).as_posix()
    return path.name if path.is_absolute() else filename  # `<string>` and `<frozen os>` are no paths
