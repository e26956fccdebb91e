"""What the doctor says: whether the machine is fit to measure, what was seen, and fixes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.machine.jitter import STEADINESS, TURNS_WARNING
from bench.report.document import blocks
from bench.report.document.blocks import Paragraph, Row, Table, section
from bench.report.document.numbers import percent
from bench.report.document.text import About, Toned, listed, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.health import Diagnosis, Finding, Severity
    from bench.report.document.blocks import Document
    from bench.report.document.text import Tone

SERIOUS: tuple[Severity, ...] = ("unfit", "warning", "note")
TONES: dict[Severity, Tone] = {"unfit": "bad", "warning": "open", "note": "note", "fine": "good"}
HEADERS = ("severity", "what", "seen", "impact", "fix")


def document(diagnosis: Diagnosis) -> Document:
    """All of it, the answer first."""
    return blocks.document(
        "Is this machine fit to measure?",
        Paragraph(Toned(answer(diagnosis), _tone(diagnosis)), strong=True, role="answer"),
        section("What was seen", table(diagnosis.findings)),
    )


def table(findings: Sequence[Finding]) -> Table:
    """The findings, those that are fine last."""
    fine_last = sorted(findings, key=lambda finding: finding.severity == "fine")
    return Table(headers=HEADERS, rows=tuple(map(_row, fine_last)), names=HEADERS.index("impact"), wraps=True)


def _row(finding: Finding) -> Row:
    severity = Toned(finding.severity, TONES[finding.severity])
    return Row(texts=(severity, About(finding.subject, ""), finding.seen, finding.effect, finding.remedy))


def answer(diagnosis: Diagnosis) -> str:
    """Say in one sentence whether the machine is fit to measure."""
    counts = {severity: _count(diagnosis.findings, severity) for severity in SERIOUS}
    others = [plural(counts[severity], severity) for severity in SERIOUS[1:] if counts[severity]]
    besides = f"; besides {listed(others)}" if others else ""
    if not diagnosis.fit:
        because = listed([_reason(finding, diagnosis) for finding in diagnosis.findings if finding.severity == "unfit"])
        return f"This machine is not fit to measure now: {because}{besides}."
    if diagnosis.steadiness is not None and diagnosis.steadiness.unavailable is not None:
        return f"Nothing makes this machine unfit to measure, but how steady it is could not be measured{besides}."
    if diagnosis.fit_alone is False:
        return f"{_in_turns(diagnosis)}{besides}."
    return f"This machine is fit to measure{f', with {listed(others)}' if others else ''}."


def _reason(finding: Finding, diagnosis: Diagnosis) -> str:
    """What makes it unfit; of its steadiness the figure that decides."""
    steadiness = diagnosis.steadiness
    if finding.subject != STEADINESS or steadiness is None or steadiness.turns is None:
        return finding.subject
    return f"{finding.subject} (identical loops come out {percent(steadiness.turns)} apart in a block even in turns)"


def _in_turns(diagnosis: Diagnosis) -> str:
    """Say for what a machine is fit that wavers, but so slowly that loops in turns meet the same moments."""
    steadiness = diagnosis.steadiness
    assert steadiness is not None
    assert steadiness.alone is not None
    assert steadiness.turns is not None
    return (
        f"This machine is fit for loops that take turns{_with_more_blocks(steadiness.turns)} (identical ones come out "
        f"{percent(steadiness.turns)} apart in a block), but not for loops timed by themselves, one after the other "
        f"({percent(steadiness.alone)} apart)"
    )


def _with_more_blocks(turns: float) -> str:
    return ", with more blocks than usual" if turns > TURNS_WARNING else ""


def _count(findings: Sequence[Finding], severity: Severity) -> int:
    return sum(finding.severity == severity for finding in findings)


def _tone(diagnosis: Diagnosis) -> Tone:
    if not diagnosis.fit:
        return TONES["unfit"]
    return TONES["warning" if diagnosis.fit_alone is False else "fine"]
