"""One trial of a script: attach an instrument, then run the script as it is.

Whatever an instrument wants to see, it ends the process from inside the last step that it wants: no script can swallow
that, and nothing of it runs on. A script that comes to its own end before that has its say, too.
"""

from __future__ import annotations

import atexit
import os
import pickle  # nosec B403
import sys
import threading
from collections import ChainMap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from torch.optim.optimizer import register_optimizer_step_post_hook

from bench.execute.workers import protocol
from bench.execute.workers.failure import print_all
from bench.execute.workers.script import MAIN, ScriptError, told
from bench.measure import counters, hooks, phases, sampling, switches, witness
from bench.measure import device as devices
from bench.measure import script as scripts
from bench.measure.clock import Clock
from bench.measure.counters import Instrument
from bench.measure.determinism import has_compiled
from bench.measure.evaluation import EvaluationInTurns
from bench.measure.script import FunctionTicks, Samples, Steps

if TYPE_CHECKING:
    from bench.execute.workers.trial import Assignment

Result = dict[str, Any]
Made = Callable[[], int]
Leave = Callable[[object], NoReturn]
LONGEST_LINE = 200


def _timing(assignment: Assignment) -> Result:
    """Run in turns until the parent has had enough; where the script ends first, its turns until then count.

    With --to-the-end it then runs on by itself, and its end is what ends the trial.
    """
    from bench.execute.workers.trial import clock_of, leave_timing

    run, samples, seen, without = _listening(assignment), Samples(), Result(), _without_option(assignment)
    evaluation = EvaluationInTurns()
    rules = assignment.request["script"]

    def over(clock: Clock, told: Result) -> None:
        if (reason := without.why_not()) is not None:
            _give_up(assignment, reason)
        seen.update(told, samples_per_step=rules["samples_per_step"] or samples.per_step())
        seen.update(evaluation=evaluation.record(clock.timed_steps))
        if not rules["to_the_end"]:
            _flush()
            leave_timing(assignment, clock, seen)

    scripts.let_loader_workers_spread()
    clock = clock_of(assignment, onlooker=samples, meter=evaluation, over=over)
    if rules["to_the_end"]:
        atexit._clear()  # noqa: SLF001 - as `multiprocessing` does in its forks: what is registered there is the parent's
    samples.begin()
    evaluation.watch()
    clock.start()
    _run(assignment, run, made=lambda: clock.warmup_steps, give_up=partial(_give_up, assignment))
    if not clock.timed_steps:
        raise ScriptError(f"it ended before its first turn was over; {LONGER}")
    clock.end()
    atexit._run_exitfuncs()  # noqa: SLF001 - an end by `os._exit` calls none
    _flush()
    leave_timing(assignment, clock, {**seen, "whole": clock.whole()})


def _counting(assignment: Assignment) -> Result:
    """Count in forks of this process, since a script cannot be run twice in one as if the first had not been.

    Whether it compiles is known when it has run: tensors are counted last, and not of compiled code.
    """
    of_tensors, *others = counters.instruments(assignment.job.device)
    looks = [_in_a_fork(assignment, partial(_count, assignment, instrument)) for instrument in others]
    if not any(look["has_compiled"] for look in looks):
        looks.append(_in_a_fork(assignment, partial(_count, assignment, of_tensors)))
    seen = ChainMap(*(look["counts"] for look in looks))
    steady = assignment.job.steps - assignment.request["warmup_steps"]
    return {"counters": counters.fields(seen, steady_steps=steady, device=assignment.job.device)}


def _equivalence(assignment: Assignment) -> Result:
    """Look twice, each time in a fork: what differs between the two is no other script's doing."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # for deterministic matrix products, before the first one
    look = partial(_witness, assignment)
    return {"witnessed": [_in_a_fork(assignment, look) for _ in range(2)]}


def _phases(assignment: Assignment) -> Result:
    """Split the first steps, and end the process with the last of them."""

    def enough() -> NoReturn:
        _end(assignment, {"status": "ok", "phases": {**split.result(), "functions": sampler.functions()}})

    run, steps = _listening(assignment), Steps(assignment.job.steps, enough)
    sampled = sampling.sampling(steps=assignment.job.steps, warmup_steps=assignment.request["warmup_steps"])
    with phases.splitting_script(devices.of(assignment.job.device)) as split, sampled as sampler:
        hooks.on_tick(steps.tick)
        _run(assignment, run, made=lambda: steps.made, give_up=partial(_give_up, assignment))
    raise ScriptError(f"it ended after {steps.made} steps, and {assignment.job.steps} are looked at; {LONGER}")


def _options(assignment: Assignment) -> Result:
    """Tell what the script's trainer has switched on, once it has made a few steps, and end the process with them."""

    def enough() -> NoReturn:
        found = seen.options(steps.made)
        if found is None:
            _give_up(assignment, switches.NO_TRAINER)
        runner = assignment.request["runner"]
        _end(assignment, {"status": "ok", "options": [{"runner": runner, **option} for option in found]})

    run, steps, seen = _listening(assignment), Steps(assignment.job.steps, enough), switches.Seen()
    hooks.on_tick(steps.tick)
    _run(assignment, run, made=lambda: steps.made, give_up=partial(_give_up, assignment))
    raise ScriptError(f"it ended after {steps.made} steps, and {assignment.job.steps} are looked at; {LONGER}")


