"""The answer in sentences: plain text, every figure of it from the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.signs import signed
from bench.records.cells import FLOOR
from bench.records.metrics import metrics_of, parts
from bench.report.document import numbers
from bench.report.document.groups import STATUS_WORDS, Group, baseline_of, cell_names, groups, same_as_baseline
from bench.report.document.text import About, listed, listed_few, plural
from bench.report.kinds.run import max_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import CellSummary, CounterFigures, Estimate, Summary

SMALL_SHARE = 0.01
"""An overhead below this share of a step is called small."""
MAX_LISTED = 5
PHASES = parts("phases_us")
COUNTERS = metrics_of("python_calls", "ops", "syncs")
"""What sentences on counts have; tables/attribution.csv has all."""


def representative(group: Group) -> str:
    """Which batch size the sentences are about, and by which rule."""
    if group.are_scripts:
        return f"{group.title}:"
    sizes = [numbers.number(size, 0) for size in group.batch_sizes]
    chosen = numbers.number(group.representative, 0)
    rule = f", the middle of {listed(sizes)}" if len(sizes) > 2 else f", the smaller of {listed(sizes)}"
    return f"{group.title}, at batch {chosen}{rule if len(sizes) > 1 else ''}:"


def answers(group: Group) -> list[str]:
    """One sentence a runner, at the representative batch size."""
    cells = group.at(group.representative)
    baseline = next((cell for cell in cells if cell.equivalence.verdict == "baseline"), None)
    return [_sentence(cell, baseline, is_alone=group.is_one_script) for cell in cells]


def _sentence(cell: CellSummary, baseline: CellSummary | None, *, is_alone: bool) -> str:
    """Say what a run was for: times, or where it took none, counts or phases."""
    if cell.status != "ok" or cell.step_time_us is not None:
        return answer(cell, is_alone=is_alone)
    if cell.counters is not None:
        return counted(cell, baseline)
    return answer(cell) if cell.phases_us is None else split(cell)


def answer(cell: CellSummary, *, is_alone: bool = False) -> str:
    """Say what one runner costs: throughput, ratio, overhead and when that overhead stops mattering."""
    what = " (no loader, batches already on the device: nothing but arithmetic)" if cell.runner == FLOOR else ""
    return About(cell.runner, f"{what}: {_finding(cell, is_alone=is_alone)}{_whole(cell)}")


def _whole(cell: CellSummary) -> str:
    """Say how long a script took that ran to its end."""
    if cell.whole_s is None or cell.whole_steps is None:
        return ""
    steps = plural(round(cell.whole_steps), "step")
    before = "" if cell.startup_s is None else f"; {_seconds(cell.startup_s)} until the first has ended"
    after = "" if cell.after_steps_s is None else f"; {_seconds(cell.after_steps_s)} after the last"
    return f" To its end it takes {_seconds(cell.whole_s)}, its first imports not counted ({steps}{before}{after})."


def _seconds(estimate: Estimate) -> str:
    return f"{numbers.number(estimate.value)} s"


def split(cell: CellSummary) -> str:
    """Say what each phase takes of one runner's step, the largest first."""
    phases_us = cell.phases_us or {}
    whole_us = sum(phases_us.values())
    largest = sorted(phases_us.items(), key=lambda item: -item[1])
    phrases = [
        f"{PHASES[name].name} {numbers.number(us)} µs ({numbers.percent(us / whole_us)})" for name, us in largest if us
    ]
    return About(cell.runner, f": {listed(phrases)}.")


def evaluation(cell: CellSummary) -> str | None:
    """Say what evaluation adds to a script's steps; None of a runner, which never evaluates."""
    if cell.evaluation_us is None:
        return None
    steps = plural(cell.evaluation_steps or 0, "step")
    if not cell.evaluation_us:
        return About(cell.runner, f": no evaluation was seen in {steps}.")
    return About(
        cell.runner,
        f": evaluation, which no phase has, took {numbers.number(cell.evaluation_us)} µs per step on "
        f"average over {steps}, {numbers.percent(cell.evaluation_share or 0.0)} of their time.",
    )


def counted(cell: CellSummary, baseline: CellSummary | None) -> str:
    """Say what one step of a runner consists of, and what it has more than the hand-written loop's."""
    own, base = cell.counters, None if baseline is None or baseline is cell else baseline.counters
    assert own is not None
    known = [counter for counter in COUNTERS if getattr(own, counter.key) is not None]
    phrases = [f"{_count(own, base, counter.key)} {counter.name}" for counter in known]
    kilobytes = "" if cell.tensor_bytes is None else f", {numbers.number(cell.tensor_bytes / 1e3)} kB of tensors"
    return About(cell.runner, f": {listed(phrases)} per step{cell.at_batch}{kilobytes}.")


def _count(own: CounterFigures, base: CounterFigures | None, name: str) -> str:
    value, other = getattr(own, name), getattr(base, name, None)
    return f"{value:,}" if other is None else f"{value:,} ({signed(value - other, '+,')})"


def failures(summary: Summary) -> list[str]:
    """Which cells have no figures, in one sentence; none if all have."""
    failed = [(cell, name) for cell, name in cell_names(summary) if cell.status != "ok"]
    if not failed:
        return []
    names = listed_few(list(dict.fromkeys(_failure(cell, name, summary.cells) for cell, name in failed)), MAX_LISTED)
    return [f"No figures from {len(failed):,} of {plural(len(summary.cells), 'cell')}: {names}."]


