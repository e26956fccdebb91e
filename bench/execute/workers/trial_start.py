"""From a fork of an interpreter, or an interpreter itself, to one trial: its folder, its output, its cores, its runner.

Standard library only: it is imported before a framework is, whose import is timed.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from bench.execute.workers.children import let_forks_die_with_this
from bench.execute.workers.loading import Loaded, Train
from bench.execute.workers.protocol import LOG, Message
from bench.host import process


def run_trial(loaded: Loaded, request: Message, descriptors: list[int]) -> None:
    """Run one trial in its scratch folder and leave `result.json` there."""
    from bench.execute.workers.trial import Assignment, run
    from bench.measure.memory import HostBaseline
    from trainloops.contract import Job

    let_forks_die_with_this()
    scratch = Path(request["scratch"])
    os.environ |= request["visible"]  # before the driver is asked, which no fork's parent has done
    os.chdir(scratch)
    terminal = descriptors.pop() if request["has_terminal"] else None
    _log_to(scratch / LOG, terminal)
    _pin(request["cores"])
    host = HostBaseline(inherited_bytes=loaded.inherited_bytes, at_start=process.resident())
    assignment = Assignment(
        runner=_loop(loaded.train, request),
        script=loaded.script,
        job=Job(**request["job"]),
        request=request | {"hides_imports": loaded.hides_imports},
        host=host,
        scratch=scratch,
        control=socket.socket(fileno=descriptors[0]) if descriptors else None,
    )
    if assignment.job.ranks == 1:
        return run(assignment)
    from bench.execute.workers import ranks  # brings torch elastic

    return ranks.launch(assignment)


def _pin(cores: list[int]) -> None:
    """Run on these cores alone; where that cannot be had, wherever the system likes."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def _loop(train: Train | None, request: Message) -> Train | None:
    """The runner as the trial asks for it: with its framework's defaults, with an option, or as it is."""
    if request["profile"] == "stock":
        from trainloops import stock

        return stock.load(request["runner"])
    return train if train is None or request["option"] is None else _with_option(train, request)


def _with_option(train: Train, request: Message) -> Train:
    from importlib.metadata import version

    from trainloops import options, runners

    package = runners.BUILT_IN[request["runner"]].needs[0]
    return options.switched_on(train, options.find(request["runner"], request["option"], version(package)))


def _log_to(path: Path, terminal: int | None) -> None:
    """Let what is printed go to the file, or to the terminal where there is one, of which the parent keeps a copy."""
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if terminal is None else terminal
    os.dup2(log, 1)
    os.dup2(log, 2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # so that a loop which asks for input sees at once that there is none
