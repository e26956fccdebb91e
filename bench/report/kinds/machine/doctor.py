"""The doctor's findings: a table on a terminal, plain text on a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from bench.analyse.machine.jitter import STEADINESS, TURNS_WARNING
from bench.report.document.numbers import percent
from bench.report.document.text import listed, plural

if TYPE_CHECKING:
    from rich.table import Table

    from bench.records.health import Diagnosis, Finding, Severity

SERIOUS: tuple[Severity, ...] = ("unfit", "warning", "note")
STYLES: dict[Severity, str] = {"unfit": "bold red", "warning": "yellow", "note": "cyan", "fine": "green"}


def tell(diagnosis: Diagnosis, stream: TextIO) -> None:
    """Write the findings to `stream`."""
    if not stream.isatty():
        stream.write("\n".join(lines(diagnosis)) + "\n")
        return
    from rich.console import Console  # only where there is a terminal

    console = Console(file=stream)
    console.print(table(diagnosis.findings))
    console.print(answer(diagnosis), style=_style(diagnosis), highlight=False)


def answer(diagnosis: Diagnosis) -> str:
    """Say in one sentence whether the machine is fit to measure."""
    counts = {severity: _count(diagnosis.findings, severity) for severity in SERIOUS}
    others = [plural(counts[severity], severity) for severity in SERIOUS[1:] if counts[severity]]
    besides = f"; besides {listed(others)}" if others else ""
    if not diagnosis.fit:
        because = listed([_reason(each, diagnosis) for each in diagnosis.findings if each.severity == "unfit"])
        return f"This machine is not fit to measure now: {because}{besides}."
    if diagnosis.steadiness is not None and diagnosis.steadiness.unavailable is not None:
        return f"Nothing makes this machine unfit to measure, but how steady it is could not be measured{besides}."
    if diagnosis.fit_alone is False:
        return f"{_in_turns(diagnosis)}{besides}."
    return f"This machine is fit to measure{f', with {listed(others)}' if others else ''}."


def _reason(finding: Finding, diagnosis: Diagnosis) -> str:
    """What makes it unfit; of its steadiness the figure that decides."""
    found = diagnosis.steadiness
    if finding.subject != STEADINESS or found is None or found.turns is None:
        return finding.subject
    return f"{finding.subject} (identical loops come out {percent(found.turns)} apart in a block even in turns)"


def _in_turns(diagnosis: Diagnosis) -> str:
    """Say for what a machine is fit that wavers, but so slowly that loops in turns meet the same moments."""
    found = diagnosis.steadiness
    assert found is not None
    assert found.alone is not None
    assert found.turns is not None
    return (
        f"This machine is fit for loops that take turns{_with_more_blocks(found.turns)} (identical ones come out "
        f"{percent(found.turns)} apart in a block), but not for loops timed by themselves, one after the other "
        f"({percent(found.alone)} apart)"
    )


def _with_more_blocks(turns: float) -> str:
    return ", with more blocks than usual" if turns > TURNS_WARNING else ""


def lines(diagnosis: Diagnosis) -> Iterator[str]:
    """All of it as plain text, the answer first."""
    yield answer(diagnosis)
    for finding in diagnosis.findings:
        if finding.severity != "fine":
            yield ""
            yield f"{finding.severity}: {finding.subject}: {finding.seen}"
            yield f"  what it does: {finding.effect}"
            if finding.remedy:
                yield f"  fix: {finding.remedy}"
    well = [f"  {finding.subject}: {finding.seen}" for finding in diagnosis.findings if finding.severity == "fine"]
    if well:
        yield from ("", "fine:", *well)


def table(findings: Sequence[Finding]) -> Table:
    """The findings as a table that folds its texts to the terminal's width."""
    from rich.table import Table
    from rich.text import Text

    shown = Table("", "what", "seen", "impact, and fix", show_lines=True)
    for finding in findings:
        means = Text(finding.effect)
        if finding.remedy:
            means.append(f"\n→ {finding.remedy}", style="bold")
        severity = Text(finding.severity, style=STYLES[finding.severity])
        shown.add_row(severity, Text(finding.subject), Text(finding.seen), means)
    return shown


def _count(findings: Sequence[Finding], severity: Severity) -> int:
    return sum(finding.severity == severity for finding in findings)


def _style(diagnosis: Diagnosis) -> str:
    if not diagnosis.fit:
        return STYLES["unfit"]
    return STYLES["warning" if diagnosis.fit_alone is False else "fine"]
