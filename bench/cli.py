"""Runs a verb: parses its options with typer, and turns what a user did wrong into one sentence."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import typer

from bench import streams
from bench.errors import BenchError, ExitCode

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""What a full or read-only disk says, and nothing else does."""


def run(verb: Callable[..., int]) -> None:
    """Run `verb` with the command line's options and exit with the code that it returns."""
    streams.guard()
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    _end_as_by_ctrl_c()
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(verb)
    code = exit_code(app)
    if (reason := streams.lost_output()) is not None:
        sentence = f"standard output cannot be written: {reason}; what was measured and reported is in its folder."
        code = _say(sentence, ExitCode.WRONG_COMMAND)
    sys.exit(code)


def _end_as_by_ctrl_c() -> None:
    """Let a cancelled job, a terminal that is closed or `docker stop` report what there is, as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup has asked for that
            signal.signal(number, interrupt)


def exit_code(app: Callable[..., Any]) -> int:
    """The verb's exit code; a `BenchError` or a wrong option is one sentence on standard error."""
    try:
        return app(standalone_mode=False) or ExitCode.FINE
    except BenchError as error:
        return _say(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted before anything was measured.", ExitCode.INTERRUPTED)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            return _crashed()
        where = error.filename or "a file"
        return _say(f"{where} cannot be written: {error.strerror}; make room there.", ExitCode.WRONG_COMMAND)
    except Exception as error:  # noqa: BLE001 - Python's own exit code for a crash, 1, would mean "regressed"
        # typer's own errors (click's, bundled or not, by release) know how to say what was wrong.
        if not hasattr(error, "format_message"):
            return _crashed()
        return _say(f"{error.format_message().rstrip('. ')}. See --help.", ExitCode.WRONG_COMMAND)


def _crashed() -> int:
    traceback.print_exc()
    return _say("a fault of looptax itself, which says nothing of what was measured.", ExitCode.CRASHED)


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"error: {' '.join(sentence.split())}\n")
    return code


def _show_warning(message: Warning | str, *_: object) -> None:
    sys.stderr.write(f"warning: {message}\n")
