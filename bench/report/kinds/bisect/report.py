"""The report of a bisection: the release that moved the metric, and every release that was looked at."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from bench.analyse.cells.attribution import sentence
from bench.analyse.releases.probes import cell_of, sought
from bench.plan.bisect import STEP_TIME, figure_of
from bench.plan.upgrade import changed
from bench.report.document import blocks, bridges, machine, numbers, steadiness
from bench.report.document.blocks import Paragraph, Row, Table, bullets, section
from bench.report.document.environment import how_to_repeat
from bench.report.document.glossary import how_to_read, of_device
from bench.report.document.groups import hardware
from bench.report.document.inconclusive import ruled_out
from bench.report.document.metrics import figure
from bench.report.document.text import About, Toned, listed, plural
from bench.report.document.verdict_tables import WORDS, counted, measured, ratio, rows_of
from bench.report.kinds.bisect.sentences import (
    answer,
    describe_transition,
    environment,
    metric,
    name,
    package,
    timed,
    usable_probes,
    value,
)

if TYPE_CHECKING:
    from bench.records.schema import Probe, Run, Summary, Transition
    from bench.report.document.blocks import Block, Document, Section

UNDECIDED = Toned("undecided", "open")
AROUND = "Skipped (cannot be used here):"
MOVES = "Every change between releases"
HOW_TO_READ = (
    "A release is **like the first end** or **like the last end** by which of their values its own is nearer to. "
    "The release that is named is the one where this changes. There may be other changes: every tested release is in "
    "the table, `--all` finds every change between the ends, and `python -m bench.history` tests all releases.",
    "What is **counted** repeats exactly and needs no quiet machine. The two neighbours of the move were counted "
    "twice, in fresh interpreters.",
    "A **step time** is judged by its ratio to both ends, measured in the same blocks; one that cannot be assigned "
    "to either end is undecided, and ends the search.",
    "All packages but the one that is bisected are what they are in this environment, except for what a release "
    "itself requires.",
)


def document(summary: Summary, folder: str) -> Document:
    """Say everything."""
    del folder  # a bisection is repeated by its command, not by its folder
    return blocks.document(
        f"{_ends(summary)}: which release moved the {name(summary)}?",
        Paragraph(answer(summary), strong=True, role="answer"),
        Paragraph(setting(summary), role="setting"),
        bridges.bold(summary.run),
        bullets(further_sentences(summary), role="answer"),
        _all_moves(summary),
        section("Tested releases", looked_at(summary), _stepped_around(summary)),
        _side_by_side(summary),
        machine.sections(summary),
        how_to_read((*HOW_TO_READ, *of_device(summary.run.settings))),
        how_to_repeat(summary),
    )


def one_line(summary: Summary) -> str:
    """What was bisected, and where the metric moved, for a list of runs."""
    return f"{_ends(summary)}, {name(summary)}: {answer(summary)}"


def progress_line(run: Run, probe: Probe) -> str:
    """One line of progress: what a release that was just looked at has."""
    if probe.status != "ok":
        return f"{probe.release}: skipped, {probe.reason}"
    value = figure(figure_of(sought(run).metric).key, probe.value)
    beside = "" if probe.ratio is None else f", {numbers.ratio(probe.ratio)} of the first end's"
    like = {"first": ", like the first end", "last": ", like the last end", "undecided": ", undecided", None: ""}
    return f"{probe.release}: {value}{beside}{like[probe.like]}"


def further_sentences(summary: Summary) -> list[str]:
    """What else is to be said of the answer, one sentence each."""
    lines = [_both_ends(summary)]
    if not summary.moves or summary.moves[0].untested:
        return [line for line in lines if line]
    transition = summary.moves[0]
    lines += [
        _calls(summary, transition),
        *_step_time(summary),
        _equivalence(transition),
        *_beside(summary, transition),
    ]
    return [line for line in [*lines, _others(summary)] if line]


def _both_ends(summary: Summary) -> str:
    usable = usable_probes(summary)
    if not summary.moves:
        unseen = "A change that was later undone is not found; python -m bench.history tests all releases."
        return unseen if len(usable) > 1 else ""
    first, last = usable[0], usable[-1]
    beside = "" if last.ratio is None else f", ratio {numbers.ratio(last.ratio)}"
    return (
        f"The ends: {name(summary)} {value(summary, first)} with {first.release}, "
        f"{value(summary, last)} with {last.release}{beside}."
    )


def _calls(summary: Summary, transition: Transition) -> str:
    """By which functions the Python calls differ, unless that is the answer itself."""
    if metric(summary) == "python_calls":
        return ""
    rows = rows_of(summary, cell_of(summary.run, transition.newer), "python_calls")
    return f"Between the two: {sentence(rows, 'python_calls', files=3)}" if rows else "Their Python calls are the same."


def _step_time(summary: Summary) -> list[str]:
    """What the neighbours' step times say side by side, and how far that may be relied on."""
    verdict = timed(summary)
    if verdict is None:
        return []
    confirmed = {True: ", confirmed on fresh blocks", False: ", not found again on fresh blocks", None: ""}
    step_time = f"step time {WORDS[verdict.verdict]}, ratio {ratio(verdict)}{confirmed[verdict.confirmed]}"
    parts = [f"Timed side by side: {step_time}", plural(verdict.pairs, "pair"), ruled_out(verdict)]
    sentence = ", ".join(part for part in parts if part)
    return [f"{sentence}.", *(f"Warning: {doubt}." for doubt in verdict.warnings)]


