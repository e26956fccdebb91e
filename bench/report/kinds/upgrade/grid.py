"""The compact table of verdicts: a row a cell, by how much each figure changed, and the worst verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analyse.verdicts.metrics import GROUPS, is_blocking
from bench.records.metrics import OVER, metrics_of
from bench.report.document.blocks import Table, table
from bench.report.document.columns import NO_DIFFERENCE, NOTHING
from bench.report.document.metrics import difference
from bench.report.document.numbers import ratio
from bench.report.document.text import Toned
from bench.report.document.verdict_tables import KEYS, WORDS
from bench.report.kinds.compare.tables import ORDER, label

if TYPE_CHECKING:
    from bench.records.schema import Cell, Summary, Verdict
    from bench.report.document.text import Tone

SAME = Toned("same", "quiet")
TONES: dict[str, Tone] = {"regressed": "bad", "improved": "good", "undecided": "open"}
"""Of verdicts that stand out."""
NOT_JUDGED = Toned("not judged", "open")
DROPPED_FIRST = tuple(
    key
    for metric in metrics_of("samples_per_second", "import_s", "startup_s", "c_calls")
    for key in (metric.key, metric.key + OVER)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A verdict, whether the exit code is 1 for it, and whether 3."""

    verdict: Verdict
    watched: bool
    awaited: bool


def grid(summary: Summary) -> Table | None:
    """Return the table of a check; None where nothing was judged."""
    fail_on = summary.run.settings.fail_on
    return of_verdicts(
        [
            Watched(
                verdict=verdict, watched=GROUPS[verdict.metric] in fail_on, awaited=is_blocking(verdict.metric, fail_on)
            )
            for verdict in summary.verdicts
        ]
    )


def of_verdicts(judged: Sequence[Watched]) -> Table | None:
    """Return the table of all figures that are watched or have changed; None where nothing was judged."""
    cells = list(dict.fromkeys(watched.verdict.cell for watched in judged))
    if not cells:
        return None
    metrics = _metrics(judged)
    keys = _keys(cells)
    by_key = {(watched.verdict.cell, watched.verdict.metric): watched.verdict for watched in judged}
    rows = (
        (
            *(words(cell) for words in keys.values()),
            *(_change(by_key.get((cell, metric))) for metric in metrics),
            _worst([watched for watched in judged if watched.verdict.cell == cell]),
        )
        for cell in cells
    )
    headers = (*keys, *map(label, metrics), "verdict")
    return table(headers, rows, names=len(keys), droppable=_droppable(judged))


def _keys(cells: Sequence[Cell]) -> dict[str, Callable[[Cell], str]]:
    """What tells these cells apart: the runner always, and the batch size where it is no script's own."""
    return {
        head: words
        for head, words in KEYS.items()
        if (head in ("batch", "runner") and any(map(words, cells))) or len({words(cell) for cell in cells}) > 1
    }


def _metrics(judged: Sequence[Watched]) -> list[str]:
    keys = [watched.verdict.metric for watched in judged if watched.watched or _is_news(watched.verdict)]
    return list(dict.fromkeys(keys))


def _is_news(verdict: Verdict) -> bool:
    return verdict.verdict in ("regressed", "improved")


def _droppable(judged: Sequence[Watched]) -> tuple[str, ...]:
    shown = _metrics(judged)
    watched = {row.verdict.metric for row in judged if row.watched}
    first = [metric for metric in DROPPED_FIRST if metric in shown]
    others = [metric for metric in shown if metric not in watched and metric not in first]
    return tuple(map(label, [*first, *others]))


def _change(verdict: Verdict | None) -> str:
    """`1.08 [1.05, 1.11]`, `~`, `+1` or `same`."""
    if verdict is None or verdict.baseline is None or verdict.candidate is None:
        return NOTHING
    if verdict.ratio is not None:
        return ratio(verdict.ratio) if verdict.real or verdict.ratio.low is None else NO_DIFFERENCE
    delta = verdict.candidate - verdict.baseline
    return difference(verdict.metric, delta) if delta else SAME


def _worst(judged: Sequence[Watched]) -> str:
    """The worst of what the exit code depends on; of the rest, only what regressed is told."""
    outcomes = [
        watched.verdict.verdict
        for watched in judged
        if watched.watched and (watched.awaited or watched.verdict.verdict != "undecided")
    ]
    worst = min(outcomes, key=ORDER.index, default=None)
    others = any(watched.verdict.verdict == "regressed" for watched in judged if not watched.watched)
    word = NOT_JUDGED if worst is None else WORDS[worst].lower()
    if others and worst != "regressed":
        return Toned(f"{word}, others regressed", "open")
    return Toned(word, TONES[worst]) if worst in TONES else word
