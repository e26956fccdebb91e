"""The report of a check of prices: which option became more expensive, then what each costs on either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.attribution import sentence
from bench.records.metrics import BY_FUNCTION
from bench.report.document import blocks, numbers
from bench.report.document.blocks import Paragraph, Warnings, bullets, paragraphs, section
from bench.report.document.columns import NOTHING
from bench.report.document.environment import how_to_repeat
from bench.report.document.glossary import how_to_read, of_device
from bench.report.document.metrics import figure
from bench.report.document.text import About
from bench.report.document.verdict_tables import EVERY_FUNCTION, by_doubt, rows_of, where
from bench.report.kinds.price_changes import rows
from bench.report.kinds.price_changes.grid import whole_grid
from bench.report.kinds.price_changes.sentences import (
    answer,
    is_news,
    line,
    of_loops,
    on_one_side,
    setting,
)
from bench.report.kinds.prices.rows import counters_of, headers, in_column
from bench.report.kinds.prices.words import TENSORS
from bench.report.kinds.upgrade.packages import conflicts, differs, pulled_in
from bench.report.kinds.upgrade.report import both_labels, sides
from bench.report.kinds.upgrade.sentences import failures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Summary
    from bench.report.document.blocks import Document, Section, Table
    from bench.report.kinds.price_changes.rows import Changed

HOW_TO_READ = (
    "**µs/step**: step time with the option minus step time without, in one environment, with its 95 % interval; ~ "
    "means no measurable difference.",
    "**difference**: by how many µs more the option makes a step longer than before, from cycles in which the loop "
    "with the option and without took turns in both environments. It is the figure that is judged, and each of its "
    "bounds is wrong with a probability of 0.3 % per look. It need not be the difference of the two columns before it "
    "to the last digit: each is a median of its own.",
    "**regressed**: certainly more expensive, and not certainly by less than the margin, a share of the step of the "
    "baseline with the option. What a screening calls so is measured again on fresh blocks, at a stricter level. Of "
    "counts any difference counts.",
    "**not regressed**: certainly not more expensive by the margin. **undecided**: the blocks were too few, or too "
    "unlike, to say; or a count does not repeat.",
    "**Python calls, C calls, ops, syncs**: exact counts, how many more per step than without the option, before and "
    "after where that has changed.",
    f"{TENSORS} It is told, not judged.",
    "**what happens**: an event that the option brings now and then, and what one takes beyond the step that it falls "
    "into. Events are told, not judged.",
)


def document(summary: Summary, folder: str) -> Document:
    """Say everything; a check is repeated by its command, not by its folder."""
    del folder
    both, changed = sides(summary), rows.changed(summary)
    return blocks.document(
        f"{both_labels(summary)}: did options become more expensive?",
        Paragraph(setting(summary), role="setting"),
        Paragraph(differs(*both), role="note"),
        paragraphs(pulled_in(*both), strong=True, role="note"),
        paragraphs(conflicts(*both), role="note"),
        section(
            "The verdict",
            Paragraph(answer(summary), strong=True, role="answer"),
            bullets(
                [*map(line, filter(is_news, changed)), *of_loops(summary), *on_one_side(summary), *failures(summary)],
                role="answer",
            ),
            answers=True,
        ),
        how_to_read((*HOW_TO_READ, *of_device(summary.run.settings, are_differences=True))),
        section("What each option costs", whole_grid(summary), _of_events(summary, changed)) if changed else None,
        _origins(summary, changed),
        section("The loops without options", _plain(summary)),
        section("Warnings", _warnings(summary, changed)),
        how_to_repeat(summary),
    )


def _of_events(summary: Summary, changed: Sequence[Changed]) -> list[Paragraph | Table] | None:
    counters = counters_of(summary)
    events = [rows.per_event(option, counters) for option in changed if rows.has_events(option)]
    if not events:
        return None
    return [
        Paragraph("What happens now and then:"),
        blocks.table(rows.of_events(counters), events, names=len(rows.NAMES) + 1),
    ]


def _origins(summary: Summary, changed: Sequence[Changed]) -> Section | None:
    """By which functions options do more or less than before."""
    origins = [
        About(where(option.cell), f": {sentence(functions, counter.key)}")
        for option in changed
        for counter in BY_FUNCTION
        if (functions := rows_of(summary, option.cell, counter.key))
    ]
    if not origins:
        return None
    return section("Which functions do more or less because of an option", bullets(origins), EVERY_FUNCTION)


def _plain(summary: Summary) -> list[Paragraph | Table]:
    """What the loops themselves do on either side, which no verdict here is on."""
    plain = [cell for cell in summary.cells if cell.option is None]
    counters = counters_of(summary)
    columns = ("batch", "runner", "environment", "step time", *headers(counters))
    texts = [
        (
            f"{cell.batch_size:,}",
            cell.runner,
            cell.environment,
            NOTHING if cell.step_time_us is None else f"{numbers.with_spread(cell.step_time_us)} µs",
            *(
                NOTHING
                if (value := counter.value(cell)) is None
                else in_column(counter.key, figure(counter.key, value))
                for counter in counters
            ),
        )
        for cell in plain
    ]
    about = "No verdict here is on them: bench.upgrade without --prices tells whether they got worse."
    return [Paragraph(about), blocks.table(columns, texts, names=3)]


def _warnings(summary: Summary, changed: Sequence[Changed]) -> Warnings:
    """Of single prices, then of the run."""
    verdicts = [verdict for option in changed for verdict in option.change.verdicts]
    doubts = [f"{figures} of {where(cell)}: {doubt}" for (cell, doubt), figures in by_doubt(verdicts).items()]
    return Warnings(
        lines=(*summary.machine_warnings, *doubts, *(w for w in summary.warnings if w not in summary.machine_warnings)),
        nothing="No warnings.",
        counted=False,
    )
