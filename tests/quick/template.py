"""A process that has imported torch and its compiler, of which those of tests are forks (`sitecustomize.py`).

`tests.verbs` starts it as `python template.py FD FD FD`, with sockets that listen. Whoever asks at the first becomes a
fork of this process; at another, of a fork of it that has imported more (`MORE`), as it does when it is first asked.
All end when their standard input does.
"""

import gc
import importlib
import inspect
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib import metadata

import torch._dynamo  # noqa: F401 - which comes with the first optimizer

from bench.execute.workers.children import die_with_parent, signal_group
from bench.execute.workers.protocol import Receiver, send
from trainloops import runners


def frameworks():
    """Import what the runners need."""
    for name in runners.REGISTRY:
        runners.load(name)


def verbs():
    """Import what a verb needs that measures and reports."""
    importlib.import_module("bench.cli.pipeline")
    importlib.import_module("bench.cli.reports")


MORE = (frameworks, verbs)


def serve(listening, others):
    """Fork a keeper for each process that wants to become a fork of this one, until nobody can any more.

    `others` are sockets, and what is to be imported by the fork that listens there from when one is first used.
    """
    gc.freeze()  # forks collect what they have imported several times, for which this need not be looked through
    inspect.stack()  # makes its table of all modules, which torch elastic asks for in each trial of ranks
    signal.signal(signal.SIGCHLD, lambda *_: reap())
    while True:
        ready, _, _ = select.select([sys.stdin, listening, *others], [], [])
        if sys.stdin in ready:
            return
        if listening in ready:
            asking, _ = listening.accept()
            if os.fork() == 0:
                close(listening, *others)
                keep(asking)
                os._exit(0)
            close(asking)
            continue
        asked = next(option for option in others if option in ready)
        bring = others.pop(asked)
        if os.fork() == 0:
            close(listening, *others)
            die_with_parent()
            bring()
            serve(asked, {})
            os._exit(0)
        close(asked)


def close(*sockets):
    """Close what is another process's."""
    for each in sockets:
        each.close()


def reap():
    """Wait for keepers that have ended; each has told of its fork itself."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def keep(asking):
    """Fork what is asked for and tell of its end; end it where whoever asked is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    received = Receiver(asking).receive()
    if received is None:
        return
    pid = os.fork()
    if pid == 0:
        asking.close()
        become(*received)
    for descriptor in received[1]:
        os.close(descriptor)
    fork = os.pidfd_open(pid)
    ready, _, _ = select.select([fork, asking], [], [])
    if fork not in ready:
        signal_group(pid, signal.SIGKILL)
    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if fork in ready:
        send(asking, {"exit_code": exit_code})


def become(started_with, descriptors):
    """Run a module as the process that was started for it would; does not return."""
    os.setsid()
    die_with_parent()
    control = [int(each) for each in started_with["arguments"]] if len(descriptors) > 3 else []
    for ours, theirs in zip(descriptors, (0, 1, 2, *control), strict=True):
        os.dup2(ours, theirs)
    os.chdir(started_with["folder"])
    os.environ.clear()
    os.environ.update(started_with["variables"])
    more = [place for place in started_with["path"] if place not in sys.path]
    sys.path[:] = started_with["path"]
    sys.executable = started_with["executable"]
    sys.prefix, sys.exec_prefix = started_with["prefixes"]
    sys.argv = [started_with["module"], *started_with["arguments"]]
    importlib.invalidate_caches()
    register_devices(more)
    exit_code = 0
    try:
        runpy.run_module(started_with["module"], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        exit_code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - as an interpreter does with what nobody catches
        sys.excepthook(*sys.exc_info())
        exit_code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def register_devices(places):
    """What `import torch` ends with, of what it finds there."""
    for distribution in metadata.distributions(path=places):
        for backend in distribution.entry_points.select(group="torch.backends"):
            backend.load()()


if __name__ == "__main__":
    first, *others = (socket.socket(fileno=int(descriptor)) for descriptor in sys.argv[1:])
    serve(first, dict(zip(others, MORE, strict=True)))
