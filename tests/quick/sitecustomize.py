"""On the import path of tests' processes: those that begin by importing torch become forks of one that has.

That one is `tests/quick/template.py`, whose sockets `tests.verbs.variables` names. A process hands it all that it was
started with, waits for the fork, and ends as that does: the fork is none of its children, so that tests of processes
name no socket, and have only what each interpreter would import for 2 s imported before all are forked. That is torch's
compiler, which comes with the first optimizer, and where a test asks for it also all frameworks
(`tests.verbs.FRAMEWORKS`). The workers of a user import them in each interpreter (`bench.execute.workers.worker`), and
so do those of tests that ask for that (`tests.verbs.FRESH`). With `tests.verbs.SOURCES` nothing here is on the path.

A verb that nobody signals (`tests.verbs.process`) is such a fork too. The machine is timed for a moment, once for all
runs and not for a second in each, and their reports have no charts.
"""

import gc
import os
import socket
import subprocess
import sys
from pathlib import Path

WORKER, MACHINE, JITTER = "bench.execute.workers.worker", "bench.host.machine", "bench.host.jitter"
CHARTS = "bench.report.charts.engine"
TEMPLATES, WORKERS_HAVE, IS_PROCESS = "LOOPTAX_TESTS_TEMPLATES", "LOOPTAX_TESTS_WORKERS_HAVE", "LOOPTAX_TESTS_PROCESS"


def started_module():
    """What this process was started for by `-m`, and with which arguments; or nothing."""
    if "-m" not in sys.orig_argv:
        return "", []
    _, module, *arguments = sys.orig_argv[sys.orig_argv.index("-m") :]
    return module, arguments


def become_a_fork(of, module, arguments):
    """Let a fork of one of the templates run `module` in the place of this process."""
    from bench.execute.workers.protocol import Receiver, send

    control = [int(argument) for argument in arguments] if module == WORKER else []
    started_with = {
        "module": module,
        "arguments": arguments,
        "path": sys.path,
        "executable": sys.executable,
        "prefixes": [sys.prefix, sys.exec_prefix],
        "folder": str(Path.cwd()),
        "variables": dict(os.environ),
    }
    with socket.socket(socket.AF_UNIX) as template:
        template.connect(f"{os.environ[TEMPLATES]}/{of}")
        send(template, started_with, (0, 1, 2, *control))
        for descriptor in control:
            os.close(descriptor)  # else the fork's would not be the last that the parent hears of
        ended = Receiver(template).receive()
    exit_code = 1 if ended is None else ended[0]["exit_code"]
    if exit_code < 0:
        os.kill(os.getpid(), -exit_code)
    os._exit(exit_code)


def time_the_machine_once():
    """Print what the first process saw that was to time it."""
    seen = Path(os.environ[TEMPLATES], "jitter.json")
    if not seen.exists():
        command = [sys.executable, "-P", "-m", JITTER, "--seconds", "0"]
        partial = seen.with_suffix(f".{os.getpid()}")
        partial.write_bytes(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        partial.rename(seen)  # whole for whoever else looks
    os.write(1, seen.read_bytes())
    os._exit(0)


def begin(module, arguments):
    """Do sooner than for a user what the module does that this process was started for."""
    is_process = os.environ.pop(IS_PROCESS, None) is not None  # which those that it starts are not
    if module == CHARTS:
        import no_charts

        no_charts.main()
    elif TEMPLATES not in os.environ:
        if module == WORKER:
            import torch._dynamo  # noqa: F401

            gc.freeze()  # as the template does
    elif module == JITTER and arguments == ["--seconds", "1.0"]:  # of a run: the doctor's ten seconds are its figure
        time_the_machine_once()
    elif module == WORKER:
        if (workers_have := os.environ.get(WORKERS_HAVE, "torch")) != "nothing":
            become_a_fork(workers_have, module, arguments)
    elif module == MACHINE:
        become_a_fork("torch", module, arguments)
    elif module.startswith(("tests.", "studies.")):
        become_a_fork("frameworks", module, arguments)
    elif is_process:
        sys.path.append(os.getcwd())  # noqa: PTH109 - behind all else, as `bench.cli.startup` puts it
        become_a_fork("verbs", module, arguments)


begin(*started_module())
