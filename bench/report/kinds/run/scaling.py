"""How each loop scales over ranks, as a table and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document import blocks, numbers
from bench.report.document.blocks import Paragraph, Row, Table
from bench.report.document.columns import NO_REASON, NOTHING
from bench.report.document.groups import OF_RANKS, titles
from bench.report.document.tables import Notes
from bench.report.document.text import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.records.schema import Scaling, Summary
    from bench.report.document.blocks import Section

NAMES = ("batch", "runner", "ranks")
FIGURES = ("samples/s", "efficiency", "peak MB of each rank", "collectives/step", "kB/step", "communication", "exposed")
METHOD = (
    "A batch is what one rank has, so that all of them train so many times as much per step. Efficiency is samples/s "
    "over those of so many loops on one rank, which is the same loop without a process group, block by block; loops "
    "of one number of ranks and one strategy take turns with each other, and not with those of another. A step is the "
    "slowest rank's. The peak of a rank is what is allocated on its card, or where no card tells its process's. "
    "Collectives are what the first rank asks of the others in a steady step, and kB what the whole tensors have. "
    "Communication is the share of a step in which a collective is under way, waits for slower ranks included: from "
    "its call until it is done, or on a card as long as its kernel runs. Exposed is the share in which one is and no "
    "op of torch's, or on a card no other kernel, computes anything. Both are of each rank, the middle over steps of a "
    "run of their own under torch's profiler, which slows down all but the collectives."
)


def section(summary: Summary) -> Section | None:
    """The table, and how it is to be read; None where no loop has several ranks."""
    if not summary.scaling:
        return None
    return blocks.section("How each loop scales", table(summary), Paragraph(METHOD))


def table(summary: Summary) -> Table:
    """A row a loop and number of ranks."""
    notes = Notes()
    places = titles(summary, apart_from=OF_RANKS)
    title_of = {cell.cell: title for cell, title in zip(summary.cells, places, strict=True)}
    several = len(set(places)) > 1
    several_ranks = [entry.cell for entry in summary.scaling if entry.cell.ranks > 1]
    shown = [
        *(["nodes"] if any(cell.nodes > 1 for cell in several_ranks) else []),
        *(["strategy"] if len({cell.strategy for cell in several_ranks}) > 1 else []),
    ]
    ordered = sorted(summary.scaling, key=lambda each: (title_of[each.cell], each.cell.batch_size))
    rows = [
        Row(
            texts=(*([title_of[entry.cell]] if several else []), *_texts(entry, notes, shown)),
            facets=blocks.facets_of(entry.cell),
        )
        for entry in ordered
    ]
    names = (*(["workload"] if several else []), *NAMES, *shown)
    return Table(headers=(*names, *FIGURES), rows=tuple(rows), names=len(names), notes=tuple(notes.texts))


def _texts(each: Scaling, notes: Notes, shown: Sequence[str]) -> list[str]:
    def missing(name: str) -> str:
        return notes.mark(NOTHING, each.unavailable.get(name, NO_REASON))

    one = each.cell.ranks == 1
    return [
        numbers.number(each.cell.batch_size, 0),
        each.cell.runner,
        str(each.cell.ranks),
        *(NOTHING if one else str(getattr(each.cell, name)) for name in shown),
        NOTHING if each.samples_per_second is None else numbers.estimate(each.samples_per_second),
        "1" if one else missing("efficiency") if each.efficiency is None else numbers.estimate(each.efficiency),
        listed([numbers.number(peak / 1e6) for peak in each.rank_peaks_bytes])
        if each.rank_peaks_bytes
        else missing("rank_peaks_bytes"),
        missing("collectives") if each.collectives is None else _by_kind(each.collectives),
        missing("collectives") if each.collective_bytes is None else _kilobytes(each.collective_bytes),
        *(
            _percents(shares) if shares else missing("communication_shares")
            for shares in (each.communication_shares, each.exposed_shares)
        ),
    ]


def _percents(shares: Sequence[float]) -> str:
    return listed([numbers.percent(share) for share in shares]) if any(shares) else "none"


def _by_kind(collectives: Mapping[str, int]) -> str:
    return listed([f"{count} {kind}" for kind, count in collectives.items()]) if collectives else "none"


def _kilobytes(collective_bytes: Mapping[str, int]) -> str:
    return numbers.number(sum(collective_bytes.values()) / 1e3)
