"""One trial of a script: attach an instrument, then run the script as it is.

Whatever an instrument wants to see, it ends the process from inside the last step that it wants: no script can swallow
that, and nothing of it runs on. A script that comes to its own end before that has its say, too.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bench.execute.workers import protocol
from bench.execute.workers.script import MAIN, ScriptError, told
from bench.measure import counters, hooks
from bench.measure import script as scripts
from bench.measure.counters import Instrument, Typical
from bench.measure.script import FunctionTicks, Samples, Steps

if TYPE_CHECKING:
    from bench.execute.workers.trial import Assignment

Result = dict[str, Any]
Made = Callable[[], int]
LONGEST_LINE = 200


def _timing(assignment: Assignment) -> Result:
    """Run in turns until the parent has had enough; where the script ends first, its turns until then count."""
    from bench.execute.workers.trial import clock_of

    run, samples = _listening(assignment), Samples()
    asked = assignment.request["script"]["samples_per_step"]

    def own() -> Result:
        _flush()
        return {"samples_per_step": asked or samples.per_step()}

    def give_up(reason: str) -> NoReturn:
        assignment.leave({"status": "failed", "reason": reason})
        os._exit(0)

    clock = clock_of(assignment, onlooker=samples, own=own)
    samples.begin()
    clock.start()
    _run(assignment, run, made=lambda: clock.warmup_steps, give_up=give_up)
    if not clock.timed_steps:
        raise ScriptError(f"it ended before its first turn was over; {LONGER}")
    clock.end()


def _counting(assignment: Assignment) -> Result:
    """Count in forks of this process, since a script cannot be run twice in one as if the first had not been."""
    seen: dict[str, Typical] = {}
    for instrument in counters.instruments(assignment.job.device):
        seen |= _in_a_fork(assignment, instrument)
    steady = assignment.job.steps - assignment.request["warmup_steps"]
    return {"counters": counters.fields(seen, steady_steps=steady, device=assignment.job.device)}


PASSES: dict[str, Callable[[Assignment], Result]] = {"counting": _counting, "timing": _timing}
LONGER = "let it train longer, by its own arguments"


def _in_a_fork(assignment: Assignment, instrument: Instrument) -> dict[str, Typical]:
    """What an instrument sees in the first steps of the script; raises `ScriptError` where it cannot."""
    left = assignment.scratch / "counted.pickle"
    left.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        _count(assignment, instrument, left)
    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not left.exists():
        raise ScriptError(f"it ended its process with exit code {exit_code}{_last_line(assignment)}")
    told = pickle.loads(left.read_bytes())  # noqa: S301 - a fork of this process has written it
    if isinstance(told, str):
        raise ScriptError(told)
    return dict(told)


def _count(assignment: Assignment, instrument: Instrument, left: Path) -> NoReturn:
    """Run the script until so many steps are counted, leave what most of them show, or a reason, and end."""

    def leave(told: object) -> NoReturn:
        _flush()
        left.write_bytes(pickle.dumps(told))
        os._exit(0)

    def enough() -> NoReturn:
        if not counted:  # an instrument that tells only when it is left
            stack.close()
        leave(counters.typical_of(counted[assignment.request["warmup_steps"] :]))

    stack, steps = ExitStack(), Steps(assignment.job.steps, enough)
    try:
        run = _listening(assignment)
        counted = stack.enter_context(instrument(None))
        hooks.on_tick(steps.tick)
        _run(assignment, run, made=lambda: steps.made, give_up=leave)
        leave(f"it ended after {steps.made} steps, and {assignment.job.steps} are counted; {LONGER}")
    except Exception as error:  # noqa: BLE001 - whatever a script raises is the reason of its row
        assert assignment.script is not None
        leave(told(error, assignment.script.file))


def _listening(assignment: Assignment) -> Callable[[], None]:
    """Let steps be what the user calls so, from now on; what then runs the script."""
    rules, script = assignment.request["script"], assignment.script
    assert script is not None
    if rules["tick_on"] is None:
        hooks.tick_by(lambda tick: scripts.listen(rules["tick"], tick))
        return lambda: script.run(assignment.scratch)
    ticks = FunctionTicks()
    hooks.tick_by(ticks.listen)
    module, _, name = rules["tick_on"].partition(":")
    if module in (MAIN, script.file.stem):
        return lambda: script.run(assignment.scratch, wrapped=(name, ticks.wrap))
    ticks.attach(rules["tick_on"])
    return lambda: script.run(assignment.scratch)


def _run(assignment: Assignment, run: Callable[[], None], *, made: Made, give_up: Callable[[str], NoReturn]) -> None:
    """Run the script to its end; raises what it raises, and `ScriptError` where it made no step."""
    scripts.refuse_to_wait_for_steps(lambda: made() > 0, give_up)
    try:
        run()
    except SystemExit as error:
        if error.code not in (None, 0):
            after = f"sys.exit({error.code!r}) after {made():,} steps"
            raise ScriptError(f"it ended itself by {after}{_last_line(assignment)}") from None
    if not made():
        raise ScriptError(f"it ran to its end, and no optimizer step was seen; {scripts.WAY_OUT}")


def _last_line(assignment: Assignment) -> str:
    _flush()
    lines = (assignment.scratch / protocol.LOG).read_text(errors="replace").strip().splitlines()
    return f": {lines[-1].strip()[:LONGEST_LINE]}" if lines else ""


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a script may have put anything there
            stream.flush()
