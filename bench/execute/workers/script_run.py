"""A script under way in a trial: it runs as it is, and its steps are heard of.

Whatever an instrument wants to see, it ends the process from inside the last step that it wants: no script can swallow
that, and nothing of it runs on. A script that comes to its own end before that has its say, too.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from bench.execute.workers import protocol
from bench.execute.workers.script import MAIN, ScriptError
from bench.measure import hooks
from bench.measure import script as scripts
from bench.measure.script import FunctionTicks
from bench.measure.switches import SwitchedOff

if TYPE_CHECKING:
    from bench.execute.workers.trial import Assignment

Run = Callable[[], None]
"""Runs a script."""
LONGER = "let it train longer, by its own arguments"


def ready(assignment: Assignment) -> tuple[Run, FunctionTicks | None]:
    """What runs the script, and where the user has named a function whose calls end steps, that function's calls."""
    rules, script = assignment.request["script"], assignment.script
    assert script is not None
    if rules["tick_on"] is None:
        return lambda: script.run(assignment.scratch), None
    ticks = FunctionTicks()
    module, _, name = rules["tick_on"].partition(":")
    if module in (MAIN, script.file.stem):
        return lambda: script.run(assignment.scratch, wrapped=(name, ticks.wrap)), ticks
    ticks.attach(rules["tick_on"])
    return lambda: script.run(assignment.scratch), ticks


def listening(assignment: Assignment) -> Run:
    """Let steps be what the user calls so, from now on; what then runs the script."""
    run, ticks = ready(assignment)
    rule = assignment.request["script"]["tick"]
    hooks.tick_by((lambda tick: scripts.listen(rule, tick)) if ticks is None else ticks.listen)
    return run


def without_option(assignment: Assignment) -> SwitchedOff:
    """Let what trains have the option off that the trial's cell is without, if any."""
    return SwitchedOff(assignment.request["option"])


def run_to_its_end(
    assignment: Assignment, run: Run, *, made: Callable[[], int], stop: Callable[[str], NoReturn]
) -> None:
    """Run the script to its end; raises what it raises, and `ScriptError` where it made no step.

    `made` counts its steps; `stop` ends the process for a reason.
    """
    scripts.refuse_to_wait_for_steps(lambda: made() > 0, stop)
    try:
        run()
    except SystemExit as error:
        if error.code not in (None, 0):
            after = f"sys.exit({error.code!r}) after {made():,} steps"
            raise ScriptError(f"it ended itself by {after}{last_words(assignment)}") from None
    threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 - as Python does at its end: scripts may train in one
    if not made():
        raise ScriptError(f"it ran to its end, and {scripts.no_step()}")


def last_words(assignment: Assignment) -> str:
    """What the script has printed last, after a colon."""
    flush()
    return protocol.last_words(assignment.scratch / protocol.LOG)


def flush() -> None:
    """Let what was printed reach the log, which an end by `os._exit` leaves out."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a script may have put anything there
            stream.flush()


def end(assignment: Assignment, result: dict[str, Any]) -> NoReturn:
    """Leave a result, and end the process."""
    flush()
    assignment.leave(result)
    os._exit(0)


def give_up(assignment: Assignment, reason: str) -> NoReturn:
    """End the process, for a reason that is its row's."""
    end(assignment, {"status": "failed", "reason": reason})