def arithmetic(group: Group) -> str:
    """How much of each runner's step the floor takes as well, at the representative batch size."""
    cells = group.at(group.representative)
    floor = next((cell for cell in cells if cell.runner == FLOOR), None)
    where = group.where
    if floor is None or floor.step_time_us is None or not floor.equivalence.proven:
        return f"{where}: unknown, because this run has no figures of the runner called {FLOOR} that are proven equal."
    shares = [f"{share} of {cell.runner}'s" for cell in cells if (share := arithmetic_share(cell)) is not None]
    of_each_step = f", which is {listed(shares)} step" if shares else ""
    return f"{where}: the arithmetic alone takes {numbers.number(floor.step_time_us.value)} µs per step{of_each_step}."


def arithmetic_share(cell: CellSummary) -> str | None:
    """Return the floor's step time in per cent of this row's; None for the floor itself."""
    if cell.runner == FLOOR or cell.floor_ratio is None:
        return None
    return numbers.percent(1 / cell.floor_ratio.value)


def _finding(cell: CellSummary, *, is_alone: bool) -> str:
    if cell.status != "ok":
        return f"no figures{cell.at_batch}, {STATUS_WORDS[cell.status]}{_because(cell.reason)}."
    if cell.equivalence.verdict == "baseline":
        step_time = "" if cell.samples_per_second is None else _own_step_time(cell)
        return f"{_throughput(cell)}{step_time}{'' if is_alone else f'; this is {baseline_of([cell])}, the baseline'}."
    if not cell.equivalence.proven:
        why = f"{cell.equivalence.verdict}{_because(cell.equivalence.detail)}"
        return f"{_throughput(cell)}, but no ratio, because it is not proven to do the same arithmetic ({why})."
    if cell.ratio is None:
        return f"{_throughput(cell)}, but no ratio{_because(cell.unavailable.get('ratio'))}."
    return f"{_throughput(cell)}, {_comparison(cell, cell.ratio)}"


def _throughput(cell: CellSummary) -> str:
    if cell.samples_per_second is None:
        return _own_step_time(cell).removeprefix(", ") or f"no throughput{cell.at_batch}"
    return f"{numbers.rate(cell.samples_per_second.value)} samples/s{cell.at_batch}"


def _own_step_time(cell: CellSummary) -> str:
    return "" if cell.step_time_us is None else f", {numbers.number(cell.step_time_us.value)} µs per step"


def _comparison(cell: CellSummary, ratio: Estimate) -> str:
    if same_as_baseline(cell):
        return (
            f"no difference from {baseline_of([cell])} that this run can detect "
            f"(ratio of step times {numbers.ratio(ratio)})."
        )
    phrase = f"{numbers.times(ratio)} the step time of {baseline_of([cell])}{_overhead(cell.overhead_us)}"
    if ratio.low is None:
        return f"{phrase}; too few blocks ({cell.blocks}) for an interval, so this may be chance."
    return f"{phrase}.{_threshold(cell.overhead_us)}"


def _overhead(overhead: Estimate | None) -> str:
    if overhead is None or numbers.covers(overhead, 0.0):
        return ""
    if overhead.low is None:
        return f", about {numbers.signed(overhead.value)} µs per step"
    value, interval = numbers.value_and_interval(overhead, sign="+")
    return f", {value} µs per step {interval}"


def _threshold(overhead: Estimate | None) -> str:
    """From which length of the user's own step on the overhead is a small share of it."""
    if overhead is None or overhead.value <= 0 or numbers.covers(overhead, 0.0):
        return ""
    needed = numbers.at_least(overhead.value / SMALL_SHARE * 1e-6)
    return f" Under {SMALL_SHARE * 100:.0f} % once your own step takes longer than {needed}."


def _because(reason: str | None) -> str:
    return f": {reason.rstrip('. ')}" if reason else ""


def _failure(cell: CellSummary, name: str, cells: Sequence[CellSummary]) -> str:
    """Name the cell and its status; only the runner, if all of its cells came to that."""
    if {other.status for other in cells if other.runner == cell.runner} == {cell.status}:
        name = f"all of {cell.runner}"
    return f"{name} ({STATUS_WORDS[cell.status]})"


def one_line(summary: Summary) -> str:
    """Say what the loops add to a step in the first table, at its representative batch size, or what they train."""
    if max_batch.is_searched(summary):
        return max_batch.one_line(summary)
    if not summary.cells:
        return "no cells"
    group = groups(summary)[0]
    phrases = [words for cell in group.at(group.representative) if (words := _in_short(cell))]
    return f"{group.where}: {', '.join(phrases) or 'no ratios'}"


def _in_short(cell: CellSummary) -> str | None:
    if cell.runner == FLOOR or cell.equivalence.verdict == "baseline":
        return None
    if cell.status != "ok":
        return f"{cell.runner} {STATUS_WORDS[cell.status]}"
    if cell.ratio is None or not cell.equivalence.proven:
        return f"{cell.runner} no ratio"
    if same_as_baseline(cell):
        return f"{cell.runner} no difference"
    added = "" if cell.overhead_us is None else f" ({numbers.signed(cell.overhead_us.value)} µs)"
    return f"{cell.runner} {numbers.times(cell.ratio)}{added}"
