"""The answer of a bisection in sentences: which release moved the metric, by how much, and where in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.attribution import places
from bench.analyse.releases.probes import cell_of, sought
from bench.plan.bisect import STEP_TIME, figure_of
from bench.report.document import numbers
from bench.report.document.inconclusive import more_than
from bench.report.document.metrics import figure
from bench.report.document.text import listed, plural
from bench.report.document.verdict_tables import rows_of

if TYPE_CHECKING:
    from bench.records.schema import Environment, Probe, Summary, Transition, Verdict


def answer(summary: Summary) -> str:
    """Say in one sentence which release moved the metric; of several moves, the largest."""
    if summary.moves:
        return describe_transition(summary, summary.moves[0])
    usable = usable_probes(summary)
    if len(usable) < 2:
        return f"Inconclusive: {_few(summary, len(usable))}."
    first, last = usable[0], usable[-1]
    ends = f"{package(summary)} {first.release} and {last.release}"
    if last.like is None:
        return f"Inconclusive: the search ended before {ends} were compared."
    if last.like == "undecided":
        limit = "" if last.rules_out is None else f"; they rule out {more_than(last.rules_out)}"
        blocks = plural(last.blocks, "block")
        return f"Inconclusive: {blocks} could not show whether {ends} differ in {name(summary)}{limit}."
    if metric(summary) == STEP_TIME:
        margin = numbers.percent(summary.run.settings.margin_of_time)
        return f"{capital(name(summary))} did not move by {margin} between {ends}{_ratio(last)}."
    return f"{capital(name(summary))} did not move: {value(summary, first)} per step with {ends}."


def describe_transition(summary: Summary, transition: Transition) -> str:
    """Say what the newer of two releases does more than the older, where, and what is still open about it."""
    if transition.untested:
        ends = f"{package(summary)} {transition.older} and {transition.newer}"
        return f"Not narrowed down: {name(summary)} changed somewhere between {ends}; {_why(summary, transition)}."
    difference, interval = _difference(summary, transition)
    newer = f"{package(summary)} {transition.newer} {difference} than {transition.older}{interval}"
    return f"{newer}{_where(summary, transition)}{_open(summary, transition)}."


def metric(summary: Summary) -> str:
    """What the run looks for."""
    return sought(summary.run).metric


def package(summary: Summary) -> str:
    """Whose releases they are."""
    return summary.run.settings.package or "?"


def name(summary: Summary) -> str:
    """The metric as people call it."""
    return figure_of(metric(summary)).name


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def value(summary: Summary, probe: Probe) -> str:
    """What was counted or timed of a release, with its unit."""
    return figure(figure_of(metric(summary)).key, probe.value)


def usable_probes(summary: Summary) -> list[Probe]:
    """The releases that have a value."""
    return [probe for probe in summary.probes if probe.status == "ok"]


def environment(summary: Summary, release: str) -> Environment:
    """Where a release was run."""
    return next(environment for environment in summary.run.settings.environments if environment.name == release)


def timed(summary: Summary) -> Verdict | None:
    """What the comparison of the two neighbours says of their step time; None where there was none."""
    return next((verdict for verdict in summary.verdicts if verdict.metric == "step_time_us"), None)


def is_timed_apart(summary: Summary) -> bool:
    """Whether the comparison of the two neighbours calls either faster, or there was none."""
    verdict = timed(summary)
    return verdict is None or verdict.verdict in ("regressed", "improved")


def _why(summary: Summary, transition: Transition) -> str:
    """Why a search did not go on."""
    undecided = [probe for probe in summary.probes if probe.like == "undecided"]
    if undecided:
        first = undecided[0]
        return f"{first.release} could not be classified after {plural(first.blocks, 'block')}; raise --blocks"
    were = "was" if transition.untested == 1 else "were"
    return f"{plural(transition.untested, 'release')} between them {were} not tested"


def _few(summary: Summary, usable: int) -> str:
    releases = len(sought(summary.run).releases)
    return f"{usable or 'none'} of {plural(releases, 'release')} can be used here, and a comparison needs two"


def _ratio(probe: Probe) -> str:
    return "" if probe.ratio is None else f" (ratio {numbers.ratio(probe.ratio)})"


def _difference(summary: Summary, transition: Transition) -> tuple[str, str]:
    """What the newer does more or less, and how sure that is."""
    if metric(summary) == STEP_TIME:
        return _longer(summary, transition)
    delta = round((transition.after or 0) - (transition.before or 0))
    more, plural_s = "more" if delta > 0 else "fewer", "" if abs(delta) == 1 else "s"
    return figure_of(metric(summary)).verb.format(n=f"{abs(delta):,}", more=more, s=plural_s), ""


def _longer(summary: Summary, transition: Transition) -> tuple[str, str]:
    verdict = timed(summary)
    if verdict is None or verdict.ratio is None:
        of_first = {probe.release: 1.0 if probe.ratio is None else probe.ratio.value for probe in summary.probes}
        ratio, interval = of_first[transition.newer] / of_first[transition.older], ""
    else:
        ratio, interval = verdict.ratio.value, f" (ratio {numbers.ratio(verdict.ratio)})"
    return f"needs {numbers.percent(abs(ratio - 1))} {'more' if ratio > 1 else 'less'} time per step", interval


def _where(summary: Summary, transition: Transition) -> str:
    rows = rows_of(summary, cell_of(summary.run, transition.newer), metric(summary))
    return f": {places(rows, files=3)}" if rows else ""


def _open(summary: Summary, transition: Transition) -> str:
    """What keeps a move from being the work of one release, or from being sure."""
    if transition.repeated is False:
        return "; but a second count differed, so this is uncertain"
    if metric(summary) == STEP_TIME and not is_timed_apart(summary):
        return "; but timed side by side, no difference is confirmed"
    if not transition.between:
        return ""
    undecided = {probe.release for probe in summary.probes if probe.like == "undecided"} & set(transition.between)
    why = "stayed undecided" if undecided == set(transition.between) else "cannot be used here"
    return (
        f"; which of the releases after {transition.older} did it is unknown, since {listed(transition.between)} {why}"
    )
