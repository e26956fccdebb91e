"""On the import path of tests' processes: those that begin by importing torch become forks of one that has.

That one is `tests/quick/template.py`, whose socket `tests.verbs.variables` names. A process hands it all that it was
started with, waits for the fork, and ends as that does: the fork is none of its children, so that tests of processes
name no socket, and have only what each interpreter would import for 2 s imported before all are forked. That is torch's
compiler, which comes with the first optimizer. The workers of a user import it in each interpreter, after its framework
(`bench.execute.workers.worker`), and so do those of tests that take `tests.verbs.SOURCES`.
"""

import os
import socket
import sys
from pathlib import Path

WORKER, MACHINE = "bench.execute.workers.worker", "bench.host.machine"


def become_a_fork(at, module):
    """Let a fork of the template run `module` in the place of this process."""
    from bench.execute.workers.protocol import Receiver, send

    arguments = sys.orig_argv[sys.orig_argv.index(module) + 1 :]
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
        template.connect(at)
        send(template, started_with, (0, 1, 2, *control))
        for descriptor in control:
            os.close(descriptor)  # else the fork's would not be the last that the parent hears of
        ended = Receiver(template).receive()
    exit_code = 1 if ended is None else ended[0]["exit_code"]
    if exit_code < 0:
        os.kill(os.getpid(), -exit_code)
    os._exit(exit_code)


if "LOOPTAX_TESTS_TEMPLATE" in os.environ:
    for each in (WORKER, MACHINE):
        if each in sys.orig_argv:
            become_a_fork(os.environ["LOOPTAX_TESTS_TEMPLATE"], each)
elif WORKER in sys.orig_argv:
    import torch._dynamo  # noqa: F401
