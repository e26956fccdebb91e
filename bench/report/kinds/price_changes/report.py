"""The report of a check of prices: which option became more expensive, then what each costs on either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.attribution import sentence
from bench.plan.upgrade import labels
from bench.records.metrics import BY_FUNCTION, metric
from bench.report.document import blocks, numbers, steadiness
from bench.report.document.blocks import Paragraph, Warnings, bullets, paragraphs, section
from bench.report.document.columns import NOTHING
from bench.report.document.environment import how_to_repeat
from bench.report.document.glossary import how_to_read
from bench.report.document.groups import hardware
from bench.report.document.metrics import figure
from bench.report.document.text import About, listed, plural
from bench.report.document.verdict_tables import EVERY_FUNCTION, rows_of, where
from bench.report.kinds.price_changes import rows
from bench.report.kinds.price_changes.grid import whole_grid
from bench.report.kinds.prices.rows import step_time
from bench.report.kinds.upgrade.packages import conflicts, differs, pulled_in
from bench.report.kinds.upgrade.report import sides
from bench.report.kinds.upgrade.sentences import failures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.records.schema import CellSummary, Price, Summary
    from bench.report.document.blocks import Document, Section, Table
    from bench.report.kinds.price_changes.rows import Changed

MAX_NAMED = 5
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
    "**what happens**: an event that the option brings now and then, and what one takes beyond the step that it falls "
    "into. Events are told, not judged.",
)


def document(summary: Summary, folder: str) -> Document:
    """Say everything; a check is repeated by its command, not by its folder."""
    del folder
    both, changed = sides(summary), rows.changed(summary)
    return blocks.document(
        f"{_both(summary)}: did options become more expensive?",
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
        how_to_read(HOW_TO_READ),
        section("What each option costs", whole_grid(summary), _of_events(changed)) if changed else None,
        _origins(summary, changed),
        section("The loops without options", _plain(summary)),
        section("Warnings", _warnings(summary, changed)),
        how_to_repeat(summary),
    )


def _both(summary: Summary) -> str:
    return " → ".join(labels(*sides(summary)))


def one_line(summary: Summary) -> str:
    """What was compared, and the verdict, for a list of runs."""
    return f"prices, {_both(summary)}: {answer(summary)}"


def setting(summary: Summary) -> str:
    """Say what was checked, when, and on what."""
    settings = summary.run.settings
    blocks_done = max((cell.blocks for cell in summary.cells), default=0)
    timed = "timing" in settings.passes
    how = f"in turns of all four loops, in up to {plural(blocks_done, 'block')}" if timed else "counted, not timed"
    statement = (
        f"Checked the prices of {plural(len(summary.price_changes), 'option')} of {listed(settings.runners)} on "
        f"{summary.run.started_at:%Y-%m-%d} on {listed(hardware(summary))}, {how}."
    )
    return steadiness.after(statement, summary)


def answer(summary: Summary) -> str:
    """Say in one sentence whether an option became more expensive, and what else is to be known of it."""
    changed = rows.changed(summary)
    if not changed:
        return "Inconclusive: no option could be compared."
    by_outcome = {
        outcome: [each for each in changed if each.worst == outcome] for outcome in ("regressed", "undecided")
    }
    worse, undecided = by_outcome.values()
    is_timed = "time" in summary.run.settings.fail_on
    if worse:
        became = "became more expensive" if is_timed else "do more per step than before"
        verdict = f"Worse: {_counted(worse, changed)} {became}: {_names(worse)}."
    elif undecided:
        verdict = f"Inconclusive: {_counted(undecided, changed)} {'has' if len(undecided) == 1 else 'have'} no verdict."
    else:
        became = "became more expensive" if is_timed else "does more per step than before"
        verdict = f"OK: none of {plural(len(changed), 'option')} {became}."
    return f"{verdict}{_besides(summary, changed)}"


def _counted(some: Sequence[Changed], of: Sequence[Changed]) -> str:
    return f"{len(some):,} of {plural(len(of), 'option')}"


def _names(some: Sequence[Changed]) -> str:
    several = len({each.cell.runner for each in some}) > 1
    names = list(dict.fromkeys(f"{each.cell.option}{f' of {each.cell.runner}' if several else ''}" for each in some))
    more = len(names) - MAX_NAMED
    return listed([*names[:MAX_NAMED], *([f"{more} more"] if more > 0 else [])])


def _besides(summary: Summary, changed: Sequence[Changed]) -> str:
    """What became more expensive without being something that the check fails on."""
    fail_on = summary.run.settings.fail_on
    others = [
        each
        for each in changed
        if each.worst != "regressed" and any(v.verdict == "regressed" for v in each.change.verdicts)
    ]
    if not others:
        return ""
    groups = dict.fromkeys(
        str(metric(v.metric).group) for each in others for v in each.change.verdicts if v.verdict == "regressed"
    )
    words = ",".join(dict.fromkeys([*fail_on, *groups]))
    return f" More expensive otherwise, on which this check does not fail (--fail-on {words} would): {_names(others)}."


def is_news(each: Changed) -> bool:
    """Whether a price has changed, or what the check fails on is not known of it."""
    return each.worst == "undecided" or any(v.verdict in ("regressed", "improved") for v in each.change.verdicts)


def line(each: Changed) -> str:
    """`hf-trainer with logging-1 …: +152 [148, 157] → +171 [165, 177] µs per step, Python calls +55 → +58.`."""
    figures = [text for text in (_time(each), *_counts(each)) if text]
    return About(where(each.cell), f": {'; '.join(figures) or 'no figure could be compared'}.")


def _time(each: Changed) -> str | None:
    timed = each.timed
    if timed is None or (timed.verdict == "not-regressed" and not timed.real):
        return None
    both_prices = f"{step_time(each.before)} → {step_time(each.after)} µs per step"
    limit = "" if timed.rules_out is None else f", rules out {numbers.percent_up(timed.rules_out)} of the step"
    return f"{both_prices}, difference {rows.difference(each)}{limit if timed.verdict == 'undecided' else ''}"


def _counts(each: Changed) -> Iterator[str]:
    for verdict in each.change.verdicts:
        own = metric(verdict.metric)
        if not own.exact:
            continue
        if verdict.verdict == "undecided" and verdict in each.watched:
            yield f"{own.name} undecided ({'; '.join(verdict.warnings)})"
        elif verdict.real:
            yield f"{own.name} {_signed(verdict.baseline)} → {_signed(verdict.candidate)}"


def _signed(value: float | None) -> str:
    return NOTHING if value is None else numbers.signed(value, 0)


def of_loops(summary: Summary) -> list[str]:
    """What the loops without options do otherwise than before: that may be what an option did until then."""
    cells = {cell.cell: cell for cell in summary.cells if cell.option is None}
    pairs = [(cells.get(rows.baseline_of(each, summary)), own) for each, own in cells.items()]
    return [
        About(where(new.cell), f" without options: {moved}. What the loop does anyway is no option's price.")
        for old, new in pairs
        if old is not None and (moved := _moved(old, new))
    ]


def _moved(old: CellSummary, new: CellSummary) -> str:
    counts = [(each, each.value(old), each.value(new)) for each in rows.COUNTED]
    moved = [
        f"{each.name} {figure(each.key, before)} → {figure(each.key, after)}"
        for each, before, after in counts
        if before is not None and after is not None and before != after
    ]
    return "; ".join(moved)


def on_one_side(summary: Summary) -> list[str]:
    """Which options only one side has, and which none, with the reason."""
    compared = {(each.cell.runner, each.cell.option) for each in summary.price_changes}
    had = _by_option([price for price in summary.prices if price.reason is None], compared)
    one_sided = [
        About(f"{option} of {runner}", f": only in the {listed([price.cell.environment for price in prices])}.")
        for (runner, option), prices in had.items()
    ]
    lacking = _by_option([price for price in summary.prices if price.reason is not None], compared | had.keys())
    missing = {price.cell: price.reason for prices in lacking.values() for price in prices}
    nowhere = dict.fromkeys(f"{cell.option} of {cell.runner}: {reason}." for cell, reason in missing.items())
    return [*one_sided, *nowhere]


def _by_option(
    prices: Sequence[Price], others: set[tuple[str, str | None]]
) -> dict[tuple[str, str | None], list[Price]]:
    by_option: dict[tuple[str, str | None], list[Price]] = {}
    for price in prices:
        key = price.cell.runner, price.cell.option
        if key not in others:
            by_option.setdefault(key, []).append(price)
    return by_option


def _of_events(changed: Sequence[Changed]) -> list[Paragraph | Table] | None:
    events = [rows.per_event(each) for each in changed if rows.has_events(each)]
    if not events:
        return None
    return [
        Paragraph("What happens now and then:"),
        blocks.table(rows.PER_EVENT, events, names=len(rows.NAMES) + 1),
    ]


def _origins(summary: Summary, changed: Sequence[Changed]) -> Section | None:
    """By which functions options do more or less than before."""
    origins = [
        About(where(each.cell), f": {sentence(functions, counter.key)}")
        for each in changed
        for counter in BY_FUNCTION
        if (functions := rows_of(summary, each.cell, counter.key))
    ]
    if not origins:
        return None
    return section("Which functions do more or less because of an option", bullets(origins), EVERY_FUNCTION)


def _plain(summary: Summary) -> list[Paragraph | Table]:
    """What the loops themselves do on either side, which no verdict here is on."""
    plain = [cell for cell in summary.cells if cell.option is None]
    headers = ("batch", "runner", "environment", "step time", *(each.header for each in rows.COUNTED))
    texts = [
        (
            f"{cell.batch_size:,}",
            cell.runner,
            cell.environment,
            NOTHING if cell.step_time_us is None else f"{numbers.with_spread(cell.step_time_us)} µs",
            *(NOTHING if (value := each.value(cell)) is None else figure(each.key, value) for each in rows.COUNTED),
        )
        for cell in plain
    ]
    about = "No verdict here is on them: bench.upgrade without --prices tells whether they got worse."
    return [Paragraph(about), blocks.table(headers, texts, names=3)]


def _warnings(summary: Summary, changed: Sequence[Changed]) -> Warnings:
    """Of single prices, then of the run."""
    doubts = [
        f"{metric(verdict.metric).name} of {where(each.cell)}: {doubt}"
        for each in changed
        for verdict in each.change.verdicts
        for doubt in verdict.warnings
    ]
    return Warnings(
        lines=(*summary.machine_warnings, *doubts, *(w for w in summary.warnings if w not in summary.machine_warnings)),
        nothing="No warnings.",
        counted=False,
    )
