"""Exact counts of Python and C calls: `sys.monitoring` from Python 3.12, `sys.setprofile` before.

A Python call is every entry into a Python frame: a call, a generator or coroutine that resumes, or
one that an exception is thrown into. A C call is a call, by Python code, of a function or method
written in C; neither a class (`list()`) nor an operator (`a + b`) is one. A Python call is counted
at the function called, a C call at the function that calls; `sites` says where if that is Python's
own library. Only the thread that starts the counting is counted. Imports no torch.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable
from threading import get_ident
from types import BuiltinFunctionType, FrameType, MethodDescriptorType
from typing import Any, Protocol

from bench.measure.sites import Site, site_of

Table = dict[Site, int]


class Backend(Protocol):
    """A way to count calls; counting costs time, so nothing is timed meanwhile."""

    def start(self) -> None:
        """Begin to count the calling thread."""

    def stop(self) -> None:
        """Stop counting."""

    def take(self) -> dict[str, Table]:
        """`python_calls` and `c_calls` since the last time, without the instruments' and bridges' own."""


class _Tables:
    def __init__(self) -> None:
        self.python: Table = defaultdict(int)
        self.c: Table = defaultdict(int)

    def take(self) -> dict[str, Table]:
        """`python_calls` and `c_calls` since the last time, without the instruments' and bridges' own."""
        taken = {"python_calls": self.python, "c_calls": self.c}
        self.python, self.c = defaultdict(int), defaultdict(int)
        return {name: _without_ours(table) for name, table in taken.items()}


def _without_ours(table: Table) -> Table:
    return {site: times for site, times in table.items() if not (site.of_an_instrument or site.of_a_bridge)}


DISPLACED = "the loop starts a profiler of its own, which takes the place of the one that counts"


class SetProfile(_Tables):
    """The backend for every Python: the interpreter calls a profile function on each event.

    There is room for one: where the counted code starts a profiler of its own, there are no counts from then on.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = 0
        self._is_displaced = False

    def start(self) -> None:
        """Begin to count the calling thread."""
        self._thread = get_ident()
        sys.setprofile(self._event)

    def stop(self) -> None:
        """Stop counting."""
        self._look()
        self._thread = 0
        sys.setprofile(None)

    def take(self) -> dict[str, Table]:
        """As of every backend; nothing once another profiler was started."""
        self._look()
        taken = super().take()
        return {} if self._is_displaced else taken

    def _look(self) -> None:
        if get_ident() == self._thread:
            self._is_displaced |= sys.getprofile() != self._event

    def _event(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self.python[site_of(frame)] += 1
        elif event == "c_call":
            self.c[site_of(frame)] += 1


class Monitoring(_Tables):
    """The backend from Python 3.12 (PEP 669); counts the very events that `SetProfile` sees."""

    def start(self) -> None:
        """Begin to count the calling thread; raises `ValueError` while another profiler is at work."""
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

    def _python(self, *_: object) -> None:
        if get_ident() == self._thread:
            self.python[site_of(sys._getframe(1))] += 1  # noqa: SLF001 - the event brings no frame

    def _c(self, _code: object, _offset: int, function: object, argument: object) -> None:
        # The event comes for every call; what of it is a C call is as for `sys.setprofile`.
        unbound = isinstance(function, MethodDescriptorType) and argument is not self._monitoring.MISSING
        if (unbound or isinstance(function, BuiltinFunctionType)) and get_ident() == self._thread:
            self.c[site_of(sys._getframe(1))] += 1  # noqa: SLF001


def backend() -> Backend:
    """The best backend of this Python."""
    return Monitoring() if sys.version_info >= (3, 12) else SetProfile()
