"""Answers with little in them: a test says what it is about."""

from __future__ import annotations

from typing import Any

from bench.report.document.blocks import Block, Bullets, Document, Figure, Paragraph, Row, Section, Table, table
from bench.report.document.parts import Answer, Case
from bench.report.document.text import Link

GRID = table(
    ("batch", "runner", "step time µs", "samples/s", "ratio"),
    (("64", "pytorch", "363 ±0.8 %", "176,000", "baseline"), ("64", "hf-trainer", "681 ±1.3 %", "94,100", "~")),
    names=2,
    droppable=("samples/s", "step time µs"),
    notes=("unproven: no fingerprint",),
)
SITE = "https://ui.perfetto.dev"
PARAGRAPHS = (
    Paragraph("Checked hf-trainer.", role="setting"),
    Paragraph("Worse: step time regressed.", strong=True, role="answer"),
    Bullets(("hf-trainer: 681 µs <b>",), role="answer"),
)
SECTIONS = (
    Section(title="What each loop costs", blocks=(Paragraph("told in the answer"),), answers=True),
    Section(
        title="Tables",
        blocks=(
            Figure(file="a.svg", alt="A chart."),
            Table(headers=("a", "b"), rows=(Row(texts=("1", "2")),), names=2),
            Paragraph(("Every function: ", Link("tables/a.csv", "tables/a.csv"), ", see ", Link(SITE, SITE), ".")),
        ),
    ),
)


def document(*blocks: Block, title: str = "A run: what does it cost?") -> Document:
    return Document(title=title, blocks=blocks or (*PARAGRAPHS, *SECTIONS))


def case(outcome: Any = "failed", level: Any = "error", **changes: Any) -> Case:
    usual = {"of": "hf-trainer at batch 64 of mlp on cpu", "name": "step time", "reason": "regressed: 681 µs → 735 µs"}
    usual["kind"] = "regressed"
    return Case(**usual | {"outcome": outcome, "level": level} | changes)


def answer(*cases: Case, **changes: Any) -> Answer:
    usual: dict[str, Any] = {
        "verb": "upgrade",
        "document": document(),
        "grid": GRID,
        "cases": cases,
        "path": "results/a/report.md",
        "for_programs": '{"exit_code": 1}\n',
    }
    return Answer(**usual | changes)
