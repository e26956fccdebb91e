"""The doctor's findings as people read them."""

import io
import re
from datetime import UTC, datetime

import pytest

from bench.records.health import (
    ContainerFacts,
    CpuFacts,
    Diagnosis,
    Finding,
    Health,
    MemoryFacts,
    TorchFacts,
    VersionFacts,
)
from bench.records.steadiness import Steadiness
from bench.report.document.parts import Answer
from bench.report.kinds.machine import doctor
from bench.report.media import terminal

FINE = Finding(subject="swap", severity="fine", seen="0 MB in use")
NOTE = Finding(subject="turbo", severity="note", seen="on", effect="the clock falls", remedy="switch it off")
WARNING = Finding(subject="clock source", severity="warning", seen="hpet", effect="ticks cost more", remedy="use tsc")
UNFIT = Finding(subject="processor quota", severity="unfit", seen="0.5 processors", effect="it stands still")


STEADINESS = Finding(subject="steadiness", severity="warning", seen="14 %", effect="two runs do not compare")


def diagnosis(*findings: Finding, **changes) -> Diagnosis:
    health = Health(
        taken_at=datetime(2026, 1, 2, tzinfo=UTC), cpu=CpuFacts(), memory=MemoryFacts(), container=ContainerFacts()
    )
    fit = all(finding.severity != "unfit" for finding in findings)
    facts = {"health": health, "torch": TorchFacts(), "versions": VersionFacts()}
    return Diagnosis(fit=fit, findings=list(findings), **facts, **changes)


@pytest.mark.parametrize(
    ("findings", "sentence"),
    [
        ([FINE], "This machine is fit to measure."),
        ([WARNING, NOTE, NOTE, FINE], "This machine is fit to measure, with 1 warning and 2 notes."),
        ([UNFIT], "This machine is not fit to measure now: processor quota."),
        ([UNFIT, NOTE], "This machine is not fit to measure now: processor quota; besides 1 note."),
    ],
)
def test_the_answer_comes_in_one_sentence(findings, sentence):
    assert doctor.answer(diagnosis(*findings)) == sentence


@pytest.mark.parametrize(
    ("turns", "findings", "sentence"),
    [
        (
            0.008,
            [STEADINESS, NOTE, NOTE],
            "This machine is fit for loops that take turns (identical ones come out 0.8 % apart in a block), but not "
            "for loops timed by themselves, one after the other (14 % apart); besides 1 warning and 2 notes.",
        ),
        (
            0.016,
            [STEADINESS],
            "This machine is fit for loops that take turns, with more blocks than usual (identical ones come out 1.6 % "
            "apart in a block), but not for loops timed by themselves, one after the other (14 % apart); besides 1 "
            "warning.",
        ),
        (
            0.031,
            [STEADINESS.model_copy(update={"severity": "unfit"}), UNFIT],
            "This machine is not fit to measure now: steadiness (identical loops come out 3.1 % apart in a block even "
            "in turns) and processor quota.",
        ),
        (0.008, [UNFIT], "This machine is not fit to measure now: processor quota."),
    ],
)
def test_a_machine_that_wavers_is_not_called_fit(turns, findings, sentence):
    steadiness = Steadiness(alone=0.14, turns=turns)
    assert doctor.answer(diagnosis(*findings, fit_alone=False, steadiness=steadiness)) == sentence


def test_a_machine_is_not_called_fit_unseen():
    lost = Steadiness(unavailable="interrupted")
    assert doctor.answer(diagnosis(NOTE, steadiness=lost)) == (
        "Nothing makes this machine unfit to measure, but how steady it is could not be measured; besides 1 note."
    )
    assert doctor.answer(diagnosis(UNFIT, steadiness=lost)).startswith("This machine is not fit to measure now")


class Screen(io.StringIO):
    def isatty(self):
        return True


def shown(known: Diagnosis, stream: io.StringIO) -> str:
    both, grid = doctor.document(known), doctor.table(known.findings)
    terminal.show(Answer(verb="doctor", document=both, grid=grid, cases=(), path=None, for_programs=""), stream)
    return stream.getvalue()


def test_a_pipe_gets_plain_lines_the_serious_ones_first():
    assert shown(diagnosis(FINE, UNFIT, WARNING), io.StringIO()).splitlines() == [
        "This machine is not fit to measure now: processor quota; besides 1 warning.",
        "",
        "unfit: processor quota: 0.5 processors",
        "  impact: it stands still",
        "",
        "warning: clock source: hpet",
        "  impact: ticks cost more",
        "  fix: use tsc",
        "",
        "fine: swap: 0 MB in use",
    ]


def test_a_terminal_gets_colours_and_folded_lines_and_names_are_no_markup(monkeypatch):
    for name, value in {"COLUMNS": "40", "TERM": "xterm-256color", "NO_COLOR": ""}.items():
        monkeypatch.setenv(name, value)
    odd = NOTE.model_copy(update={"seen": "[bold]python[/bold] (pid 7) 5 %", "effect": "slow " * 9})
    text = shown(diagnosis(odd, WARNING), Screen())
    assert "\x1b[33mwarning\x1b[0m: \x1b[1mclock source\x1b[0m: hpet\n" in text
    assert "\x1b[32mThis machine is fit to measure" in text
    plain = re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()
    assert "note: turbo: [bold]python[/bold] (pid 7)" in plain
    assert "  slow slow slow" in plain
    assert max(map(len, plain)) <= 40
