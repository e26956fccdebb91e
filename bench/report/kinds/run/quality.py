"""Why a report may be believed, in sentences: were the loops equivalent, and what could the run resolve."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from bench.analyse.statistics.signed_rank import resolution
from bench.records.trials import SCRIPT
from bench.report.document import numbers
from bench.report.document.groups import Group, baseline_of, titles
from bench.report.document.text import listed, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import CellSummary, Summary

VERDICTS = {
    "different": "different",
    "unproven": "unproven",
    "unlike": "unlike and compared all the same",
    "close": "close, the same up to rounding",
    "bitwise": "bitwise equal",
}
"""Verdicts from the worst to the best, in words."""

MAX_NAMED = 3
"""How many cells one sentence names."""

UNSEEN = (
    "What this does not cover: the order of samples is looptax's own, so a framework that shuffles wrongly goes "
    "unnoticed; a loop of your own with its own sampler shows that."
)

METHOD = (
    "How it was proven: in this run every runner also trained each cell once with torch's deterministic algorithms, "
    "from the same initial weights on the same samples in the same order. Every loss and a SHA-256 of the final "
    f"weights were then compared with the hand-written loop's. {UNSEEN}"
)

METHOD_OF_SCRIPTS = (
    "How it was proven: in this run every script was also run with torch's deterministic algorithms, and looked at "
    "through torch's own hooks. The losses, the batches and a SHA-256 of the parameters of each of its first steps "
    "were then compared with those of the first script."
)

COMPILED = (
    "Compiling is part of the first step, and of no step time. Timed trials find code that the run compiled before, as "
    "a script does that is started again; the first time is that of the trial that proves the arithmetic, and the "
    "run's first loop compiled everything then. A graph break is a place where the compiler let Python go on."
)
WITHOUT_WORKERS = "host MB is the training process's: what its loader workers take is not in it."

Figure = tuple[float, str]
"""A fraction, and the cell that it belongs to."""


def equivalence(summary: Summary) -> list[str]:
    """How many runners did the hand-written loop's arithmetic, how that was proven, and where one did not."""
    compared = [(cell, title) for cell, title in _titled(summary) if _is_compared(cell)]
    defaults = _not_claimed(summary)
    if not compared and defaults:
        return defaults
    if not compared:
        scripts = summary.run.settings.scripts
        if scripts is not None and len(scripts.each) == 1:
            told = [f"{_sentence(cell.equivalence.detail)}" for cell in summary.cells if cell.status == "ok"]
            return ["A single script is compared only with its own clone.", *told]
        what = f"No {'script' if scripts else 'runner'} could be compared with {baseline_of(summary.cells)}"
        return [f"{what}, so equivalence is unverified and no ratios are shown."]
    cells = [cell for cell, _ in compared]
    failed = [(cell, title) for cell, title in _titled(summary) if cell.status != "ok" and cell.profile == "matched"]
    exceptions = [_exception(cell, title) for cell, title in compared if cell.equivalence.verdict != "bitwise"]
    method = METHOD if summary.run.settings.scripts is None else METHOD_OF_SCRIPTS
    return [_counts(cells, failed), method, *_proofs(cells), *exceptions, *defaults]


def _not_claimed(summary: Summary) -> list[str]:
    """Of the profile `stock`: that equal arithmetic is not claimed, and which loops do it all the same."""
    stock = [cell for cell in summary.cells if cell.profile == "stock" and cell.status == "ok"]
    if not stock:
        return []
    others = [cell for cell in stock if cell.equivalence.verdict != "baseline"]
    unlike = {cell.runner for cell in others if cell.equivalence.verdict in ("unlike", "unproven")}
    alike = list(dict.fromkeys(cell.runner for cell in others if cell.runner not in unlike))
    told = f" {listed(alike)} did the hand-written loop's arithmetic all the same." if alike else ""
    details = dict.fromkeys(f"{c.runner}: {c.equivalence.detail}." for c in others if c.runner in unlike)
    return [f"In the stock profile equal arithmetic is not claimed.{told}", *details]


