"""The report of a history: where the cost of a loop changed, release by release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.attribution import sentence
from bench.records.metrics import Metric, chosen
from bench.report.charts import FOLDER
from bench.report.document import bridges, machine, numbers, steadiness
from bench.report.document.environment import machine_and_packages
from bench.report.document.groups import hardware
from bench.report.document.metrics import difference, figure, more
from bench.report.document.parts import Paragraph
from bench.report.document.text import code, escape, folded, listed, plural, table
from bench.report.document.verdict_tables import rows_of
from bench.report.kinds.run import sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Cell, CellSummary, ReleaseFigures, Summary

FRAMEWORKS = ("transformers", "accelerate", "pytorch-lightning", "lightning")
TOLD = chosen("syncs", "ops", "python_calls", "tensor_bytes")
ATTRIBUTED = chosen("syncs", "ops", "python_calls")
SHOWN = chosen("python_calls", "c_calls", "ops", "syncs", "tensor_bytes")
"""What the table has of every release."""
BESIDE = "What else is another version than today, because a release needs it"
ORIGINS = "Which functions do more or less than with the release before"
HEADERS = ["release", "ratio", "", *(each.header for each in SHOWN)]


def report(summary: Summary, folder: str) -> str:
    """Write the whole report; the same summary always gives the same text."""
    del folder  # a history is repeated by its command, not by its folder
    parts = [
        f"# {escape(title(summary))}",
        escape(setting(summary)),
        *bridges.bold(summary.run),
        "## Where it changed",
    ]
    for series in series_of(summary):
        parts += [f"**{escape(title_of(series))}**", _bullets(changes(summary, series))]
    for index, series in enumerate(series_of(summary)):
        parts += [
            f"## Every release: {escape(title_of(series))}",
            *_image(summary, series, index),
            _table(summary, series),
            *_origins(summary, series),
        ]
    parts += [
        *_unusable(summary),
        *machine.section(summary),
        folded(BESIDE, _bullets(beside(summary))),
        folded("How to read this report", "\n".join(HOW_TO_READ)),
        "## How to repeat it",
        code(summary.run.command),
        folded("Machine and packages", machine_and_packages(summary)),
    ]
    return "\n\n".join(parts) + "\n"


def _image(summary: Summary, series: Sequence[ReleaseFigures], index: int) -> list[str]:
    if summary.no_charts is not None:
        return []
    shown = f"Step time and counters of every release, {escape(title_of(series))}."
    return [f"![{shown}]({FOLDER}/{chart_file(index)})"]


HOW_TO_READ = (
    "- **ratio**: step time with this release over that of the hand-written loop with the packages of today, from "
    "pairs measured one right after the other; with its 95 % interval.",
    "- **new level**: the ratio is on another level from this release on, found by circular binary segmentation with "
    "a permutation test at 1 %; the figure is the new level over the old one.",
    "- **Python calls, C calls, ops, syncs, tensor kB**: exact counts of one steady step, in brackets what is more or "
    "less than with the release before.",
)


def paragraphs(summary: Summary) -> list[Paragraph]:
    """Write the answer as plain text: the report's first lines."""
    told = [
        Paragraph(lead=title_of(each), lines=tuple(changes(summary, each)), answers=True) for each in series_of(summary)
    ]
    return [Paragraph(lead=setting(summary)), *told, *(Paragraph(lead=each) for each in sentences.failures(summary))]


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
    for each in summary.releases:
        found.setdefault((each.cell.anywhere, each.cell.runner), []).append(each)
    return list(found.values())


def title(summary: Summary) -> str:
    """The question that the report answers."""
    return f"{package(summary)}: what did every release cost?"


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
        f"of {package(summary)} beside the hand-written loop, {done}; torch {summary.packages.get('torch', 'unknown')} "
        "in all of them."
    )
    return steadiness.after(told, summary)


def changes(summary: Summary, series: Sequence[ReleaseFigures]) -> list[str]:
    """One sentence for each release with a new level of step time, or another number of syncs or ops."""
    told = [line for each in series if (line := _change(summary, each))]
    return told or ["No release changed the step time beyond noise, or the number of ops and syncs."]


