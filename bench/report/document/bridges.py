"""What a bridge in a runner hides of a release, for the first lines of a report, where nobody overlooks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.bridges import hidden
from bench.report.document.blocks import Paragraph, paragraphs

if TYPE_CHECKING:
    from bench.records.schema import Run


def sentences(*runs: Run) -> list[str]:
    """Say what is hidden in any of `runs`, a sentence each, as plain text."""
    return [f"{sentence}." for sentence in dict.fromkeys(sentence for run in runs for sentence in hidden(run))]


def bold(*runs: Run) -> list[Paragraph]:
    """Say the same so that it stands out."""
    return paragraphs(sentences(*runs), strong=True, role="note")
