"""Whether an environment is worse than another: verdicts on every figure of every cell.

Three arms are measured in each block: the baseline, the candidate, and a clone of the baseline, whose
difference from the baseline is nothing but noise. A screening looks until all that decides is decided;
what it calls regressed is judged once more, on fresh blocks and at a level that allows for how many
were flagged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.analyse.evidence import Compared, gather
from bench.analyse.figures_judged import COUNTED, IMPORT, MEASURED, TENSOR_BYTES, ByBlock, count, import_s_by_block
from bench.analyse.sequential import looks, may_stop
from bench.analyse.statistics import Floats
from bench.analyse.verdict import Rule, confirm, exact_verdict, log_ratios, to_confirm
from bench.analyse.verdict import Verdict as Found
from bench.analyse.verdict import judge as judge_pairs
from bench.records.schema import Cell, Counters, Run, Trial, Verdict

BASELINE, CANDIDATE, CLONE = "baseline", "candidate", "clone"
"""The names of the environments, in their order."""

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
    pairs = _pairs(run, trials, gathered)
    blocks = len({trial.block for trial in trials if trial.phase == "timing"})
    measured, complete = _measured(pairs, blocks, cap=run.settings.blocks, ended=ended)
    told = [_told(key, pairs[key], found, again) for key, (found, again) in measured.items()]
    told += [verdict for compared in gathered for verdict in _counted(run, compared)]
    order = {compared.round.reference.anywhere: place for place, compared in enumerate(gathered)}
    return Assessment(verdicts=sorted(told, key=lambda each: order[each.cell.anywhere]), complete=complete)


def _pairs(run: Run, trials: Sequence[Trial], gathered: Sequence[Compared]) -> dict[Key, Pairs]:
    found: dict[Key, Pairs] = {}
    for compared in gathered:
        arms = {evidence.cell.environment: evidence for evidence in compared.evidence}
        cell = arms[CANDIDATE].cell
        for figure in MEASURED:
            sides = {name: figure.of(arm) for name, arm in arms.items()}
            rule = Rule(margin=run.settings.margin, worse=figure.worse, cap=run.settings.blocks)
            found |= _paired(cell, figure.name, sides, rule, decides=figure.decides)
        imports = {name: import_s_by_block(trials, arm.cell) for name, arm in arms.items()}
        rule = Rule(margin=run.settings.margin, cap=run.settings.blocks)
        found |= _paired(cell, IMPORT, imports, rule, decides=False)
    return found


def _paired(cell: Cell, name: str, sides: Mapping[str, ByBlock], rule: Rule, *, decides: bool) -> dict[Key, Pairs]:
    """The pairs of one figure; none where a side does not have it."""
    baseline, candidate, clone = (sides[arm] for arm in (BASELINE, CANDIDATE, CLONE))
    if not baseline or not candidate:
        return {}
    blocks = max(*baseline, *candidate) + 1
    pairs = Pairs(
        ratios=log_ratios(candidate, baseline, blocks),
        same=log_ratios(clone, baseline, blocks),
        rule=rule,
        decides=decides,
        baseline=median(baseline.values()),
        candidate=median(candidate.values()),
    )
    return {(cell, name): pairs}


Judged = dict[Key, tuple[Found, Found | None]]
"""The screening's verdict, and the confirmation's where there was something to confirm."""


def _measured(pairs: Mapping[Key, Pairs], blocks: int, *, cap: int, ended: bool) -> tuple[Judged, bool]:
    screened_at = _screened_at(pairs, blocks, cap)
    if screened_at is None and not ended:
        return {key: (_judged(each, blocks, cap), None) for key, each in pairs.items()}, False
    last = screened_at or blocks
    screened = {key: _judged(each, last, last) for key, each in pairs.items()}
    flagged = to_confirm(screened)
    fresh = blocks - last
    confirm_cap = fresh if ended and fresh else cap
    again = confirm(flagged, {key: pairs[key].ratios[last:] for key in flagged}, confirm_cap)
    complete = may_stop([found.outcome for found in again.values()], fresh, cap) if flagged else True
    return {key: (found, again.get(key)) for key, found in screened.items()}, complete


def _screened_at(pairs: Mapping[Key, Pairs], blocks: int, cap: int) -> int | None:
    """The first look at which all that decides is decided, or the last look; None before either."""
    deciding = [each for each in pairs.values() if each.decides]
    for look in looks(cap):
        if look > blocks:
            return None
        if look == cap or all(_judged(each, look, cap).outcome != "undecided" for each in deciding):
            return look
    return None


def _judged(pairs: Pairs, blocks: int, cap: int) -> Found:
    rule = Rule(margin=pairs.rule.margin, worse=pairs.rule.worse, cap=max(cap, 1))
    return judge_pairs(pairs.ratios[:blocks], pairs.same[:blocks], rule)


def _told(key: Key, pairs: Pairs, screened: Found, again: Found | None) -> Verdict:
    found = screened if again is None or not again.pairs else again
    outcome, confirmed = screened.outcome, None
    if again is not None:
        confirmed = again.outcome == "regressed"
        outcome = "undecided" if again.outcome == "undecided" else again.outcome
    return Verdict(
        cell=key[0],
        metric=key[1],
        baseline=pairs.baseline,
        candidate=pairs.candidate,
        ratio=found.ratio,
        margin=found.margin,
        asked_margin=pairs.rule.margin,
        minimum_detectable_effect=screened.minimum_detectable_effect,
        gamma=found.rule.gamma,
        verdict=outcome,
        real=found.real,
        blocks=screened.blocks + (again.blocks if again is not None else 0),
        pairs=screened.pairs + (again.pairs if again is not None else 0),
        confirmed=confirmed,
        warnings=list(screened.warnings),
    )


def _counted(run: Run, compared: Compared) -> list[Verdict]:
    """Verdicts on exact figures; bytes of tensors have the margin too, counts do not."""
    arms = {evidence.cell.environment: evidence for evidence in compared.evidence}
    sides = (arms[BASELINE].counts, arms[CANDIDATE].counts)
    if not all(sides):
        return []
    cell = arms[CANDIDATE].cell
    found = [_exact(cell, name, sides) for name in COUNTED]
    return [each for each in (*found, _tensor_bytes(cell, sides, run.settings.margin)) if each is not None]


def _exact(cell: Cell, name: str, sides: tuple[Sequence[Counters], Sequence[Counters]]) -> Verdict | None:
    baseline, candidate = (count(side[0], name) for side in sides)
    if baseline is None or candidate is None:
        return None
    repeated = all(count(side[0], name) == count(side[-1], name) and len(side) > 1 for side in sides)
    outcome = exact_verdict(baseline, candidate, repeated=repeated)
    return Verdict(
        cell=cell,
        metric=name,
        baseline=baseline,
        candidate=candidate,
        verdict=outcome,
        real=repeated and candidate != baseline,
    )


def _tensor_bytes(cell: Cell, sides: tuple[Sequence[Counters], Sequence[Counters]], margin: float) -> Verdict | None:
    found = _exact(cell, TENSOR_BYTES, sides)
    if found is None or found.verdict != "regressed" or found.baseline is None or found.candidate is None:
        return found
    below = found.candidate < found.baseline * (1 + margin)
    return found.model_copy(update={"margin": margin, "verdict": "not-regressed" if below else "regressed"})
