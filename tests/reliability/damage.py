"""A run folder whose files are damaged, and the promise of whoever reads it: it is read, or refused in one sentence."""

import copy
import json
import math

import bench
from bench.cli import reports
from bench.errors import BenchError
from bench.records import store
from bench.records.schema import Load
from bench.report import kinds, publish
from bench.report.media import markdown, terminal
from bench.report.media.html import render
from tests import checks, factories


def documents():
    """A run and its journal as their files have them: JSON values, to be damaged."""
    run = factories.run(runners=["pytorch", "floor"], blocks=2)
    trials = factories.journal(run)
    trials.append(factories.trial("floor", block=1, replicate=1, status="failed"))
    busy = Load(wall_s=2.0, cpus=2, busy_s=3.0, own_s=2.0, stolen_s=0.1)
    paused = factories.timing().turns.model_copy(update={"pauses_ns": {3: 4_000_000}, "waits_ns": {4: 2000}})
    seen = {"load": busy, "timing": factories.timing(turns=paused)}
    trials[2] = trials[2].model_copy(update=seen)
    trials.append(factories.trial(phase="counting", block=-1, counters=checks.counters(), timing=None))
    return json.loads(run.model_dump_json(by_alias=True)), [
        json.loads(trial.model_dump_json(by_alias=True, exclude_none=True)) for trial in trials
    ]


RUN, TRIALS = documents()
NUMBERS = [
    *(None, True, -1, 0, 1, 2**31, 2**63, 10**40, -0.0, 1.5),
    *(1e308, -1e308, 5e-324, math.nan, math.inf, -math.inf),
]
WORDS = ["", "x", "\x00", "\u202e", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "NaN", "ok", "a" * 9999]
NESTED = [[], {}, [[]], [None], {"a": 1}, [0] * 50, json.loads("[" * 150 + "]" * 150)]
HOW = ["other", "other", "other", "gone", "twice"]


def places(value, path=()):
    """Every place in a JSON value; of long lists the first entries."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def damaged(document, path, odd, how):
    """`document` with another value at `path`, or without it, or with it twice."""
    changed = copy.deepcopy(document)
    if not path:
        return odd
    *way, last = path
    inner = changed
    for key in way:
        inner = inner[key]
    if how == "gone":
        del inner[last]
    elif how == "twice" and isinstance(inner, list):
        inner.insert(last, inner[last])
    else:
        inner[last] = odd
    return changed


def write(folder, run, trials):
    (folder / store.RUN).write_text(json.dumps(run))
    (folder / store.JOURNAL).write_text("".join(f"{json.dumps(trial)}\n" for trial in trials))


def reported(folder):
    """The whole report of what a run folder holds, but for its charts."""
    summary = reports.analysed(folder)
    document = kinds.of(summary.run.verb).document(summary, str(folder))
    markdown.written(document)
    terminal.lines(document)
    render.page(summary, str(folder))
    summary.model_dump_json()


def read_or_refused(folder):
    sentence = f"{folder} is read"
    try:
        reported(folder)
    except BenchError as error:
        sentence = str(error)
    assert str(folder) in sentence
    assert "\n" not in sentence


def listed_or_left_out(folder):
    """What a summary.json says is in the index of all runs, and in a notebook; or another thing is, and told."""
    publish.rebuild_index(folder.parent)
    refused = ""
    try:
        bench.load(folder)
    except BenchError as error:
        refused = str(error)
    assert "\n" not in refused
