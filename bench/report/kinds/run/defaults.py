"""What the defaults of each framework cost, and what they are: the profile `stock` next to the profile `matched`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.equivalence import NONE
from bench.plan.length import EPOCH_STEPS
from bench.report.document import blocks, numbers
from bench.report.document.blocks import Paragraph, Row, Table, bullets, facets_of
from bench.report.document.columns import NO_DIFFERENCE, NOTHING
from bench.report.document.groups import groups, is_noise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.records.schema import Cell, CellSummary, Summary
    from bench.report.document.blocks import Section

HEADERS = ("cell", "batch", "runner", "matched µs", "stock µs", "defaults µs/step", "of the step", "terminal B/step")
CAUTION = (
    "These are µs of a usual step. What comes now and then, as a log line or a checkpoint, is in samples/s where a "
    "timed step had it, and what comes at an epoch's end weighs more there than in yours, because an epoch here has "
    f"{EPOCH_STEPS} steps. bench.prices tells what one of each costs."
)
UNSEEN = (
    "Read from each loop's own objects at its first optimizer step; a print has none, and shows in the bytes that go "
    "to the terminal."
)


def section(summary: Summary) -> Section | None:
    """A sentence a runner, both profiles in one table, and what differs; None where nobody asked for defaults."""
    stock = [cell for group in groups(summary) for cell in group.cells if cell.profile == "stock"]
    if not stock:
        return None
    others = {cell.cell: cell for cell in summary.cells}
    pairs = [(cell, others.get(_twin(cell, profile="matched"))) for cell in stock]
    representative = {group.representative for group in groups(summary)}
    lines = [sentence(cell) for cell, _ in pairs if cell.defaults_us and cell.batch_size in representative]
    timed = any(cell.step_time_us for cell in stock)
    return blocks.section(
        "What do the defaults cost?",
        bullets(lines, role="answer"),
        _table(pairs) if timed else None,
        Paragraph(CAUTION) if timed else None,
        _setups(pairs, others),
    )


def _twin(cell: CellSummary, **other: str) -> Cell:
    return cell.cell.model_copy(update=other)


def sentence(cell: CellSummary) -> str:
    """`hf-trainer, stock: +152 [148, 157] µs per step over matched at batch 64 (+22 %); it writes 12 bytes …`."""
    written = cell.terminal_bytes_per_step
    terminal = f"; it writes {numbers.number(written)} bytes per step to the terminal" if written else ""
    return f"{cell.runner}, stock: {_cost(cell)}{terminal}."


def _cost(cell: CellSummary) -> str:
    us, ratio = cell.defaults_us, cell.defaults_ratio
    assert us is not None
    assert ratio is not None
    if _is_noise(cell):
        return f"no measurable difference per step from matched{cell.at_batch} (ratio {numbers.ratio(ratio)})"
    if us.low is None:
        few = f"too few blocks ({cell.blocks}) for an interval, so this may be chance"
        return f"about {numbers.signed(us.value)} µs per step over matched{cell.at_batch}, but {few}"
    return f"{numbers.estimate(us, sign='+')} µs per step over matched{cell.at_batch} ({_share(cell)})"


def _is_noise(cell: CellSummary) -> bool:
    return is_noise(cell.defaults_ratio, cell.noise_floor)


def _share(cell: CellSummary) -> str:
    """In percent of the matched step; nothing where chance might turn its sign."""
    ratio = cell.defaults_ratio
    if ratio is None or ratio.low is None:
        return NOTHING
    return NO_DIFFERENCE if _is_noise(cell) else f"{numbers.signed(100 * (ratio.value - 1), 0)} %"


def _table(pairs: Sequence[tuple[CellSummary, CellSummary | None]]) -> Table:
    """Without the columns of what the run did not measure."""
    return Table(headers=HEADERS, rows=tuple(_row(*pair) for pair in pairs), names=3).filled(NOTHING)


def _row(cell: CellSummary, matched: CellSummary | None) -> Row:
    times = (None if matched is None else matched.step_time_us, cell.step_time_us)
    us, written = cell.defaults_us, cell.terminal_bytes_per_step
    known = "" if us is None else NO_DIFFERENCE if _is_noise(cell) else numbers.estimate(us, sign="+")
    texts = (
        cell.place,
        numbers.number(cell.batch_size, 0),
        cell.runner,
        *(NOTHING if time is None else numbers.with_spread(time) for time in times),
        known or NOTHING,
        _share(cell),
        NOTHING if written is None else numbers.number(written),
    )
    share = None if cell.defaults_ratio is None else cell.defaults_ratio.value - 1
    known_us = [None if figure is None else figure.value for figure in (*times, us)]
    figures = (*known_us, share, written)
    return Row(texts=texts, values=(None, cell.batch_size, None, *figures), facets=facets_of(cell))


def _setups(
    pairs: Sequence[tuple[CellSummary, CellSummary | None]], cells: dict[Cell, CellSummary]
) -> Iterator[Paragraph | Table]:
    """What each loop's set-up has that the matched loop's has not, or failing that the hand-written loop's."""
    first = {cell.runner: (cell, matched) for cell, matched in reversed(pairs)}
    has_matched = any(matched for _, matched in pairs)
    other_name = "matched" if has_matched else "hand-written"
    rows = [
        (cell.runner, fact, before, after)
        for cell, matched in reversed(first.values())
        for fact, before, after in facts(matched or cells.get(_twin(cell, runner="pytorch")), cell)
        if before != after
    ]
    if rows:
        yield Paragraph(f"What differs. {UNSEEN}")
        yield blocks.table(("runner", "what", other_name, "stock"), rows, names=4)


def facts(cell: CellSummary | None, other: CellSummary) -> Iterator[tuple[str, str, str]]:
    """How two loops have set themselves up: what it is about, how it is in the one and how in the other."""
    before = {} if cell is None else cell.setup
    for fact in dict.fromkeys([*before, *other.setup]):
        yield fact, before.get(fact, NONE), other.setup.get(fact, NONE)
