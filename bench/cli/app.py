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
from typer.core import TyperCommand

from bench.cli import startup, streams
from bench.errors import BenchError, ExitCode, UsageError
from bench.records.foreign_text import printable, without_secrets

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""What a full or read-only disk says, and nothing else does."""


def run(verb: Callable[..., int]) -> None:
    """Run `verb` with the command line's options and exit with the code that it returns."""
    streams.guard()
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    _end_as_by_ctrl_c()
    code = exit_code(app_of(verb))
    if (reason := streams.lost_output()) is not None:
        sentence = f"standard output cannot be written: {reason}; what was measured and reported is in its folder."
        code = _say(sentence, ExitCode.WRONG_COMMAND)
    sys.exit(code)


def app_of(verb: Callable[..., int]) -> typer.Typer:
    """The command line of a verb."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(cls=Verb)(verb)
    return app


class Verb(TyperCommand):
    """A command whose values are never empty: an unset variable of a script would read as an option left out.

    What interrupts it is reported.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as typer does, once no value is empty; raises `UsageError`."""
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        own = (parameter for parameter in self.params if parameter.name != "arguments")  # those are a script's
        for parameter in own:
            values = given.get(str(parameter.name))
            if any(isinstance(value, str) and not value.strip() for value in _flat(values)):
                raise UsageError(
                    f"{_called(parameter)} is empty, as an unset variable leaves it: give it a value, or leave it out."
                )
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; raises `typer.Abort` on Ctrl-C, of which typer by itself makes an exit code without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


def _flat(values: object) -> list[object]:
    return [inner for value in values for inner in _flat(value)] if isinstance(values, (list, tuple)) else [values]


def _called(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    return str(max(parameter.opts, key=len) if is_option else (parameter.metavar or parameter.name).upper())


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
    except SystemExit as error:  # a library that ends the process: its code has no meaning here
        return _say(f"a library ended looptax, saying {error.code!r}.", ExitCode.CRASHED)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            return _crashed(error)
        where = error.filename or "a file"
        return _say(f"{where} cannot be written: {error.strerror}; make room there.", ExitCode.WRONG_COMMAND)
    except Exception as error:  # noqa: BLE001 - Python's own exit code for a crash, 1, would mean "regressed"
        # typer's own errors (click's, bundled or not, by release) know how to say what was wrong.
        if not hasattr(error, "format_message"):
            return _crashed(error)
        return _say(f"{error.format_message().rstrip('. ')}. See --help.", ExitCode.WRONG_COMMAND)


def _crashed(error: Exception) -> int:
    known = startup.explained(error)
    if known is not None:
        return _say(known, ExitCode.WRONG_COMMAND)
    traceback.print_exc()
    return _say("internal error in looptax; the measurements are not affected.", ExitCode.CRASHED)


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"error: {_shown(' '.join(sentence.split()))}\n")
    return code


def _show_warning(message: Warning | str, *_: object) -> None:
    sys.stderr.write(f"warning: {_shown(str(message))}\n")


def _shown(text: str) -> str:
    """What may stand in a log that others read, and in a terminal."""
    return printable(without_secrets(text))