def _change(summary: Summary, each: ReleaseFigures) -> str:
    parts = []
    if each.change is not None:
        parts.append(f"a new level of step time, {numbers.signed(100 * (each.change - 1), 0)} %")
    counted = [more(told.key, each.more[told.key]) for told in TOLD if each.more.get(told.key)]
    if not parts and not {"syncs", "ops"} & set(each.more):
        return ""
    told = f"{package(summary)} {each.cell.environment}: {', '.join([*parts, *counted])}{_also_moved(summary, each)}."
    origins = [_origin(summary, each.cell, counter) for counter in ("syncs", "ops") if counter in each.more]
    if each.change is not None and not any(origins):
        origins = [_origin(summary, each.cell, "python_calls")]
    return " ".join([told, *filter(None, origins)])


def _also_moved(summary: Summary, each: ReleaseFigures) -> str:
    """Name the other frameworks that are not what they were beside the release before: theirs may be the change."""
    environments = summary.run.settings.environments[1:]
    place = next(index for index, known in enumerate(environments) if known.name == each.cell.environment)
    if not place:
        return ""
    before, now = environments[place - 1].packages, environments[place].packages
    names = [name for name in FRAMEWORKS if name != package(summary) and before.get(name) != now.get(name)]
    told = [f"{name} {before.get(name, 'absent')} \N{RIGHTWARDS ARROW} {now.get(name, 'absent')}" for name in names]
    return f" (beside it {listed(told)}, because this release allows it)" if told else ""


def _origin(summary: Summary, cell: Cell, counter: str) -> str:
    found = rows_of(summary, cell, counter)
    return sentence(found, counter, files=2) if found else ""


def title_of(series: Sequence[ReleaseFigures]) -> str:
    """What all releases of a series were run with."""
    cell = series[0].cell
    batch = f", batch {cell.batch_size:,}" if cell.batch_size else ""
    return f"{cell.runner}, {cell.workload} on {cell.device}{batch}"


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)


def _table(summary: Summary, series: Sequence[ReleaseFigures]) -> str:
    notes = missing(summary, series)
    return "\n\n".join([table(HEADERS, rows(summary, series), names=1), *([_bullets(notes)] if notes else [])])


def rows(summary: Summary, series: Sequence[ReleaseFigures]) -> list[list[str]]:
    """A row of text for each release, in the order of `HEADERS`."""
    cells = {cell.cell: cell for cell in summary.cells}
    return [row(each, cells[each.cell]) for each in series]


def missing(summary: Summary, series: Sequence[ReleaseFigures]) -> list[str]:
    """Why a release has no ratio."""
    return [f"{each.cell.environment}: {each.reason}" for each in series if each.reason and _is_timed(summary)]


def row(each: ReleaseFigures, cell: CellSummary) -> list[str]:
    """Write what a release costs, under `HEADERS`."""
    counted = [_count(cell, each, shown) for shown in SHOWN]
    level = "" if each.change is None else f"new level, {numbers.signed(100 * (each.change - 1), 0)} %"
    ratio = "-" if each.ratio is None else numbers.ratio(each.ratio)
    return [each.cell.environment, ratio, level, *counted]


def _count(cell: CellSummary, each: ReleaseFigures, metric: Metric) -> str:
    """`882 (+14)`; the unit is in the header."""
    value, delta, unit = metric.value(cell), each.more.get(metric.key), f" {metric.unit.shown}"
    if value is None:
        return "-"
    shown = figure(metric.key, value).removesuffix(unit)
    return f"{shown} ({difference(metric.key, delta).removesuffix(unit)})" if delta else shown


def beside(summary: Summary) -> list[str]:
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


def _origins(summary: Summary, series: Sequence[ReleaseFigures]) -> list[str]:
    lines = origins(summary, series)
    return [folded(ORIGINS, _bullets(lines))] if lines else []


def unusable(summary: Summary) -> list[str]:
    """Which releases could not be used, and why."""
    return [f"{version}: {why}" for version, why in summary.run.settings.unusable.items()]


def _unusable(summary: Summary) -> list[str]:
    found = unusable(summary)
    return ["## Releases that cannot be used here", _bullets(found)] if found else []