def quality(summary: Summary) -> list[str]:
    """How far to trust the run, in one line: its noise floor, its widest ratio, its warnings; nothing if not timed."""
    if not summary.noise_floors:
        return []
    titled = _titled(summary)
    widths = [(s, _where(cell, title)) for cell, title in titled if (s := smallest_difference(cell)) is not None]
    told = [_worst_floor(summary), *([_widest(max(widths))] if widths else []), _warned(summary)]
    return [f"How far to trust it: {'; '.join(told)}.", *_unlike_clones(summary)]


def _worst_floor(summary: Summary) -> str:
    known = [each for each in summary.noise_floors if each.floor is not None]
    if not known:
        return "no noise floor is known, because the blocks are too few"
    worst = max(known, key=lambda each: each.floor or 0.0)
    floor = numbers.percent(worst.floor or 0.0)
    among = f", the worst of {len(known)}" if len(known) > 1 else ""
    return f"noise floor {floor} ({worst.runner} against its own clone{worst.comparison.at_batch}{among})"


def _widest(widest: Figure) -> str:
    width, where = widest
    return f"widest ratio ±{numbers.percent(width)} ({where})"


def _warned(summary: Summary) -> str:
    if not summary.warnings:
        return "no warnings"
    first = "" if summary.first_warning is None else f", the first: {summary.first_warning}"
    return f"{plural(len(summary.warnings), 'warning')}{first}"


def _unlike_clones(summary: Summary) -> list[str]:
    """Baselines that differ from their own clone, where nothing differs."""
    apart = [
        floor for floor in summary.noise_floors if floor.ratio.low is not None and not numbers.covers(floor.ratio, 1.0)
    ]
    return [
        f"The clone of {each.runner}{each.comparison.at_batch} takes {numbers.ratio(each.ratio)} times "
        "as long as the loop that it is a clone of: smaller differences than that are noise."
        for each in apart
    ]


def noise_floors(summary: Summary, group: Group) -> list[str]:
    """What the baseline takes against its own clone in each comparison of a group."""
    places = {cell.comparison for cell in group.cells}
    told = [
        f"{numbers.ratio(floor.ratio)}{floor.comparison.at_batch}"
        for floor in summary.noise_floors
        if floor.comparison in places
    ]
    return [f"Noise floor, the baseline's own clone over it: {listed(told)}."] if told else []


def resolvable(summary: Summary) -> list[str]:
    """How far the figures of blocks spread, and the smallest difference that the intervals can show."""
    spreads = [(c.run_to_run_cv, _where(c, title)) for c, title in _titled(summary) if c.run_to_run_cv is not None]
    smallest = [(s, _where(c, title)) for c, title in _titled(summary) if (s := smallest_difference(c)) is not None]
    return [
        _typical("From block to block a cell's step time varies by {} (coefficient of variation", spreads, "cell")
        if spreads
        else "How much step times vary from block to block is unknown, since that takes two blocks.",
        _typical("The smallest difference in step time that shows is {} (half the interval's width", smallest, "ratio")
        if smallest
        else "No ratio has an interval, because the blocks are too few: ask for more with --blocks.",
    ]


def added_blocks(summary: Summary) -> list[str]:
    """For which ratios blocks were added to those planned, and which are not known well enough all the same."""
    settings = summary.run.settings
    if settings.target_ci is None:
        return []
    target = numbers.percent(settings.target_ci)
    told = [(cell, _where(cell, title), smallest_difference(cell)) for cell, title in _titled(summary)]
    known = [(cell, where, smallest) for cell, where, smallest in told if smallest is not None]
    longer = sorted(((cell.blocks, where) for cell, where, _ in known if cell.blocks > settings.blocks), reverse=True)
    wide = sorted(((smallest, where) for _, where, smallest in known if smallest > settings.target_ci), reverse=True)
    sentences = []
    if longer:
        named = _most([f"{where} ({plural(blocks, 'block')})" for blocks, where in longer])
        sentences.append(
            f"Extra blocks were run for ratios whose CI was wider than ±{target} after {settings.blocks}: {named}."
        )
    if wide:
        named = _most([f"{where} (±{numbers.percent(smallest)})" for smallest, where in wide])
        sentences.append(f"Still wider than ±{target} at the end: {named}.")
    return sentences


