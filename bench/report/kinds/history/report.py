"""The report of a history: where the cost of a loop changed, release by release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.attribution import places, sentence
from bench.records.metrics import metrics_of
from bench.report.document import blocks, bridges, machine, numbers, steadiness
from bench.report.document.blocks import Figure, Flames, Paragraph, bullets, folded, paragraphs, section
from bench.report.document.environment import how_to_repeat
from bench.report.document.glossary import how_to_read
from bench.report.document.groups import hardware
from bench.report.document.metrics import more
from bench.report.document.text import About, listed, plural
from bench.report.document.verdict_tables import rows_of
from bench.report.kinds.history import table
from bench.report.kinds.run import sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import AttributionRow, ReleaseFigures, Summary
    from bench.report.document.blocks import Document, Section

FRAMEWORKS = ("transformers", "accelerate", "pytorch-lightning", "lightning")
COUNTERS = metrics_of("device_syncs", "syncs", "kernels", "ops", "python_calls", "tensor_bytes")
MIN_COMPARED = 2
"""Releases with figures, of which the later can have changed something."""
ATTRIBUTED = metrics_of("syncs", "ops", "python_calls")
BESIDE = "Other packages that differ from today's, because a release requires them"
ORIGINS = "Which functions do more or less than with the release before"


def document(summary: Summary, folder: str) -> Document:
    """Say everything."""
    del folder  # a history is repeated by its command, not by its folder
    all_series = series_of(summary)
    return blocks.document(
        f"{package(summary)}: what did every release cost?",
        Paragraph(setting(summary), role="setting"),
        bridges.bold(summary.run),
        _where(summary, all_series),
        [_every_release(summary, series, index) for index, series in enumerate(all_series)],
        section(ORIGINS, Flames(against="the release before")) if summary.attribution else None,
        _unusable(summary),
        machine.sections(summary),
        folded(BESIDE, bullets(other_versions(summary))),
        how_to_read(table.how_to_read(summary, _loop(summary))),
        how_to_repeat(summary),
    )


def _where(summary: Summary, all_series: Sequence[Sequence[ReleaseFigures]]) -> Section:
    answers = (
        (
            Paragraph(title_of(series), strong=True, role="answer"),
            bullets(changes(summary, series), role="answer"),
        )
        for series in all_series
    )
    failures = paragraphs(sentences.failures(summary), role="note")
    return section("Where it changed", *answers, failures, answers=True)


def _every_release(summary: Summary, series: Sequence[ReleaseFigures], index: int) -> Section:
    title = title_of(series)
    what = "Step time and counters" if table.is_timed(summary) else "Counters"
    chart = Figure(file=chart_file(index), alt=f"{what} of every release, {title}.")
    return section(
        f"Every release: {title}",
        chart if summary.no_charts is None else None,
        table.of_series(summary, series),
        bullets(missing(summary, series)),
        folded(ORIGINS, bullets(origins(summary, series))),
    )


def one_line(summary: Summary) -> str:
    """What was looked at, and how often its cost changed, for a list of runs."""
    series = series_of(summary)
    phrases = [f"{title_of(own)}: {plural(sum(r.change is not None for r in own), 'new level')}" for own in series]
    return f"history of {package(summary)}, {plural(len(series[0]) if series else 0, 'release')}; {'; '.join(phrases)}"


def package(summary: Summary) -> str:
    """The package whose releases these are."""
    return summary.run.settings.package or "a package"


def series_of(summary: Summary) -> list[list[ReleaseFigures]]:
    """The releases of each runner and comparison, in their order."""
    by_loop: dict[tuple[object, str], list[ReleaseFigures]] = {}
    for release in summary.releases:
        by_loop.setdefault((release.cell.without_environment, release.cell.runner), []).append(release)
    return list(by_loop.values())


def _loop(summary: Summary) -> str:
    return "the hand-written loop" if summary.run.settings.scripts is None else "the same script"


def anchor(summary: Summary) -> str:
    """What every release is measured beside: of a script itself, so that its packages have to be said."""
    of_today = "" if summary.run.settings.scripts is None else " with the packages of today"
    return f"{_loop(summary)}{of_today}"


def _of_today(summary: Summary) -> str:
    """Which release a script has today: what each is held to."""
    version = summary.packages.get(package(summary))
    return "" if summary.run.settings.scripts is None or version is None else f" ({package(summary)} {version})"


def chart_file(index: int) -> str:
    """The name of the chart of one series."""
    return "history.svg" if index == 0 else f"history-{index + 1}.svg"


def setting(summary: Summary) -> str:
    """Say when and where it was made, and how much of it there is."""
    blocks = max((cell.blocks for cell in summary.cells), default=0)
    done = f"{blocks} pairs each" if blocks else "counted, not timed"
    releases = len(summary.run.settings.environments) - 1
    sentence = (
        f"Measured on {summary.run.started_at:%Y-%m-%d} on {listed(hardware(summary))}: {plural(releases, 'release')} "
        f"of {package(summary)} next to {anchor(summary)}{_of_today(summary)}, {done}; torch "
        f"{summary.packages.get('torch', 'unknown')} in all of them."
    )
    return steadiness.after(sentence, summary)


def changes(summary: Summary, series: Sequence[ReleaseFigures]) -> list[str]:
    """One sentence for each release that changed the arithmetic, the level of step time, or what is counted."""
    lines = [_change(summary, release) for release in series if table.is_change(release)]
    if lines:
        return lines
    known = table.known(summary, series)
    if len(known) < MIN_COMPARED:
        which = "only one release has" if known else "no release has"
        return [f"Nothing can be said of changes: {which} figures."]
    seen = [
        *(["the step time beyond noise"] if table.is_timed(summary) else []),
        *([f"the number of {counted}"] if (counted := table.counted(summary, series)) else []),
    ]
    if not seen:
        return ["Nothing can be said of changes: nothing was timed, and neither ops nor syncs were counted."]
    of_those = "" if len(known) == len(series) else f" of the {len(known):,} that have figures"
    return [f"No release{of_those} changed {', or '.join(seen)}."]


def _change(summary: Summary, release: ReleaseFigures) -> str:
    level = (
        "" if release.change is None else f"a new level of step time, {numbers.signed(100 * (release.change - 1), 0)} %"
    )
    origins = _origins(summary, release)
    counts = [
        f"{more(counter, delta)}{origins.get(counter, '')}"
        for counter, delta in ((metric.key, release.more.get(metric.key)) for metric in COUNTERS)
        if delta
    ]
    changes = "; ".join([*filter(None, [release.arithmetic, level]), *counts])
    return About(f"{package(summary)} {release.cell.environment}", f": {changes}{_also_moved(summary, release)}.")


def _also_moved(summary: Summary, release: ReleaseFigures) -> str:
    """Name the other frameworks that are not what they were beside the release before: theirs may be the change."""
    environments = summary.run.settings.environments[1:]
    place = next(index for index, known in enumerate(environments) if known.name == release.cell.environment)
    if not place:
        return ""
    before, now = environments[place - 1].packages, environments[place].packages
    names = [name for name in FRAMEWORKS if name != package(summary) and before.get(name) != now.get(name)]
    packages = [f"{name} {before.get(name, 'absent')} \N{RIGHTWARDS ARROW} {now.get(name, 'absent')}" for name in names]
    return f" (with {listed(packages)}, because this release allows it)" if packages else ""


def _origins(summary: Summary, release: ReleaseFigures) -> dict[str, str]:
    """By counter, where its difference comes from: of syncs and ops, and of calls where a new level has neither."""
    rows: dict[str, list[AttributionRow]] = {
        counter: rows_of(summary, release.cell, counter) for counter in ("syncs", "ops") if counter in release.more
    }
    if release.change is not None and not any(rows.values()):
        rows["python_calls"] = rows_of(summary, release.cell, "python_calls")
    return {counter: f": {places(functions, files=2)}" for counter, functions in rows.items() if functions}


def title_of(series: Sequence[ReleaseFigures]) -> str:
    """What all releases of a series were run with."""
    cell = series[0].cell
    return (
        f"{cell.runner}{cell.of_place}" if cell.is_script else f"{cell.runner}, {cell.place}, batch {cell.batch_size:,}"
    )


def missing(summary: Summary, series: Sequence[ReleaseFigures]) -> list[str]:
    """Why a release has no ratio, where there are ratios."""
    if not table.is_timed(summary):
        return []
    return [About(release.cell.environment, f": {release.reason}") for release in series if release.reason]


def other_versions(summary: Summary) -> list[str]:
    """What else is another version than today; releases with the same share a line."""
    alike: dict[str, list[str]] = {}
    for environment in summary.run.settings.environments[1:]:
        moved = (f"{name} {now}" for name, (_, now) in sorted(environment.moved.items()) if name != package(summary))
        alike.setdefault(", ".join(moved) or "nothing", []).append(environment.name)
    return [f"{listed(releases)}: {moved}" for moved, releases in alike.items()]


def origins(summary: Summary, series: Sequence[ReleaseFigures]) -> list[str]:
    """All that changed from one release to the next, function by function, a sentence a counter."""
    return [
        f"{release.cell.environment}: {sentence(functions, counter)}"
        for release in series
        for counter in (metric.key for metric in ATTRIBUTED)
        if counter in release.more and (functions := rows_of(summary, release.cell, counter))
    ]


def _unusable(summary: Summary) -> Section | None:
    """Which releases could not be used, and why."""
    reasons = [f"{version}: {why}" for version, why in summary.run.settings.unusable.items()]
    return section("Releases that cannot be used here", bullets(reasons)) if reasons else None
