"""Answers with little in them: a test says what it is about."""

from __future__ import annotations

from typing import Any

from bench.report.document.parts import Answer, Case, Grid, Paragraph

GRID = Grid(
    headers=("batch", "runner", "step time µs", "samples/s", "ratio"),
    rows=(("64", "pytorch", "363 ±0.8 %", "176,000", "baseline"), ("64", "hf-trainer", "681 ±1.3 %", "94,100", "~")),
    names=2,
    droppable=("samples/s", "step time µs"),
    notes=("unproven: no fingerprint",),
)
REPORT = """# A run: what does it cost?

Measured once.

## What each loop costs

- told in the answer

## Tables

![A chart.](charts/a.svg)

| a | b |
|---|---|
| 1 | 2 |

Every function: [tables/attribution.csv](tables/attribution.csv), see <https://ui.perfetto.dev>.
"""


def case(outcome: Any = "failed", level: Any = "error", **changes: Any) -> Case:
    usual = {"of": "hf-trainer at batch 64 of mlp on cpu", "name": "step time", "reason": "regressed: 681 µs → 735 µs"}
    return Case(**usual | {"outcome": outcome, "level": level} | changes)


def answer(*cases: Case, **changes: Any) -> Answer:
    usual: dict[str, Any] = {
        "verb": "upgrade",
        "title": "A run: what does it cost?",
        "paragraphs": (
            Paragraph(lead="Checked hf-trainer."),
            Paragraph(lead="Worse: step time regressed.", lines=("hf-trainer: 681 µs <b>",), answers=True),
        ),
        "grid": GRID,
        "cases": cases,
        "report": REPORT,
        "path": "results/a/report.md",
        "document": '{"exit_code": 1}\n',
    }
    return Answer(**usual | changes)