def _most(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    few, more = names[:MAX_NAMED], names[MAX_NAMED:]
    return listed([*few, f"{len(more)} more"]) if more else listed(few)


def smallest_difference(cell: CellSummary) -> float | None:
    """Return the smallest relative difference from the baseline that the row's interval can show, as a fraction."""
    if cell.ratio is None or cell.equivalence.verdict == "baseline":
        return None
    return resolution(cell.ratio)


def spread(cell: CellSummary) -> str | None:
    """Return the spread of the row's block figures in per cent."""
    return None if cell.run_to_run_cv is None else numbers.percent(cell.run_to_run_cv)


def shown_difference(cell: CellSummary) -> str | None:
    """`smallest_difference` in per cent."""
    smallest = smallest_difference(cell)
    return None if smallest is None else numbers.percent(smallest)


def _titled(summary: Summary) -> list[tuple[CellSummary, str]]:
    return list(zip(summary.cells, titles(summary), strict=True))


def _is_compared(cell: CellSummary) -> bool:
    return cell.equivalence.verdict != "baseline" and cell.status == "ok" and cell.profile == "matched"


def _counts(cells: Sequence[CellSummary], failed: Sequence[tuple[CellSummary, str]]) -> str:
    """Runners by the worst verdict that each got in any of its cells, and of which cells nothing is known."""
    noun = "script" if cells[0].workload == SCRIPT else "runner"
    worst: dict[str, str] = {}
    for verdict in reversed(VERDICTS):
        worst |= {cell.runner: verdict for cell in cells if cell.equivalence.verdict == verdict}
    unknown = f"; nothing is proven of {_most([_where(*each) for each in failed])}, without figures" if failed else ""
    if set(worst.values()) == {"bitwise"}:
        every = f"All {len(worst)} {noun}s are" if len(worst) > 1 else f"{cells[0].runner} is"
        where = "every cell" if not failed else "every cell that has figures"
        return f"{every} bitwise equal to {baseline_of(cells)}, in {where} ({len(cells):,}){unknown}."
    runners = {verdict: [name for name, own in worst.items() if own == verdict] for verdict in reversed(VERDICTS)}
    told = [f"{len(names)} {VERDICTS[verdict]} ({listed(names)})" for verdict, names in runners.items() if names]
    return f"Of {plural(len(worst), noun)} compared with {baseline_of(cells)}: {'; '.join(told)}{unknown}."


def _proofs(cells: Sequence[CellSummary]) -> list[str]:
    details = Counter(cell.equivalence.detail.rstrip(". ") for cell in cells if cell.equivalence.verdict == "bitwise")
    return [f"In {count:,} of {plural(len(cells), 'cell')}: {detail}." for detail, count in details.items()]


def _exception(cell: CellSummary, title: str) -> str:
    consequence = "" if cell.equivalence.proven else ", so it gets no ratio"
    detail = cell.equivalence.detail.rstrip(". ")
    others = list(getattr(cell.equivalence, "reasons", []))[1:]
    more = f". Other differences: {'; '.join(others)}" if others else ""
    return f"{_where(cell, title)} is {cell.equivalence.verdict}{consequence}: {detail}{more}."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('. ')}."


def _where(cell: CellSummary, title: str) -> str:
    return f"{cell.runner}{cell.at_batch} of {title}"


def _typical(opening: str, figures: Sequence[Figure], noun: str) -> str:
    """Put the median of the figures into `opening`, then tell how many there are, and the worst of them."""
    worst, where = max(figures)
    typical = numbers.percent(median(value for value, _ in figures))
    counted = f"median of {plural(len(figures), noun)}"
    return f"{opening.format(typical)}; {counted}), at worst {numbers.percent(worst)}: {where}."