def _equivalence(transition: Transition) -> str:
    if transition.equivalence is None or transition.equivalence.proven:
        return ""
    return f"They are not proven to do the same arithmetic: {transition.equivalence.detail}."


def _beside(summary: Summary, transition: Transition) -> list[str]:
    """Which other packages differ between the two, since the move may be theirs."""
    sides = [environment(summary, release) for release in (transition.older, transition.newer)]
    others = [
        f"{other} {old or 'absent'} → {new or 'absent'}"
        for other, (old, new) in changed(*sides).items()
        if other != package(summary)
    ]
    names = listed(others)
    sentence = f"Other packages differ too, because the releases require it, and the move may be theirs: {names}."
    return [sentence] if others else []


def _others(summary: Summary) -> str:
    """Which more moves the table shows; a step time has an end it is like, which moves once."""
    if metric(summary) == STEP_TIME or len(summary.moves) > 1:
        return ""
    transition, probes = summary.moves[0], usable_probes(summary)
    unlike = [(a, b) for a, b in pairwise(probes) if a.value != b.value and b.release != transition.newer]
    if not unlike:
        return ""
    steps = [f"{value(summary, a)} → {value(summary, b)} after {a.release} up to {b.release}" for a, b in unlike]
    return f"It is not the only change: {listed(steps)}. --all finds their releases."


def _ends(summary: Summary) -> str:
    releases = sought(summary.run).releases
    return f"{package(summary)} {releases[0].version} → {releases[-1].version}"


def setting(summary: Summary) -> str:
    """Say what was followed, through how many releases, when and on what."""
    settings = summary.run.settings
    of, runner = settings.comparisons[0], settings.runners[0]
    machine = listed(hardware(summary))
    sentence = (
        f"Followed {runner}{of.at_batch}{of.of_place} through "
        f"{plural(len(sought(summary.run).releases), 'release')}, of which {len(summary.probes)} were looked at, on "
        f"{summary.run.started_at:%Y-%m-%d} on {machine}."
    )
    return steadiness.after(sentence, summary)


def _all_moves(summary: Summary) -> Section | None:
    """A sentence for each move, in the order of the releases, where there are several."""
    if len(summary.moves) < 2:
        return None
    order = {probe.release: place for place, probe in enumerate(summary.probes)}
    moves = sorted(summary.moves, key=lambda transition: order[transition.newer])
    return section(f"{MOVES} ({len(moves)})", bullets(describe_transition(summary, transition) for transition in moves))


def looked_at(summary: Summary) -> Table:
    """What was seen of each release; they are sorted by their place, since 4.9 comes before 4.10."""
    timing = ["ratio to the first end"] if metric(summary) == STEP_TIME else []
    headers = ("release", "released", "", name(summary), *timing)
    rows = (_row(summary, place, probe)[: len(headers)] for place, probe in enumerate(summary.probes))
    return Table(
        headers=headers,
        rows=tuple(Row(texts=tuple(t for t, _ in row), values=tuple(v for _, v in row)) for row in rows),
        names=3,
        spoken={2: "what it is like"},
        droppable=("released",),
    )


def _row(summary: Summary, place: int, probe: Probe) -> list[tuple[str, float | None]]:
    """What is told of a release, and the figures by which that is sorted."""
    return [
        (probe.release, place),
        (f"{probe.uploaded:%Y-%m-%d}" if probe.uploaded else "", None),
        (_remark(summary, probe), None),
        (value(summary, probe) if probe.value is not None else "", probe.value),
        ("", None) if probe.ratio is None else (numbers.ratio(probe.ratio), probe.ratio.value),
    ]


def _remark(summary: Summary, probe: Probe) -> str:
    if probe.status != "ok":
        return "skipped"
    moved = [
        transition for transition in summary.moves if transition.newer == probe.release and not transition.untested
    ]
    like = {"first": "like the first end", "last": "like the last end", "undecided": UNDECIDED, None: "not timed"}
    if moved:
        return f"moved here, {like[probe.like]}" if not moved[0].between else f"moved after {moved[0].older}"
    return like[probe.like]


def _stepped_around(summary: Summary) -> list[Block | None]:
    """Which releases cannot be used here, and why."""
    lines = [About(probe.release, f": {probe.reason or ''}") for probe in summary.probes if probe.status != "ok"]
    return [Paragraph(AROUND, role="answer"), bullets(lines, role="answer")] if lines else []


def _side_by_side(summary: Summary) -> Section | None:
    if not summary.verdicts:
        return None
    transition = summary.moves[0]
    neighbours = f"Baseline: {package(summary)} {transition.older}. Candidate: {package(summary)} {transition.newer}."
    tables = (measured(summary), counted(summary, "the release before"))
    return section("The two neighbours side by side", Paragraph(neighbours), *tables)
