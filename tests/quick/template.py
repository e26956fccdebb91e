"""A process that has imported torch and its compiler, of which those of tests are forks (`sitecustomize.py`).

`tests.verbs` starts it as `python template.py FD`, where FD is a socket that listens; it ends when its standard
input does.
"""

import importlib
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress

import torch._dynamo  # noqa: F401 - which comes with the first optimizer

from bench.execute.workers.children import die_with_parent, kill_group
from bench.execute.workers.protocol import Receiver, send


def serve(listening):
    """Fork a keeper for each process that wants to become a fork of this one, until nobody can any more."""
    signal.signal(signal.SIGCHLD, lambda *_: reap())
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        asking, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            keep(asking)
            os._exit(0)
        asking.close()


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
        kill_group(pid)
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
    sys.path[:] = started_with["path"]
    sys.executable = started_with["executable"]
    sys.prefix, sys.exec_prefix = started_with["prefixes"]
    sys.argv = [started_with["module"], *started_with["arguments"]]
    importlib.invalidate_caches()
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


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
