"""The little of a document that is told where there is no room for all of it: a terminal, the head of a CI summary.

What the setting is, the answer, what to know of it, and the gravest warnings, so that no disturbed run looks like a
good one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.report.document.blocks import Bullets, Paragraph, Section, Warnings, leaves
from bench.report.document.text import Toned, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.report.document.blocks import Block, Document
    from bench.report.document.text import Text

SHOWN_WARNINGS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A sentence, and those that belong below it."""

    lead: Text
    lines: tuple[Text, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Short:
    """A document in short."""

    before: tuple[Text, ...]
    """What all rests on."""
    answers: tuple[Said, ...]
    after: tuple[Text, ...]
    """What to know of the answers."""
    warnings: tuple[Said, ...]


def short(document: Document) -> Short:
    """Pick what is told."""
    opening = tuple(block for block in document.blocks if not isinstance(block, Section))
    sections = tuple(block for block in document.blocks if isinstance(block, Section))
    return Short(
        before=(*_besides(opening, "setting"), *_besides(opening, "note")),
        answers=tuple(_answers(document)),
        after=(*_besides(sections, "note"), *_urgent(sections)),
        warnings=tuple(_warnings(document)),
    )


def _besides(blocks: tuple[Block, ...], role: str) -> Iterator[Text]:
    for block in leaves(blocks):
        if isinstance(block, Paragraph) and block.role == role:
            yield block.text


def _urgent(blocks: tuple[Block, ...]) -> Iterator[str]:
    for block in leaves(blocks):
        if isinstance(block, Bullets):
            yield from block.urgent


def _answers(document: Document) -> list[Said]:
    """Each strong paragraph begins an answer, to which all that follows belongs."""
    answers: list[tuple[Text, list[Text]]] = []
    for block in leaves(document.blocks):
        if isinstance(block, Paragraph | Bullets) and block.role == "answer":
            if isinstance(block, Paragraph) and block.strong:
                answers.append((block.text, []))
            else:
                answers[-1][1].extend(block.lines if isinstance(block, Bullets) else [block.text])
    return [Said(lead=lead, lines=tuple(lines)) for lead, lines in answers]


def _warnings(document: Document) -> Iterator[Said]:
    for block in leaves(document.blocks):
        if isinstance(block, Warnings) and block.lines:
            more = len(block.lines) - SHOWN_WARNINGS
            others = (f"and {more:,} more in the report",) if more > 0 else ()
            lead = Toned(f"{plural(len(block.lines), 'warning')}:", "open")
            ordered = list(dict.fromkeys([*block.gravest, *block.lines]))
            yield Said(lead=lead, lines=(*ordered[:SHOWN_WARNINGS], *others))
