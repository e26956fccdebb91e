"""What happens before a verb imports anything: `python -m bench.<verb>` in any folder, under any PYTHONPATH.

Python puts the folder where the user stands in front of its own library, so that a `random.py` there would be
imported in the place of Python's. And it ends with 1 after any error that nobody catches, which here means
"regressed". Nothing is
imported but what Python has loaded itself, since all else may be hidden.
"""

from __future__ import annotations

import os
import sys

from bench.host.shadows import hiding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import NoReturn

VERBS = ("run", "upgrade", "bisect", "history", "prices", "compare", "doctor", "report")
OLDEST = (3, 11)
WRONG_COMMAND, CRASHED, INTERRUPTED = 2, 70, 130
"""As in `bench.errors`, which may be what cannot be imported."""
BENCH = os.path.dirname(os.path.dirname(__file__))
INSTALL = "pip install -e ., in looptax's own folder, brings what is missing"


def prepare() -> None:
    """Make it safe to import the rest, where this process was started as a verb; nothing where it was not."""
    verb = _verb()
    if verb is None or _is_child(verb):
        return
    if sys.version_info < OLDEST:
        _end(f"looptax needs Python 3.11 or newer, this is {sys.version.split()[0]}.", WRONG_COMMAND)
    if verb not in VERBS:
        asked = f"bench.{verb}" if verb else "bench"
        _end(f"python -m {asked} does nothing: choose bench.{', bench.'.join(VERBS)}.", WRONG_COMMAND)
    if not sys.flags.safe_path:
        sys.path.append(sys.path.pop(0))  # the folder where the user stands: behind everything else
    sys.excepthook = _end_of


def _verb() -> str | None:
    """What follows `-m bench.`; empty for `-m bench` alone, None where this process is something else."""
    if not sys.argv or sys.argv[0] != "-m":  # as it is while Python looks for the module, and never later
        return None
    module = sys.orig_argv[-len(sys.argv)].removeprefix("-m")
    package, _, verb = module.partition(".")
    return verb if package == "bench" else None


def _is_child(module: str) -> bool:
    """Whether it is a module that only looptax itself starts; those have no user to tell anything."""
    return "." in module and os.path.isfile(os.path.join(BENCH, *module.split(".")) + ".py")


def _end_of(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> NoReturn:
    """End as every verb ends, for an error that came before one could."""
    if issubclass(kind, KeyboardInterrupt):
        _end("interrupted before anything was measured.", INTERRUPTED)
    known = explained(error)
    if known is not None:
        _end(known, WRONG_COMMAND)
    sys.__excepthook__(kind, error, trace)
    _end("internal error in looptax; the measurements are not affected.", CRASHED)


def _end(sentence: str, code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.write(f"error: {sentence}\n")
    sys.stderr.flush()
    os._exit(code)  # an exception would go through what Python does with one, and end with 1


def explained(error: BaseException) -> str | None:
    """What the user can do about an error: a file that hides Python's own, or a package that is missing; else None."""
    text = str(error) if isinstance(error, (ImportError, AttributeError, SyntaxError)) else ""
    hidden = hiding("\n".join([*_files(error), text]))
    if hidden is not None:
        return hidden
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("bench"):
        return f"looptax needs {error.name.partition('.')[0]}, which is not installed here: {INSTALL}."
    return None


def _files(error: BaseException | None) -> Iterator[str]:
    """The files that an error came through, and those of the errors before it."""
    while error is not None:
        if isinstance(error, SyntaxError) and error.filename:
            yield error.filename
        trace = error.__traceback__
        while trace is not None:
            yield trace.tb_frame.f_code.co_filename
            trace = trace.tb_next
        error = error.__cause__ or error.__context__
