"""How large a batch each loop can train, in words and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.evidence import NOT_RUN
from bench.plan import max_batch
from bench.report.document import blocks, numbers
from bench.report.document.blocks import Paragraph, Row, Table, bullets
from bench.report.document.columns import NO_REASON, NOTHING
from bench.report.document.groups import STATUS_WORDS, titles
from bench.report.document.tables import Notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import LargestBatch, Summary
    from bench.report.document.blocks import Section

HEADERS = ("runner", "largest batch", "its peak MB", "smallest that fails", "limited by")


def is_searched(summary: Summary) -> bool:
    """Whether the run looked for the largest batches."""
    return max_batch.PASS in summary.run.settings.passes


def section(summary: Summary) -> Section:
    """The answer of such a run."""
    return blocks.section(
        "How large a batch each loop trains",
        Paragraph("The largest micro-batch that each loop trains:", strong=True, role="answer"),
        bullets(answers(summary), role="answer"),
        table(summary),
        Paragraph(_method(summary)),
        answers=True,
    )


def answers(summary: Summary) -> list[str]:
    """One sentence a loop."""
    return [_answer(largest, title) for largest, title in _titled(summary)]


def one_line(summary: Summary) -> str:
    """All of them in one line, for the index."""
    return (
        ", ".join(
            f"{largest_batch.cell.runner} {_size(largest_batch.trains)}" for largest_batch in summary.largest_batches
        )
        or "no cells"
    )


def table(summary: Summary) -> Table:
    """A row a loop."""
    notes, several = Notes(), len({title for _, title in _titled(summary)}) > 1
    rows = [
        Row(texts=(*([title] if several else []), *_texts(largest, notes)), facets=blocks.facets_of(largest.cell))
        for largest, title in _titled(summary)
    ]
    headers = (*(["workload"] if several else []), *HEADERS)
    names = 2 if several else 1
    return Table(headers=headers, rows=tuple(rows), names=names, notes=tuple(notes.texts))


def _titled(summary: Summary) -> list[tuple[LargestBatch, str]]:
    return list(zip(summary.largest_batches, titles(summary), strict=True))


def _texts(largest: LargestBatch, notes: Notes) -> Sequence[str]:
    peak = NOTHING if largest.peak_bytes is None else numbers.number(largest.peak_bytes / 1e6)
    limit = (
        _unfinished(largest)
        if largest.status is None
        else notes.mark(STATUS_WORDS[largest.status], largest.reason or NO_REASON)
    )
    return largest.cell.runner, _size(largest.trains), peak, _size(largest.fails), limit


def _size(size: int | None) -> str:
    return NOTHING if size is None else f"{size:,}"


def _unfinished(largest: LargestBatch) -> str:
    return "no larger one is tried" if largest.is_over else "the search was interrupted"


def _answer(largest: LargestBatch, title: str) -> str:
    name = f"{largest.cell.runner} ({title})"
    limit = (
        ""
        if largest.status is None
        else f": {STATUS_WORDS[largest.status]}, {(largest.reason or NO_REASON).rstrip('. ')}"
    )
    if largest.status is not None and largest.fails is None:
        return f"{name}: unavailable{limit}."
    if largest.trains is None and largest.fails is None:
        return f"{name}: {NOT_RUN}."
    if largest.trains is None:
        return f"{name}: not even a batch of {_size(largest.fails)} trains{limit}."
    peak = "" if largest.peak_bytes is None else f", with a peak of {numbers.number(largest.peak_bytes / 1e6)} MB"
    upper = f"; {_size(largest.fails)} fails{limit}" if largest.fails else ""
    ending = f" ({_unfinished(largest)})" if upper == "" or not largest.is_over else ""
    return f"{name}: batches of up to {_size(largest.trains)} samples train{peak}{upper}{ending}."


def _method(summary: Summary) -> str:
    limit = summary.run.settings.memory_limit_bytes
    of_cpu = (
        ""
        if limit is None
        else f" On a CPU a batch trains if the process's peak of resident memory, above that of a bare interpreter as "
        f"in the host MB of other reports, stays within {limit / 1e6:,.0f} MB (--memory-limit)."
    )
    return (
        "Each size was trained for four optimizer steps over two epochs in a process of its own, one at a time, "
        f"doubled until one failed, then bisected to within one part in {max_batch.RESOLUTION}.{of_cpu}"
    )
