"""What a verb shows at its end: to people, to programs, to a CI system."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError, ExitCode, UsageError
from bench.records import store
from bench.records.foreign_text import without_secrets

if TYPE_CHECKING:
    from bench.records.schema import Cell, Trial
    from bench.report.document.parts import Answer
    from bench.report.media.junit import Suite

FORMATS = ("text", "markdown", "github")
STEP_SUMMARY, STEP_OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"

Seconds = Callable[[], "Mapping[Cell, float]"]
"""How long all trials of each cell took; asked only where somebody wants to know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputOptions:
    """What the command line asked for."""

    verb: str
    quiet: bool = False
    as_json: bool = False
    form: str = "text"
    junit: Path | None = None

    @classmethod
    def chosen(cls, verb: str, *, quiet: bool, as_json: bool, form: str, junit: Path | None = None) -> OutputOptions:
        """What these options ask for; raises `UsageError` where they contradict each other or cannot be had."""
        if form not in FORMATS:
            raise UsageError(f"--format {form} is unknown: choose one of {', '.join(FORMATS)}.")
        given = [flag for flag, is_given in (("--quiet", quiet), ("--json", as_json)) if is_given]
        given += [f"--format {form}"] if form != "text" else []
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} each say what is printed: keep one of them.")
        if junit is not None:
            _refuse_unwritable(junit)
        return cls(verb=verb, quiet=quiet, as_json=as_json, form=form, junit=junit)

    def emit(self, answer: Answer, exit_code: int, seconds: Seconds = dict) -> None:
        """Print the answer and write the files that were asked for."""
        if self.junit is not None:
            from bench.report.media import junit

            self._write_junit(junit.document(self._suite(answer), answer.cases, seconds()))
        if self.as_json:
            sys.stdout.write(answer.for_programs)
        elif self.quiet:
            sys.stdout.write(f"{answer.path}\n" if answer.path else "")
        elif self.form == "markdown":
            from bench.report.media import markdown

            sys.stdout.write(markdown.written(answer.document))
        else:
            self._tell_people(answer, exit_code)
        sys.stdout.flush()

    def note(self, sentence: str) -> None:
        """Tell people what goes on before there is a display."""
        if not self.quiet:
            sys.stderr.write(f"looptax · {sentence}\n")

    @contextmanager
    def errors_emitted(self) -> Iterator[None]:
        """Leave word of an error also where a CI system looks for it; the error itself goes on."""
        try:
            yield
        except BaseException as error:
            self._tell_error(error)
            raise

    def _tell_people(self, answer: Answer, exit_code: int) -> None:
        from bench.report.media import github, terminal

        if self.form == "text":
            terminal.show(answer, sys.stdout)
            return
        if _append(STEP_SUMMARY, github.summary(answer)):
            terminal.show(answer, sys.stdout)
        else:
            sys.stdout.write(github.summary(answer))
        _append(STEP_OUTPUT, github.outputs(exit_code=exit_code, path=answer.path))
        sys.stdout.write("".join(f"{line}\n" for line in github.workflow_commands(answer)))

    def _tell_error(self, error: BaseException) -> None:
        sentence = without_secrets(" ".join(str(error).split())) or f"ended by {type(error).__name__}"
        if self.junit is not None:
            from bench.report.media import junit

            self._write_junit(junit.of_error(self._suite(None), type(error).__name__, sentence))
        if self.form == "github":
            from bench.report.media import github
            from bench.report.media.markdown import escape

            code = error.exit_code if isinstance(error, BenchError) else _code_of(error)
            _append(STEP_SUMMARY, f"## bench.{self.verb} ended with an error\n\n{escape(sentence)}\n")
            _append(STEP_OUTPUT, github.outputs(exit_code=code, path=None))
            sys.stdout.write(f"{github.error(self.verb, sentence)}\n")

    def _suite(self, answer: Answer | None) -> Suite:
        from bench.report.media import terminal
        from bench.report.media.junit import Suite

        properties = {"command": without_secrets(" ".join(["python", "-m", f"bench.{self.verb}", *sys.argv[1:]]))}
        if answer is None:
            return Suite(verb=self.verb, started_at=store.now(), properties=properties)
        where = {"report": answer.path} if answer.path else {}
        lines = "\n".join(terminal.lines(answer.document))
        return Suite(verb=self.verb, started_at=store.now(), properties=properties | where, out=lines)

    def _write_junit(self, text: str) -> None:
        assert self.junit is not None
        write("--junit", self.junit, text)


def write(flag: str, path: Path, text: str) -> None:
    """Write what a flag asks for whole or not at all; raises `UsageError`."""
    try:
        store.write(path, text)
    except OSError as error:
        raise UsageError(f"{flag} {path} cannot be written: {error.strerror}; name another file.") from None


def _code_of(error: BaseException) -> int:
    return ExitCode.INTERRUPTED if isinstance(error, KeyboardInterrupt) else ExitCode.CRASHED


def seconds_of(trials: list[Trial]) -> dict[Cell, float]:
    """How long all trials of each cell took, by the parent's clock."""
    seconds: dict[Cell, float] = {}
    for trial in trials:
        seconds[trial.cell] = seconds.get(trial.cell, 0.0) + trial.wall_s
    return seconds


def _refuse_unwritable(junit: Path) -> None:
    """Find out before anything is measured; the folder is made where there is none."""
    try:
        junit.parent.mkdir(parents=True, exist_ok=True)
        writable = os.access(junit.parent, os.W_OK) and not junit.is_dir()
    except OSError:
        writable = False
    if not writable:
        raise UsageError(f"--junit {junit} cannot be written: name a file in a folder that can be written.")


def _append(variable: str, text: str) -> bool:
    """Append to the file that an environment variable of a CI system names; false where it names none."""
    path = os.environ.get(variable)
    if not path:
        return False
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text)
    return True
