"""An answer for GitHub Actions: a step summary, annotations, and the outputs of the step.

Escaping as in github.com/actions/toolkit, packages/core/src/command.ts; limits as in GitHub's "Workflow
commands": 10 errors, 10 warnings and 10 notices are shown of a step, and 1 MiB of its summary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bench.errors import ExitCode
from bench.records.foreign_text import printable
from bench.report.document.blocks import Folded, Section
from bench.report.document.text import plural
from bench.report.media.markdown import Writer, code_span, escape, folded
from bench.report.media.short import short

if TYPE_CHECKING:
    from bench.report.document.blocks import Document
    from bench.report.document.parts import Answer, Case, Level
    from bench.report.media.short import Said

SHOWN_BY_GITHUB = 10
"""Annotations of one level and step."""
LARGEST_BYTES = 900_000
"""A larger summary is refused as a whole; some room is left for what others of the step write."""
COMMAND = re.compile(r"^(\s*)(::|##\[)", re.MULTILINE)
"""The beginning of a line that the log of a job would obey, as it would inside of a stored command of two lines."""
ON_A_JOB = Writer(beside_folder=False)
"""Pictures and links would lead into the run folder, which the page of a job cannot see."""
LEVELS: tuple[Level, ...] = ("error", "warning", "notice")
VERDICTS = {
    ExitCode.FINE: "fine",
    ExitCode.REGRESSED: "regressed",
    ExitCode.WRONG_COMMAND: "wrong-command",
    ExitCode.UNDECIDED: "undecided",
    ExitCode.SOME_CELLS_FAILED: "failed",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.CRASHED: "crashed",
}
"""The output `verdict` of a step, by exit code."""


def summary(answer: Answer) -> str:
    """Write the answer in words, one compact table, and the sections of the report on a click each."""
    blocks = short(answer.document)
    parts = [f"## {escape(answer.document.title)}"]
    parts += [_said(block) for block in blocks.answers]
    parts += [ON_A_JOB.table(answer.grid)] if answer.grid else []
    parts += [ON_A_JOB.text(line) for line in (*blocks.before, *blocks.after)]
    parts += [_said(warning) for warning in blocks.warnings]
    where = [] if answer.path is None else [f"The report: {code_span(answer.path)}"]
    text = "\n\n".join([*parts, *_within(parts, _sections(answer.document)), *where]) + "\n"
    return COMMAND.sub(r"\g<1>\\\g<2>", text)


def _said(said: Said) -> str:
    lines = "\n".join(f"- {ON_A_JOB.text(line)}" for line in said.lines)
    return "\n\n".join(filter(None, [f"**{ON_A_JOB.text(said.lead)}**", lines]))


def workflow_commands(answer: Answer) -> list[str]:
    """Write one workflow command for each cell with something to look at, no more than GitHub shows."""
    return [line for level in LEVELS for line in _of_level(answer, level)]


def error(verb: str, sentence: str) -> str:
    """Write the workflow command for a command that is wrong."""
    return command("error", title=f"bench.{verb}", message=sentence)


def outputs(*, exit_code: int, path: str | None) -> str:
    """Write the outputs of a step, as $GITHUB_OUTPUT takes them."""
    values = {"verdict": VERDICTS[exit_code], "exit-code": str(exit_code), "report": path or ""}
    if path is not None:
        values["folder"] = path.rpartition("/")[0] or "."
    return "".join(f"{name}={' '.join(printable(value).split())}\n" for name, value in values.items())


def command(level: Level, *, title: str, message: str) -> str:
    """`::error title=...::...`, escaped so that no text can end it or begin another one."""
    return f"::{level} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _of_level(answer: Answer, level: Level) -> Iterator[str]:
    by_cell: dict[str, list[Case]] = {}
    for case in answer.cases:
        if case.level == level and case.outcome != "passed":
            by_cell.setdefault(case.of, []).append(case)
    shown = list(by_cell.items())
    if len(shown) > SHOWN_BY_GITHUB:
        shown = shown[: SHOWN_BY_GITHUB - 1]
    for cell, cases in shown:
        yield command(level, title=f"{cell} (bench.{answer.verb})", message=_message(cases))
    more = len(by_cell) - len(shown)
    if more:
        sentence = f"{plural(more, 'more cell')} like these: see the summary of this step."
        yield command(level, title=f"bench.{answer.verb}", message=sentence)


def _message(cases: Sequence[Case]) -> str:
    return "\n".join(f"{case.name}: {case.reason}" for case in cases)


def _sections(document: Document) -> Iterator[str]:
    """Fold each section but that which the summary itself tells."""
    for block in document.blocks:
        if isinstance(block, Folded) or (isinstance(block, Section) and not block.answers):
            yield folded(block.title, ON_A_JOB.body(block.blocks, level=3))


def _within(parts: Sequence[str], sections: Iterator[str]) -> Iterator[str]:
    """Pass on as many sections as there is room for."""
    room = LARGEST_BYTES - sum(len(part.encode()) for part in parts)
    for section in sections:
        room -= len(section.encode())
        if room < 0:
            yield folded("More", "The rest is too long for this page: it is in the report.")
            return
        yield section
