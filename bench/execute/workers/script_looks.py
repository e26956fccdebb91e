"""Passes that look at a script more than once: each time in a fork of the trial, which leaves what it has seen."""

from __future__ import annotations

import os
import pickle  # nosec B403
from collections import ChainMap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from torch.optim.optimizer import register_optimizer_step_post_hook

from bench.execute.workers import protocol
from bench.execute.workers.failure import print_all
from bench.execute.workers.script import ScriptError, reason_of
from bench.execute.workers.script_run import LONGER, flush, last_words, listening, ready, run_to_its_end, without_option
from bench.measure import counters, hooks, witness
from bench.measure.counters import Instrument
from bench.measure.determinism import has_compiled
from bench.measure.script import Steps

if TYPE_CHECKING:
    from bench.execute.workers.trial import Assignment

Result = dict[str, Any]
Leave = Callable[[object], NoReturn]
"""Leaves what a fork has seen, or the reason why it has not, and ends it."""


def counting(assignment: Assignment) -> Result:
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


def equivalence(assignment: Assignment) -> Result:
    """Look twice, each time in a fork: what differs between the two is no other script's doing."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # for deterministic matrix products, before the first one
    look = partial(_witness, assignment)
    return {"witnessed": [_in_a_fork(assignment, look) for _ in range(2)]}


def _in_a_fork(assignment: Assignment, look: Callable[[Leave], None]) -> dict[str, Any]:
    """What a fork of this process leaves; raises `ScriptError` where that is a reason, or nothing."""
    left = assignment.scratch / "seen.pickle"
    left.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        _look(assignment, look, left)
    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not left.exists():
        raise ScriptError(f"its process {protocol.how_it_ended(exit_code)}{last_words(assignment)}")
    seen = pickle.loads(left.read_bytes())  # noqa: S301 # nosec B301 - by a fork of this process
    if isinstance(seen, str):
        raise ScriptError(seen)
    return dict(seen)


def _look(assignment: Assignment, look: Callable[[Leave], None], left: Path) -> NoReturn:
    """Leave what is seen, or a reason, and end."""

    def leave(seen: object) -> NoReturn:
        flush()
        left.write_bytes(pickle.dumps(seen))
        os._exit(0)

    try:
        look(leave)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a script raises is the reason of its row
        assert assignment.script is not None
        if not isinstance(error, ScriptError):
            print_all(error)
        leave(reason_of(error, assignment.script.file))
    raise AssertionError("whoever looks leaves something")


def _count(assignment: Assignment, instrument: Instrument, leave: Leave) -> None:
    """Run the script until so many steps are counted; leave what most of them show, and whether it has compiled."""

    def enough() -> NoReturn:
        if (reason := switched_off.why_not()) is not None:
            leave(reason)
        if not counted:  # an instrument that has its counts only when it is left
            stack.close()
        counts = counters.typical_of(counted[assignment.request["warmup_steps"] :])
        leave({"counts": counts, "has_compiled": has_compiled()})

    stack, steps = ExitStack(), Steps(assignment.job.steps, enough)
    run, switched_off = listening(assignment), without_option(assignment)
    counted = stack.enter_context(instrument(None))
    hooks.on_tick(steps.tick)
    run_to_its_end(assignment, run, made=lambda: steps.made, stop=leave)
    leave(f"it ended after {steps.made} steps, and {assignment.job.steps} are counted; {LONGER}")


def _witness(assignment: Assignment, leave: Leave) -> None:
    """Run the script until so many optimizer steps, or calls of what ends a step, were seen, and leave what they did.

    Every optimizer's step is one here, whichever of them ends a step of the other passes.
    """
    run, ticks = ready(assignment)
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
        run_to_its_end(assignment, run, made=lambda: steps.made, stop=leave)

    seed, by_hand = assignment.job.seed, None if ticks is None else ticking
    leave(witness.record(watched, steps=assignment.job.steps, seed=seed, ticking=by_hand, finish=leave))
