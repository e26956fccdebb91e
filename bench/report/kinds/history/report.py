"""The report of a history: where the cost of a loop changed, release by release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.attribution import places, sentence
from bench.records.metrics import Metric, metrics_of
from bench.report.document import blocks, bridges, machine, numbers, steadiness
from bench.report.document.blocks import Figure, Flames, Paragraph, Row, Table, bullets, folded, paragraphs, section
from bench.report.document.columns import NOTHING
from bench.report.document.environment import how_to_repeat
from bench.report.document.glossary import how_to_read
from bench.report.document.groups import hardware
from bench.report.document.metrics import difference, figure, more
from bench.report.document.text import About, listed, plural
from bench.report.document.verdict_tables import rows_of
from bench.report.kinds.run import sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import AttributionRow, CellSummary, ReleaseFigures, Summary
    from bench.report.document.blocks import Document, Section

FRAMEWORKS = ("transformers", "accelerate", "pytorch-lightning", "lightning")
TOLD = metrics_of("syncs", "ops", "python_calls", "tensor_bytes")
ATTRIBUTED = metrics_of("syncs", "ops", "python_calls")
SHOWN = metrics_of("python_calls", "c_calls", "ops", "syncs", "tensor_bytes")
"""What the table has of every release."""
BESIDE = "Other packages that differ from today's, because a release requires them"
ORIGINS = "Which functions do more or less than with the release before"
HEADERS = ["release", "ratio", "", *(each.header for each in SHOWN)]


def document(summary: Summary, folder: str) -> Document:
    """Say everything."""
    del folder  # a history is repeated by its command, not by its folder
    told = series_of(summary)
    return blocks.document(
        f"{package(summary)}: what did every release cost?",
        Paragraph(setting(summary), told="setting"),
        bridges.bold(summary.run),
        _where(summary, told),
        [_every_release(summary, series, index) for index, series in enumerate(told)],
        section(ORIGINS, Flames(against="the release before")) if summary.attribution else None,
        _unusable(summary),
        machine.sections(summary),
        folded(BESIDE, bullets(other_versions(summary))),
        how_to_read([entry.format(anchor=_loop(summary)) for entry in HOW_TO_READ]),
        how_to_repeat(summary),
    )


def _where(summary: Summary, told: Sequence[Sequence[ReleaseFigures]]) -> Section:
    answers = (
        (
            Paragraph(title_of(series), strong=True, told="answer"),
            bullets(changes(summary, series), told="answer"),
        )
        for series in told
    )
    failures = paragraphs(sentences.failures(summary), told="note")
    return section("Where it changed", *answers, failures, answers=True)


def _every_release(summary: Summary, series: Sequence[ReleaseFigures], index: int) -> Section:
    told = title_of(series)
    chart = Figure(file=chart_file(index), alt=f"Step time and counters of every release, {told}.")
    return section(
        f"Every release: {told}",
        chart if summary.no_charts is None else None,
        _table(summary, series),
        bullets(missing(summary, series)),
        folded(ORIGINS, bullets(origins(summary, series))),
    )


HOW_TO_READ = (
    "**ratio**: step time with this release over that of {anchor} with the packages of today, from pairs measured one "
    "right after the other; with its 95 % interval.",
    "**new level**: the ratio is on another level from this release on, found by circular binary segmentation with "
    "a permutation test at 1 %; the figure is the new level over the old one.",
    "**Python calls, C calls, ops, syncs, tensor kB**: exact counts of one steady step, in brackets what is more or "
    "less than with the release before.",
)


def one_line(summary: Summary) -> str:
    """What was looked at, and how often its cost changed, for a list of runs."""
    series = series_of(summary)
    told = [f"{title_of(each)}: {plural(sum(r.change is not None for r in each), 'new level')}" for each in series]
    return f"history of {package(summary)}, {plural(len(series[0]) if series else 0, 'release')}; {'; '.join(told)}"


def package(summary: Summary) -> str:
    """The package whose releases these are."""
    return summary.run.settings.package or "a package"


def series_of(summary: Summary) -> list[list[ReleaseFigures]]:
    """The releases of each runner and comparison, in their order."""
    found: dict[tuple[object, str], list[ReleaseFigures]] = {}
    for release in summary.releases:
        found.setdefault((release.cell.without_environment, release.cell.runner), []).append(release)
    return list(found.values())


def _loop(summary: Summary) -> str:
    return "the hand-written loop" if summary.run.settings.scripts is None else "the same script"


def anchor(summary: Summary) -> str:
    """What every release is measured beside: of a script itself, so that its packages have to be said."""
    of_today = "" if summary.run.settings.scripts is None else " with the packages of today"
    return f"{_loop(summary)}{of_today}"


def chart_file(index: int) -> str:
    """The name of the chart of one series."""
    return "history.svg" if index == 0 else f"history-{index + 1}.svg"


def setting(summary: Summary) -> str:
    """Say when and where it was made, and how much of it there is."""
    blocks = max((cell.blocks for cell in summary.cells), default=0)
    done = f"{blocks} pairs each" if blocks else "counted, not timed"
    releases = len(summary.run.settings.environments) - 1
    told = (
        f"Measured on {summary.run.started_at:%Y-%m-%d} on {listed(hardware(summary))}: {plural(releases, 'release')} "
        f"of {package(summary)} next to {anchor(summary)}, {done}; torch "
        f"{summary.packages.get('torch', 'unknown')} in all of them."
    )
    return steadiness.after(told, summary)


def changes(summary: Summary, series: Sequence[ReleaseFigures]) -> list[str]:
    """One sentence for each release with a new level of step time, or another number of syncs or ops."""
    told = [line for each in series if (line := _change(summary, each))]
    return told or ["No release changed the step time beyond noise, or the number of ops and syncs."]


def _change(summary: Summary, each: ReleaseFigures) -> str:
    if each.change is None and not {"syncs", "ops"} & set(each.more):
        return ""
    level = "" if each.change is None else f"a new level of step time, {numbers.signed(100 * (each.change - 1), 0)} %"
    origins = _origins(summary, each)
    counts = [
        f"{more(counter, delta)}{origins.get(counter, '')}"
        for counter, delta in ((metric.key, each.more.get(metric.key)) for metric in TOLD)
        if delta
    ]
    changes = "; ".join([*filter(None, [level]), *counts])
    return About(f"{package(summary)} {each.cell.environment}", f": {changes}{_also_moved(summary, each)}.")


def _also_moved(summary: Summary, each: ReleaseFigures) -> str:
    """Name the other frameworks that are not what they were beside the release before: theirs may be the change."""
    environments = summary.run.settings.environments[1:]
    place = next(index for index, known in enumerate(environments) if known.name == each.cell.environment)
    if not place:
        return ""
    before, now = environments[place - 1].packages, environments[place].packages
    names = [name for name in FRAMEWORKS if name != package(summary) and before.get(name) != now.get(name)]
    told = [f"{name} {before.get(name, 'absent')} \N{RIGHTWARDS ARROW} {now.get(name, 'absent')}" for name in names]
    return f" (with {listed(told)}, because this release allows it)" if told else ""


def _origins(summary: Summary, each: ReleaseFigures) -> dict[str, str]:
    """By counter, where its difference comes from: of syncs and ops, and of calls where a new level has neither."""
    rows: dict[str, list[AttributionRow]] = {
        counter: rows_of(summary, each.cell, counter) for counter in ("syncs", "ops") if counter in each.more
    }
    if each.change is not None and not any(rows.values()):
        rows["python_calls"] = rows_of(summary, each.cell, "python_calls")
    return {counter: f": {places(found, files=2)}" for counter, found in rows.items() if found}


def title_of(series: Sequence[ReleaseFigures]) -> str:
    """What all releases of a series were run with."""
    cell = series[0].cell
    return (
        f"{cell.runner}{cell.of_place}" if cell.is_script else f"{cell.runner}, {cell.place}, batch {cell.batch_size:,}"
    )


def _table(summary: Summary, series: Sequence[ReleaseFigures]) -> Table:
    """Releases are sorted by their place in the series, since 4.9 comes before 4.10."""
    cells = {cell.cell: cell for cell in summary.cells}
    rows = tuple(_row(place, each, cells[each.cell]) for place, each in enumerate(series))
    return Table(headers=tuple(HEADERS), rows=rows, names=1, spoken={2: "level"})


def _row(place: int, each: ReleaseFigures, cell: CellSummary) -> Row:
    ratio = None if each.ratio is None else each.ratio.value
    values = (place, ratio, each.change, *(shown.value(cell) for shown in SHOWN))
    return Row(texts=tuple(row(each, cell)), values=values)


def missing(summary: Summary, series: Sequence[ReleaseFigures]) -> list[str]:
    """Why a release has no ratio."""
    return [About(each.cell.environment, f": {each.reason}") for each in series if each.reason and _is_timed(summary)]


def row(each: ReleaseFigures, cell: CellSummary) -> list[str]:
    """Write what a release costs, under `HEADERS`."""
    counted = [_count(cell, each, shown) for shown in SHOWN]
    level = "" if each.change is None else f"new level, {numbers.signed(100 * (each.change - 1), 0)} %"
    ratio = NOTHING if each.ratio is None else numbers.ratio(each.ratio)
    return [each.cell.environment, ratio, level, *counted]


def _count(cell: CellSummary, each: ReleaseFigures, metric: Metric) -> str:
    """`882 (+14)`; the unit is in the header."""
    value, delta, unit = metric.value(cell), each.more.get(metric.key), f" {metric.unit.shown}"
    if value is None:
        return NOTHING
    shown = figure(metric.key, value).removesuffix(unit)
    return f"{shown} ({difference(metric.key, delta).removesuffix(unit)})" if delta else shown


def other_versions(summary: Summary) -> list[str]:
    """What else is another version than today; releases with the same share a line."""
    alike: dict[str, list[str]] = {}
    for environment in summary.run.settings.environments[1:]:
        moved = (f"{name} {now}" for name, (_, now) in sorted(environment.moved.items()) if name != package(summary))
        alike.setdefault(", ".join(moved) or "nothing", []).append(environment.name)
    return [f"{listed(releases)}: {moved}" for moved, releases in alike.items()]


def _is_timed(summary: Summary) -> bool:
    return "timing" in summary.run.settings.passes


def origins(summary: Summary, series: Sequence[ReleaseFigures]) -> list[str]:
    """All that changed from one release to the next, function by function, a sentence a counter."""
    return [
        f"{each.cell.environment}: {sentence(found, counter)}"
        for each in series
        for counter in (metric.key for metric in ATTRIBUTED)
        if counter in each.more and (found := rows_of(summary, each.cell, counter))
    ]


def _unusable(summary: Summary) -> Section | None:
    """Which releases could not be used, and why."""
    found = [f"{version}: {why}" for version, why in summary.run.settings.unusable.items()]
    return section("Releases that cannot be used here", bullets(found)) if found else None
