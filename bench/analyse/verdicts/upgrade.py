"""Whether an environment is worse than another: verdicts on every figure of every cell.

Three arms are measured in each block: the baseline, the candidate, and a clone of the baseline, whose
difference from the baseline is nothing but noise. A screening looks until all that decides is decided;
what it calls regressed is judged once more, on fresh blocks and at a level that allows for how many
were flagged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from bench.analyse.cells.evidence import Compared, Evidence, gather
from bench.analyse.statistics.sequential import GAMMA, looks, may_stop, two_sided
from bench.analyse.statistics.signed_rank import Floats, blocks_needed
from bench.analyse.verdicts import exact
from bench.analyse.verdicts.metrics import IMPORT, MEASURED, Figure, decides, import_s_by_block, rule_of
from bench.analyse.verdicts.verdict import Rule, by_number, confirm, to_confirm
from bench.analyse.verdicts.verdict import Verdict as Found
from bench.analyse.verdicts.verdict import judge as judge_pairs
from bench.plan.upgrade import ARMS
from bench.records.schema import Cell, Run, Trial, Verdict

ENOUGH_FAILURES = 2
"""A side that has failed so often, and has never been timed, is given up."""

Key = tuple[Cell, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """One measured figure of one cell, block by block."""

    ratios: Floats
    """log(candidate / baseline)."""
    same: Floats
    """log(clone / baseline)."""
    rule: Rule
    decides: bool
    baseline: float
    candidate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What a check knows so far."""

    verdicts: list[Verdict]
    complete: bool
    """Whether more blocks would change nothing."""


def assess(run: Run, trials: Sequence[Trial], *, ended: bool) -> Assessment:
    """Judge every figure of every cell; `ended` says that no blocks will follow, decided or not."""
    gathered = gather(run, trials)
    blocks = 1 + max((trial.block for trial in trials if trial.phase == "timing"), default=-1)
    pairs = _pairs(run, trials, gathered, blocks)
    measured, complete = _measured(pairs, blocks, cap=run.settings.blocks, ended=ended)
    told = [_told(key, pairs[key], found, again) for key, (found, again) in measured.items()]
    for compared in gathered:
        baseline, candidate, _ = _arms(compared)
        if baseline.counts and candidate.counts:  # else its failed trials say why nothing is judged
            told += exact.judged(candidate.cell, baseline.counts, candidate.counts, margin=run.settings.margin)
    return Assessment(
        verdicts=sorted(told, key=lambda each: _place(each.cell, gathered)),
        complete=complete or all(map(_is_hopeless, gathered)),
    )


def _arms(compared: Compared) -> list[Evidence]:
    """The evidence of baseline, candidate and clone."""
    arms = {evidence.cell.environment: evidence for evidence in compared.evidence}
    return [arms[name] for name in ARMS]


def _place(cell: Cell, gathered: Sequence[Compared]) -> int:
    """Where the plan has a cell."""
    return next(place for place, compared in enumerate(gathered) if cell in compared.round.cells)


def _is_hopeless(compared: Compared) -> bool:
    """Whether a side has failed so often that more blocks will bring no figures of it."""
    baseline, candidate, _ = _arms(compared)
    return any(
        not arm.timed and (arm.status == "missing" or len(arm.failed) >= ENOUGH_FAILURES)
        for arm in (baseline, candidate)
    )


def _pairs(run: Run, trials: Sequence[Trial], gathered: Sequence[Compared], blocks: int) -> dict[Key, Pairs]:
    settings = run.settings
    found: dict[Key, Pairs] = {}
    for compared in gathered:
        arms = _arms(compared)
        imports = [import_s_by_block(trials, arm.cell) for arm in arms]
        figures = [*MEASURED, Figure(metric=IMPORT, of=lambda arm: imports[arms.index(arm)])]  # noqa: B023
        for figure in figures:
            baseline, candidate, clone = arms
            levels = [figure.of(arm).values() for arm in (baseline, candidate)]
            if all(levels):
                found[candidate.cell, figure.metric.key] = Pairs(
                    ratios=by_number(figure.log_ratios(candidate, baseline), blocks),
                    same=by_number(figure.log_ratios(clone, baseline), blocks),
                    rule=rule_of(figure.metric, settings.margin, settings.margin_of_time, cap=settings.blocks),
                    decides=decides(figure.metric.key, settings.fail_on),
                    baseline=median(levels[0]),
                    candidate=median(levels[1]),
                )
    return found


