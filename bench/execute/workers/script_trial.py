"""One trial of a script, by pass: attach an instrument, then run the script as it is."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from bench.execute.workers.script import ScriptError
from bench.execute.workers.script_looks import counting, equivalence
from bench.execute.workers.script_run import LONGER, end, flush, give_up, listening, run_to_its_end, without_option
from bench.measure import device as devices
from bench.measure import hooks, phases, sampling, switches
from bench.measure import script as scripts
from bench.measure.clock import Clock
from bench.measure.evaluation import EvaluationInTurns
from bench.measure.script import Samples, Steps

if TYPE_CHECKING:
    from bench.execute.workers.trial import Assignment

Result = dict[str, Any]


def _timing(assignment: Assignment) -> Result:
    """Run in turns until the parent has had enough; where the script ends first, its turns until then count.

    With --to-the-end it then runs on by itself, and its end is what ends the trial.
    """
    from bench.execute.workers.trial import clock_of, leave_timing

    run, samples, seen, switched_off = listening(assignment), Samples(), Result(), without_option(assignment)
    evaluation = EvaluationInTurns()
    rules = assignment.request["script"]

    def over(clock: Clock, figures: Result) -> None:
        if (reason := switched_off.why_not()) is not None:
            give_up(assignment, reason)
        seen.update(figures, samples_per_step=rules["samples_per_step"] or samples.per_step())
        seen.update(evaluation=evaluation.record(clock.timed_steps))
        if not rules["to_the_end"]:
            flush()
            leave_timing(assignment, clock, seen)

    scripts.let_loader_workers_spread()
    clock = clock_of(assignment, onlooker=samples, meter=evaluation, over=over)
    if rules["to_the_end"]:
        atexit._clear()  # noqa: SLF001 - as `multiprocessing` does in its forks: what is registered there is the parent's
    samples.begin()
    evaluation.watch()
    clock.start()
    run_to_its_end(assignment, run, made=lambda: clock.warmup_steps, stop=partial(give_up, assignment))
    if not clock.timed_steps:
        raise ScriptError(f"it ended before its first turn was over; {LONGER}")
    clock.end()
    atexit._run_exitfuncs()  # noqa: SLF001 - an end by `os._exit` calls none
    flush()
    leave_timing(assignment, clock, {**seen, "whole": clock.whole()})


def _phases(assignment: Assignment) -> Result:
    """Split the first steps, and end the process with the last of them."""

    def enough() -> NoReturn:
        end(assignment, {"status": "ok", "phases": {**split.result(), "functions": sampler.functions()}})

    run, steps = listening(assignment), Steps(assignment.job.steps, enough)
    sampled = sampling.sampling(steps=assignment.job.steps, warmup_steps=assignment.request["warmup_steps"])
    with phases.splitting_script(devices.of(assignment.job.device)) as split, sampled as sampler:
        hooks.on_tick(steps.tick)
        run_to_its_end(assignment, run, made=lambda: steps.made, stop=partial(give_up, assignment))
    raise ScriptError(f"it ended after {steps.made} steps, and {assignment.job.steps} are looked at; {LONGER}")


def _options(assignment: Assignment) -> Result:
    """Tell what the script's trainer has switched on, once it has made a few steps, and end the process with them."""

    def enough() -> NoReturn:
        options = seen.options(steps.made)
        if options is None:
            give_up(assignment, switches.NO_TRAINER)
        runner = assignment.request["runner"]
        end(assignment, {"status": "ok", "options": [{"runner": runner, **option} for option in options]})

    run, steps, seen = listening(assignment), Steps(assignment.job.steps, enough), switches.Seen()
    hooks.on_tick(steps.tick)
    run_to_its_end(assignment, run, made=lambda: steps.made, stop=partial(give_up, assignment))
    raise ScriptError(f"it ended after {steps.made} steps, and {assignment.job.steps} are looked at; {LONGER}")


PASSES: dict[str, Callable[[Assignment], Result]] = {
    "options": _options,
    "equivalence": equivalence,
    "counting": counting,
    "phases": _phases,
    "timing": _timing,
}