PASSES: dict[str, Callable[[Assignment], Result]] = {
    "options": _options,
    "equivalence": _equivalence,
    "counting": _counting,
    "phases": _phases,
    "timing": _timing,
}
LONGER = "let it train longer, by its own arguments"


def _end(assignment: Assignment, result: Result) -> NoReturn:
    _flush()
    assignment.leave(result)
    os._exit(0)


def _give_up(assignment: Assignment, reason: str) -> NoReturn:
    _end(assignment, {"status": "failed", "reason": reason})


def _in_a_fork(assignment: Assignment, look: Callable[[Leave], None]) -> dict[str, Any]:
    """What a fork of this process leaves; raises `ScriptError` where that is a reason, or nothing."""
    left = assignment.scratch / "seen.pickle"
    left.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        _look(assignment, look, left)
    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not left.exists():
        raise ScriptError(f"its process {protocol.how_it_ended(exit_code)}{_last_line(assignment)}")
    seen = pickle.loads(left.read_bytes())  # noqa: S301 # nosec B301 - by a fork of this process
    if isinstance(seen, str):
        raise ScriptError(seen)
    return dict(seen)


def _look(assignment: Assignment, look: Callable[[Leave], None], left: Path) -> NoReturn:
    """Leave what is seen, or a reason, and end."""

    def leave(seen: object) -> NoReturn:
        _flush()
        left.write_bytes(pickle.dumps(seen))
        os._exit(0)

    try:
        look(leave)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a script raises is the reason of its row
        assert assignment.script is not None
        if not isinstance(error, ScriptError):
            print_all(error)
        leave(told(error, assignment.script.file))
    raise AssertionError("whoever looks leaves something")


def _count(assignment: Assignment, instrument: Instrument, leave: Leave) -> None:
    """Run the script until so many steps are counted; leave what most of them show, and whether it has compiled."""

    def enough() -> NoReturn:
        if (reason := without.why_not()) is not None:
            leave(reason)
        if not counted:  # an instrument that tells only when it is left
            stack.close()
        counts = counters.typical_of(counted[assignment.request["warmup_steps"] :])
        leave({"counts": counts, "has_compiled": has_compiled()})

    stack, steps = ExitStack(), Steps(assignment.job.steps, enough)
    run, without = _listening(assignment), _without_option(assignment)
    counted = stack.enter_context(instrument(None))
    hooks.on_tick(steps.tick)
    _run(assignment, run, made=lambda: steps.made, give_up=leave)
    leave(f"it ended after {steps.made} steps, and {assignment.job.steps} are counted; {LONGER}")


def _witness(assignment: Assignment, leave: Leave) -> None:
    """Run the script until so many optimizer steps, or calls of what ends a step, were seen, and leave what they did.

    Every optimizer's step is one here, whichever of them ends a step of the other passes.
    """
    run, ticks = _ready(assignment)
    steps = Steps(assignment.job.steps, lambda: None)
    listen = register_optimizer_step_post_hook if ticks is None else ticks.listen
    listen(steps.tick)

    @contextmanager
    def ticking(tick: Callable[[], None]) -> Iterator[None]:
        assert ticks is not None
        handle = ticks.listen(lambda *_: tick())
        yield
        handle.remove()

    def watched() -> None:
        _run(assignment, run, made=lambda: steps.made, give_up=leave)

    seed, by_hand = assignment.job.seed, None if ticks is None else ticking
    leave(witness.record(watched, steps=assignment.job.steps, seed=seed, ticking=by_hand, finish=leave))


def _ready(assignment: Assignment) -> tuple[Callable[[], None], FunctionTicks | None]:
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


def _listening(assignment: Assignment) -> Callable[[], None]:
    """Let steps be what the user calls so, from now on; what then runs the script."""
    run, ticks = _ready(assignment)
    rule = assignment.request["script"]["tick"]
    hooks.tick_by((lambda tick: scripts.listen(rule, tick)) if ticks is None else ticks.listen)
    return run


def _without_option(assignment: Assignment) -> switches.SwitchedOff:
    """Let what trains have the option off that the trial's cell is without, if any."""
    return switches.SwitchedOff(assignment.request["option"])


def _run(assignment: Assignment, run: Callable[[], None], *, made: Made, give_up: Callable[[str], NoReturn]) -> None:
    """Run the script to its end; raises what it raises, and `ScriptError` where it made no step."""
    scripts.refuse_to_wait_for_steps(lambda: made() > 0, give_up)
    try:
        run()
    except SystemExit as error:
        if error.code not in (None, 0):
            after = f"sys.exit({error.code!r}) after {made():,} steps"
            raise ScriptError(f"it ended itself by {after}{_last_line(assignment)}") from None
    threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 - as Python does at its end: scripts may train in one
    if not made():
        raise ScriptError(f"it ran to its end, and {scripts.no_step()}")


def _last_line(assignment: Assignment) -> str:
    _flush()
    with (assignment.scratch / protocol.LOG).open("rb") as log:
        line = protocol.last_line(log)
    return f": {line[:LONGEST_LINE]}" if line else ""


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a script may have put anything there
            stream.flush()
