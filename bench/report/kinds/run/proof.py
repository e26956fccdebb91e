"""Whether the loops did the same arithmetic, and how that was proven."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bench.records.cells import SCRIPT
from bench.report.document.groups import baseline_of, cell_names
from bench.report.document.text import listed, listed_few, plural

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


def equivalence(summary: Summary) -> list[str]:
    """How many runners did the hand-written loop's arithmetic, how that was proven, and where one did not."""
    compared = [(cell, name) for cell, name in cell_names(summary) if _is_compared(cell)]
    defaults = _not_claimed(summary)
    if not compared and defaults:
        return defaults
    if not compared:
        scripts = summary.run.settings.scripts
        if scripts is not None and len(scripts.each) == 1:
            details = [f"{_sentence(cell.equivalence.detail)}" for cell in summary.cells if cell.status == "ok"]
            return ["A single script is compared only with its own clone.", *details]
        what = f"No {'script' if scripts else 'runner'} could be compared with {baseline_of(summary.cells)}"
        return [f"{what}, so equivalence is unverified and no ratios are shown."]
    cells = [cell for cell, _ in compared]
    failed = [name for cell, name in cell_names(summary) if cell.status != "ok" and cell.profile == "matched"]
    exceptions = [_exception(cell, name) for cell, name in compared if cell.equivalence.verdict != "bitwise"]
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
    claim = f" {listed(alike)} did the hand-written loop's arithmetic all the same." if alike else ""
    details = dict.fromkeys(f"{c.runner}: {c.equivalence.detail}." for c in others if c.runner in unlike)
    return [f"In the stock profile equal arithmetic is not claimed.{claim}", *details]


def _is_compared(cell: CellSummary) -> bool:
    return cell.equivalence.verdict != "baseline" and cell.status == "ok" and cell.profile == "matched"


def _counts(cells: Sequence[CellSummary], failed: Sequence[str]) -> str:
    """Runners by the worst verdict that each got in any of its cells, and of which cells nothing is known."""
    noun = "script" if cells[0].workload == SCRIPT else "runner"
    worst: dict[str, str] = {}
    for verdict in reversed(VERDICTS):
        worst |= {cell.runner: verdict for cell in cells if cell.equivalence.verdict == verdict}
    unknown = f"; nothing is proven of {listed_few(failed)}, without figures" if failed else ""
    if set(worst.values()) == {"bitwise"}:
        every = f"All {len(worst)} {noun}s are" if len(worst) > 1 else f"{cells[0].runner} is"
        where = "every cell" if not failed else "every cell that has figures"
        return f"{every} bitwise equal to {baseline_of(cells)}, in {where} ({len(cells):,}){unknown}."
    runners = {verdict: [name for name, own in worst.items() if own == verdict] for verdict in reversed(VERDICTS)}
    phrases = [f"{len(names)} {VERDICTS[verdict]} ({listed(names)})" for verdict, names in runners.items() if names]
    return f"Of {plural(len(worst), noun)} compared with {baseline_of(cells)}: {'; '.join(phrases)}{unknown}."


def _proofs(cells: Sequence[CellSummary]) -> list[str]:
    details = Counter(cell.equivalence.detail.rstrip(". ") for cell in cells if cell.equivalence.verdict == "bitwise")
    return [f"In {count:,} of {plural(len(cells), 'cell')}: {detail}." for detail, count in details.items()]


def _exception(cell: CellSummary, name: str) -> str:
    consequence = "" if cell.equivalence.proven else ", so it gets no ratio"
    detail = cell.equivalence.detail.rstrip(". ")
    others = list(getattr(cell.equivalence, "reasons", []))[1:]
    more = f". Other differences: {'; '.join(others)}" if others else ""
    return f"{name} is {cell.equivalence.verdict}{consequence}: {detail}{more}."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('. ')}."
