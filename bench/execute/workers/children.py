"""The life of a process that forks others on request: it starts them, tells of their end, and outlives none of them."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import NoReturn

from bench.execute.workers.protocol import Message, Receiver, send

POLL_S = 0.02
Child = Callable[[Message, list[int]], None]
"""What a fork does with the request and its descriptors; it ends when this returns."""


def serve(control: socket.socket, child: Child, *, patience_s: float = 0.0) -> NoReturn:
    """Fork a child for every request, and end with all of them when the other end of `control` closes.

    Each child has a process group of its own. `{"event": "started"}` and `{"event": "ended"}` tell of it by its
    `id` in the request, the latter with its exit code and the processor time of all that it waited for. In the end
    children have `patience_s` to end by themselves, having children to take care of, before they are killed.
    """
    wake, alarm = os.pipe()
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler there must be, else nothing is written to `alarm`
    receiver = Receiver(control)
    adopt_orphans()
    children: dict[int, object] = {}
    sources: list[socket.socket | int] = [control, wake]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if wake in ready:
            os.read(wake, 512)
            _tell_ended(control, children)
        if control in ready:
            received = receiver.receive()
            if received is None:
                _end_with(list(children), patience_s)
            request, descriptors = received
            pid = os.fork()
            if pid == 0:
                _become_child(control, wake, alarm)
                child(request, descriptors)
                os._exit(0)
            children[pid] = request["id"]
            for descriptor in descriptors:
                os.close(descriptor)
            with suppress(OSError):  # a parent that is gone is noticed where its next request is waited for
                send(control, {"event": "started", "id": request["id"], "pid": pid})


def _become_child(control: socket.socket, *descriptors: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    control.close()
    for descriptor in descriptors:
        os.close(descriptor)
    os.setsid()  # a group of its own, so that whatever it starts can be stopped and killed with it
    die_with_parent()


def _tell_ended(control: socket.socket, children: dict[int, object]) -> None:
    """Tell of every child that has ended; what it leaves behind ends with it, and before anybody hears of it."""
    ended = list(_ended(children))
    if not children:
        _end_orphans()
    for message in ended:
        with suppress(OSError):
            send(control, message)


def _ended(children: dict[int, object]) -> Iterator[Message]:
    while children:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid == 0:
            return
        if pid not in children:  # an orphan of a trial's
            continue
        signal_group(pid, signal.SIGKILL)
        cpu_s = usage.ru_utime + usage.ru_stime
        exit_code = os.waitstatus_to_exitcode(status)
        yield {"event": "ended", "id": children.pop(pid), "exit_code": exit_code, "cpu_s": cpu_s}


def _end_with(children: list[int], patience_s: float) -> NoReturn:
    """End, and all children before: whoever asked for them is gone. Those that are stopped die of it, too."""
    deadline = monotonic() + patience_s
    while children and monotonic() < deadline:
        children = [pid for pid in children if os.waitpid(pid, os.WNOHANG) == (0, 0)]
        select.select([], [], [], POLL_S)
    for pid in children:
        signal_group(pid, signal.SIGKILL)
        os.waitpid(pid, 0)  # in a container there may be nobody else to do it
    _end_orphans()
    os._exit(0)


def signal_group(pid: int, which: signal.Signals) -> None:
    """Send it to a process and all in its group, if they are still there."""
    try:
        os.killpg(pid, which)
    except (ProcessLookupError, PermissionError):
        return


def adopt_orphans() -> None:
    """Ask Linux to make this process the parent of what its children leave behind, daemons included."""
    if sys.platform == "linux":
        pr_set_child_subreaper = 36
        ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1)


def _end_orphans() -> None:
    """Kill and wait for all that trials have left behind, once there are none whose it might be."""
    while orphans := _children():  # those of an orphan that ends come next
        for pid in orphans:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _children() -> list[int]:
    """The processes that this one is the parent of, where Linux tells."""
    try:
        with open("/proc/thread-self/children") as listed:  # noqa: PTH123 - a fork imports no more than it must
            return [int(pid) for pid in listed.read().split()]
    except OSError:
        return []


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, so that nothing outlives a run that was killed."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def let_forks_die_with_this() -> None:
    """The same for what this process forks from its main thread, such as loader workers.

    They may be stopped when it dies, and then cannot see that it did. Linux watches the thread that
    forked, not the process, hence the main thread's only.
    """
    is_main = False

    def before() -> None:
        nonlocal is_main
        is_main = threading.current_thread() is threading.main_thread()

    os.register_at_fork(before=before, after_in_child=lambda: die_with_parent() if is_main else None)
