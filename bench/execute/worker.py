"""The child: imports one framework, then runs trials, each in a fork of itself where that is safe.

Started by `bench.execute.interpreter` as `python -m bench.execute.worker '{"runner": ...}'`. It
reads one JSON request a line from standard input and answers with JSON lines on what was its
standard output when it started; whatever a framework prints goes to the log instead. It waits in
a blocking read and uses no processor time until it is asked.

Only the standard library is imported before the framework (what is imported of `bench` is nothing else), so
that `import_s` and `import_rss_bytes` are the framework's own.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from bench.execute import private_pages, scratch
from bench.measure import cpu_time, rss

Request = dict[str, Any]
FORK_PROBE_TIMEOUT_S = 30
TIMED = ("pilot", "phases", "timing")


def main() -> None:
    """Serve requests until standard input ends."""
    options = json.loads(sys.argv[1])
    replies = _take_over_stdout()
    _die_with_parent()
    bare = rss.read()
    started = time.perf_counter()
    try:
        train = _load(options["runner"])
    except Exception as error:  # noqa: BLE001 - whatever a framework raises while it is imported is its row's reason
        event = "missing" if isinstance(error, ImportError) else "failed"
        return _reply(replies, {"event": event, "reason": f"{type(error).__name__}: {error}"})
    import_s = time.perf_counter() - started
    inherited_bytes = rss.read().total - bare.total
    launch = "fork" if _fork_is_safe(options["device"]) else "spawn"
    ready = {
        "event": "ready",
        "pid": os.getpid(),
        "launch": launch,
        "import_s": import_s,
        "import_rss_bytes": inherited_bytes,
        "base_rss_bytes": bare.total,
    }
    _reply(replies, ready)
    serve = _serve_by_fork if launch == "fork" else _serve_once
    return serve(train, inherited_bytes, replies)


def _take_over_stdout() -> TextIO:
    """Keep standard output for replies, and send what anybody prints to standard error, the log."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return replies


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, so that a killed run leaves nothing behind."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _reply(replies: TextIO, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def _load(runner: str) -> Callable[..., None]:
    from trainloops import runners

    train = runners.load(runner)
    # torch imports its compiler when the first optimizer is made, 1 to 2 s that belong to the
    # import: no trial shall pay them again.
    import torch

    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    import bench.execute.trial  # noqa: F401 - so that no fork has to import it

    return train


def _fork_is_safe(device: str) -> bool:
    """Whether a fork of this process can use the device: tried out, not assumed.

    macOS is excluded: its system libraries do not survive a fork that is not followed by an exec.
    """
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return False
    pid = os.fork()
    if pid == 0:
        signal.alarm(FORK_PROBE_TIMEOUT_S)
        _exit_with_probe_result(device)
    return os.waitpid(pid, 0)[1] == 0


def _exit_with_probe_result(device: str) -> None:
    try:
        import torch

        work = torch.ones(8, 8, device=device)
        os._exit(0 if (work @ work).sum().item() == 512 else 1)
    except Exception:  # noqa: BLE001 - any failure means the same: this process cannot be forked
        os._exit(1)


def _serve_by_fork(train: Callable[..., None], inherited_bytes: int, replies: TextIO) -> None:
    for line in sys.stdin:
        before_s = cpu_time.own_s()
        pid = os.fork()
        if pid == 0:
            os.setsid()  # a group of its own, so that its loader workers can be killed with it
            _die_with_parent()
            request = json.loads(line)
            owns_pages = private_pages.take() if request["phase"] in TIMED else None
            _run(train, inherited_bytes, request, owns_pages=owns_pages)
            os._exit(0)
        _reply(replies, {"event": "started", "pid": pid})
        _, status = os.waitpid(pid, 0)
        used_s = cpu_time.own_s() - before_s  # the fork's, and all that it waited for
        _reply(replies, {"event": "ended", "exit_code": os.waitstatus_to_exitcode(status), "cpu_s": used_s})


def _serve_once(train: Callable[..., None], inherited_bytes: int, replies: TextIO) -> None:
    line = sys.stdin.readline()
    if line:
        _reply(replies, {"event": "started", "pid": os.getpid()})
        _run(train, inherited_bytes, json.loads(line))
        _reply(replies, {"event": "ended", "exit_code": 0})


def _run(train: Callable[..., None], inherited_bytes: int, request: Request, *, owns_pages: bool | None = None) -> None:
    """Run one trial in its scratch folder and leave `result.json` there."""
    from bench.execute.trial import run
    from bench.measure.memory import HostBaseline

    os.chdir(request["scratch"])
    _log_to(Path(scratch.LOG))
    host = HostBaseline(inherited_bytes=inherited_bytes, at_start=rss.read())
    result = {**run(train, request, host), "owns_pages": owns_pages}
    partial = Path(f"{scratch.RESULT}.partial")
    partial.write_text(json.dumps(result))
    partial.rename(scratch.RESULT)


def _log_to(path: Path) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)


if __name__ == "__main__":
    main()
