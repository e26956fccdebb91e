"""Whether an environment is worse than another: verdicts on every figure of every cell.

Three arms are measured in each block: the baseline, the candidate, and a clone of the baseline, whose
difference from the baseline is nothing but noise. A screening looks until all that decides is decided;
what it calls regressed is judged once more, on fresh blocks and at a level that allows for how many
were flagged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median

from bench.analyse.cells.evidence import Evidence, GroupEvidence
from bench.analyse.cells.gather import gather
from bench.analyse.cells.seen import Seen
from bench.analyse.statistics.sequential import GAMMA, looks, may_stop, two_sided
from bench.analyse.statistics.signed_rank import Floats, blocks_needed
from bench.analyse.verdicts import exact
from bench.analyse.verdicts.metrics import IMPORT, MEASURED, Figure, import_s_by_block, is_blocking, rule_of
from bench.analyse.verdicts.verdict import Rule, by_number, confirm, to_confirm
from bench.analyse.verdicts.verdict import Verdict as Found
from bench.analyse.verdicts.verdict import judge as judge_pairs
from bench.plan.upgrade import ARMS
from bench.records.schema import Cell, Run, Verdict

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


def assess(run: Run, trials: Sequence[Seen], *, ended: bool) -> Assessment:
    """Judge every figure of every cell; `ended` says that no blocks will follow, decided or not."""
    gathered = gather(run, trials)
    blocks = 1 + max((trial.block for trial in trials if trial.phase == "timing"), default=-1)
    pairs = _pairs(run, trials, gathered, blocks)
    test = TwoStageTest(pairs=pairs, blocks=blocks, cap=run.settings.blocks, ended=ended)
    screened = test.screen()
    confirmed = test.confirm(screened)
    verdicts = [verdict_of(key, pairs[key], verdict, confirmed.get(key)) for key, verdict in screened.items()]
    for compared in gathered:
        baseline, candidate, _ = _arms(compared)
        if baseline.counts and candidate.counts:  # else its failed trials say why nothing is judged
            verdicts += exact.exact_verdicts(
                candidate.cell, baseline.counts, candidate.counts, margin=run.settings.margin
            )
    return Assessment(
        verdicts=sorted(verdicts, key=lambda verdict: _place(verdict.cell, gathered)),
        complete=test.is_complete(confirmed) or all(map(_is_hopeless, gathered)),
    )


def _arms(compared: GroupEvidence) -> list[Evidence]:
    """The evidence of baseline, candidate and clone."""
    arms = {evidence.cell.environment: evidence for evidence in compared.evidence}
    return [arms[name] for name in ARMS]


def _place(cell: Cell, gathered: Sequence[GroupEvidence]) -> int:
    """Where the plan has a cell."""
    return next(place for place, compared in enumerate(gathered) if cell in compared.group.cells)


def _is_hopeless(compared: GroupEvidence) -> bool:
    """Whether a side has failed so often that more blocks will bring no figures of it."""
    baseline, candidate, _ = _arms(compared)
    return any(
        not len(arm.timing_trials) and (arm.status == "missing" or len(arm.failed) >= ENOUGH_FAILURES)
        for arm in (baseline, candidate)
    )


def _pairs(run: Run, trials: Sequence[Seen], gathered: Sequence[GroupEvidence], blocks: int) -> dict[Key, Pairs]:
    settings = run.settings
    pairs: dict[Key, Pairs] = {}
    for compared in gathered:
        arms = _arms(compared)
        imports = [import_s_by_block(trials, arm.cell) for arm in arms]
        figures = [*MEASURED, Figure(metric=IMPORT, of=lambda arm: imports[arms.index(arm)])]  # noqa: B023
        for figure in figures:
            baseline, candidate, clone = arms
            levels = [figure.of(arm).values() for arm in (baseline, candidate)]
            if all(levels):
                pairs[candidate.cell, figure.metric.key] = Pairs(
                    ratios=by_number(figure.log_ratios(candidate, baseline), blocks),
                    same=by_number(figure.log_ratios(clone, baseline), blocks),
                    rule=rule_of(figure.metric, settings.margin, settings.margin_of_time, cap=settings.blocks),
                    decides=is_blocking(figure.metric.key, settings.fail_on),
                    baseline=median(levels[0]),
                    candidate=median(levels[1]),
                )
    return pairs


@dataclass(frozen=True, kw_only=True)
class TwoStageTest:
    """A screening of all figures, and on fresh blocks a confirmation of what it calls regressed."""

    pairs: Mapping[Key, Pairs]
    blocks: int
    """How many there are so far."""
    cap: int
    """How many the screening has at most."""
    ended: bool
    """Whether no more will follow."""

    @cached_property
    def screening_blocks(self) -> int | None:
        """How many the screening took, until all that decides was decided or it had no more; None while it goes on."""
        deciding = [pairs for pairs in self.pairs.values() if pairs.decides]
        due = [look for look in looks(self.cap) if look <= self.blocks]
        for look in due:
            if all(self._judge(pairs, look).outcome != "undecided" for pairs in deciding):
                return look
        if due == list(looks(self.cap)):
            return due[-1]
        return self.blocks if self.ended else None

    @property
    def fresh_blocks(self) -> int:
        """How many there are since the screening."""
        return self.blocks - (self.screening_blocks or self.blocks)

    def screen(self) -> dict[Key, Found]:
        """Judge every figure by the blocks of the screening."""
        blocks = self.screening_blocks
        if blocks is None:
            return {key: self._judge(pairs, self.blocks) for key, pairs in self.pairs.items()}
        return {key: self._settle(pairs, blocks) for key, pairs in self.pairs.items()}

    def confirm(self, screened: Mapping[Key, Found]) -> dict[Key, Found]:
        """Judge what the screening flags by the fresh blocks; nothing while the screening goes on."""
        if self.screening_blocks is None:
            return {}
        flagged = to_confirm(screened)
        ratios = {key: self.pairs[key].ratios[self.screening_blocks :] for key in flagged}
        no_more = self.ended and self.fresh_blocks
        return confirm(flagged, ratios, self.fresh_blocks if no_more else self._confirming_cap(len(flagged)))

    def is_complete(self, confirmed: Mapping[Key, Found]) -> bool:
        """Whether more blocks would change nothing."""
        if self.screening_blocks is None:
            return False
        if not confirmed:
            return True
        cap = self._confirming_cap(len(confirmed))
        deciding = [verdict.outcome for key, verdict in confirmed.items() if self.pairs[key].decides]
        return self.fresh_blocks >= looks(cap)[0] and may_stop(deciding, self.fresh_blocks, cap)

    def _confirming_cap(self, flagged: int) -> int:
        """At its stricter level a bound may need more pairs than a short screening has blocks."""
        return max(self.cap, blocks_needed(two_sided(GAMMA / max(flagged, 1))))

    def _judge(self, pairs: Pairs, blocks: int) -> Found:
        return judge_pairs(pairs.ratios[:blocks], pairs.same[:blocks], replace(pairs.rule, cap=self.cap))

    def _settle(self, pairs: Pairs, blocks: int) -> Found:
        """Judge by so many blocks, the last there are for it; only where no look has decided is this one the last."""
        verdict = self._judge(pairs, blocks)
        if verdict.outcome != "undecided":
            return verdict
        return judge_pairs(pairs.ratios[:blocks], pairs.same[:blocks], replace(pairs.rule, cap=blocks))


def verdict_of(key: Key, pairs: Pairs, screened: Found, again: Found | None) -> Verdict:
    """What is told of a figure: what fresh blocks say of it where it was flagged, else what the screening says."""
    decided = screened if again is None or not again.pairs else again
    doubts = [] if again is None else [f"on fresh blocks: {doubt}" for doubt in again.warnings]
    return Verdict(
        cell=key[0],
        metric=key[1],
        baseline=pairs.baseline,
        candidate=pairs.candidate,
        ratio=decided.ratio,
        margin=pairs.rule.margin,
        asked_margin=pairs.rule.margin,
        rules_out=decided.rules_out,
        minimum_detectable_effect=screened.minimum_detectable_effect,
        gamma=decided.rule.gamma,
        verdict=(again or screened).outcome,
        real=decided.real,
        blocks=screened.blocks + (again.blocks if again is not None else 0),
        pairs=screened.pairs + (again.pairs if again is not None else 0),
        confirmed=None if again is None else again.outcome == "regressed",
        warnings=[*screened.warnings, *doubts],
    )
