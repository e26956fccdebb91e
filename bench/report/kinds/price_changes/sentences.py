"""Whether options became more expensive, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.metrics import metric
from bench.report.document import numbers, steadiness
from bench.report.document.columns import NOTHING
from bench.report.document.groups import hardware
from bench.report.document.metrics import figure
from bench.report.document.text import About, listed, plural
from bench.report.document.verdict_tables import where
from bench.report.kinds.price_changes import rows
from bench.report.kinds.prices.rows import COUNTED, step_time
from bench.report.kinds.upgrade.report import both_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.records.schema import CellSummary, Price, Summary
    from bench.report.kinds.price_changes.rows import Changed

MAX_NAMED = 5


def one_line(summary: Summary) -> str:
    """What was compared, and the verdict, for a list of runs."""
    return f"prices, {both_labels(summary)}: {answer(summary)}"


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
        outcome: [option for option in changed if option.worst == outcome] for outcome in ("regressed", "undecided")
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
    several = len({option.cell.runner for option in some}) > 1
    names = list(
        dict.fromkeys(f"{option.cell.option}{f' of {option.cell.runner}' if several else ''}" for option in some)
    )
    more = len(names) - MAX_NAMED
    return listed([*names[:MAX_NAMED], *([f"{more} more"] if more > 0 else [])])


def _besides(summary: Summary, changed: Sequence[Changed]) -> str:
    """What became more expensive without being something that the check fails on."""
    fail_on = summary.run.settings.fail_on
    others = [
        option
        for option in changed
        if option.worst != "regressed" and any(v.verdict == "regressed" for v in option.change.verdicts)
    ]
    if not others:
        return ""
    groups = dict.fromkeys(
        str(metric(v.metric).group) for option in others for v in option.change.verdicts if v.verdict == "regressed"
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
    counts = [(counter, counter.value(old), counter.value(new)) for counter in COUNTED]
    moved = [
        f"{each.name} {figure(each.key, before)} → {figure(each.key, after)}"
        for each, before, after in counts
        if before is not None and after is not None and before != after
    ]
    return "; ".join(moved)


def on_one_side(summary: Summary) -> list[str]:
    """Which options only one side has, and which none, with the reason."""
    compared = {(change.cell.runner, change.cell.option) for change in summary.price_changes}
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