Judged = dict[Key, tuple[Found, Found | None]]
"""The screening's verdict, and the confirmation's where there was something to confirm."""


def _measured(pairs: Mapping[Key, Pairs], blocks: int, *, cap: int, ended: bool) -> tuple[Judged, bool]:
    last = _screened_at(pairs, blocks, cap)
    if last is None and not ended:
        return {key: (_judged(each, blocks, cap), None) for key, each in pairs.items()}, False
    last = blocks if last is None else last
    screened = {key: _settled(each, last, cap) for key, each in pairs.items()}
    again, complete = _confirmed(pairs, screened, last, blocks - last, cap=cap, ended=ended)
    return {key: (found, again.get(key)) for key, found in screened.items()}, complete


def _screened_at(pairs: Mapping[Key, Pairs], blocks: int, cap: int) -> int | None:
    """The first look at which all that decides is decided, or the last look; None before either."""
    deciding = [each for each in pairs.values() if each.decides]
    due = [look for look in looks(cap) if look <= blocks]
    decided = (look for look in due if all(_judged(each, look, cap).outcome != "undecided" for each in deciding))
    return next(decided, due[-1] if due == list(looks(cap)) else None)


def _judged(pairs: Pairs, blocks: int, cap: int) -> Found:
    return judge_pairs(pairs.ratios[:blocks], pairs.same[:blocks], replace(pairs.rule, cap=cap))


def _settled(pairs: Pairs, blocks: int, cap: int) -> Found:
    """Judge by so many blocks, the last there are for it; only where no look has decided is this one the last."""
    found = _judged(pairs, blocks, cap)
    return found if found.outcome != "undecided" else _judged(pairs, blocks, blocks)


def _confirmed(
    pairs: Mapping[Key, Pairs], screened: Mapping[Key, Found], last: int, fresh: int, *, cap: int, ended: bool
) -> tuple[dict[Key, Found], bool]:
    """Judge what the screening flags by the fresh blocks since, and say whether more of them would change nothing."""
    flagged = to_confirm(screened)
    if not flagged:
        return {}, True
    # At its stricter level a bound may need more pairs than a short screening has blocks.
    most = max(cap, blocks_needed(two_sided(GAMMA / len(flagged))))
    ratios = {key: pairs[key].ratios[last:] for key in flagged}
    again = confirm(flagged, ratios, fresh if ended and fresh else most)
    deciding = [found.outcome for key, found in again.items() if pairs[key].decides]
    return again, fresh >= looks(most)[0] and may_stop(deciding, fresh, most)


def _told(key: Key, pairs: Pairs, screened: Found, again: Found | None) -> Verdict:
    found = screened if again is None or not again.pairs else again
    doubts = [] if again is None else [f"on fresh blocks: {doubt}" for doubt in again.warnings]
    return Verdict(
        cell=key[0],
        metric=key[1],
        baseline=pairs.baseline,
        candidate=pairs.candidate,
        ratio=found.ratio,
        margin=pairs.rule.margin,
        asked_margin=pairs.rule.margin,
        rules_out=found.rules_out,
        minimum_detectable_effect=screened.minimum_detectable_effect,
        gamma=found.rule.gamma,
        verdict=(again or screened).outcome,
        real=found.real,
        blocks=screened.blocks + (again.blocks if again is not None else 0),
        pairs=screened.pairs + (again.pairs if again is not None else 0),
        confirmed=None if again is None else again.outcome == "regressed",
        warnings=[*screened.warnings, *doubts],
    )
