"""What is read from files and options is read as it is meant, or refused in one sentence that says where."""

import copy
import json
import math
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.cli import app, reports
from bench.errors import BenchError, RunFolderError, UsageError
from bench.execute.environments import requirements
from bench.plan import parse
from bench.records import store
from bench.records.base import SCHEMA
from bench.records.schema import Load
from bench.report import kinds
from bench.report.media import markdown, terminal
from bench.report.media.html import render
from tests import checks, factories

SCHEMAS = Path(__file__).parent / "schemas"
QUICK = settings(
    max_examples=60,
    database=None,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""The same examples each time: a suite that fails now and then is believed by nobody."""


# Files of a run folder.


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
        json.loads(each.model_dump_json(by_alias=True, exclude_none=True)) for each in trials
    ]


RUN, TRIALS = documents()


def places(value, path=()):
    """Every place in a JSON value; of long lists the first entries."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


ODD = st.one_of(
    st.sampled_from(
        [None, True, -1, 0, 1, 2**31, 2**63, 10**40, -0.0, 1.5, 1e308, -1e308, 5e-324, math.nan, math.inf, -math.inf]
    ),
    st.sampled_from(
        ["", "x", "\x00", "\u202e", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "NaN", "ok", "a" * 9999]
    ),
    st.sampled_from([[], {}, [[]], [None], {"a": 1}, [0] * 50, json.loads("[" * 150 + "]" * 150)]),
)


def damaged(document, path, odd, how):
    """`document` with another value at `path`, or without it, or with it twice."""
    found = copy.deepcopy(document)
    if not path:
        return odd
    *way, last = path
    inner = found
    for key in way:
        inner = inner[key]
    if how == "gone":
        del inner[last]
    elif how == "twice" and isinstance(inner, list):
        inner.insert(last, inner[last])
    else:
        inner[last] = odd
    return found


HOW = st.sampled_from(["other", "other", "other", "gone", "twice"])


def told(folder):
    """The whole report of what a run folder holds, but for its charts."""
    summary = reports.analysed(folder)
    found = kinds.of(summary.run.verb).document(summary, str(folder))
    markdown.written(found)
    terminal.lines(found)
    render.page(summary, str(folder))
    summary.model_dump_json()


def read_or_refused(folder):
    sentence = f"{folder} is read"
    try:
        told(folder)
    except BenchError as error:
        sentence = str(error)
    assert str(folder) in sentence
    assert "\n" not in sentence


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return store.create(tmp_path_factory.mktemp("damaged"), factories.run())


def write(folder, run, trials):
    (folder / store.RUN).write_text(json.dumps(run))
    (folder / store.JOURNAL).write_text("".join(f"{json.dumps(each)}\n" for each in trials))


@QUICK
@given(path=st.sampled_from(list(places(RUN))), odd=ODD, how=HOW)
def test_any_value_of_run_json_may_be_another(folder, path, odd, how):
    write(folder, damaged(RUN, path, odd, how), TRIALS)
    read_or_refused(folder)


@QUICK
@given(data=st.data(), odd=ODD, how=HOW)
def test_any_value_of_the_journal_may_be_another(folder, data, odd, how):
    number = data.draw(st.integers(0, len(TRIALS) - 1))
    path = data.draw(st.sampled_from(list(places(TRIALS[number]))))
    write(folder, RUN, [*TRIALS[:number], damaged(TRIALS[number], path, odd, how), *TRIALS[number + 1 :]])
    read_or_refused(folder)


@QUICK
@given(place=st.integers(0, 4000), odd=st.binary(max_size=8), cut=st.booleans())
def test_any_bytes_may_stand_in_the_files(folder, place, odd, cut):
    for name, document in ((store.RUN, json.dumps(RUN)), (store.JOURNAL, f"{json.dumps(TRIALS[2])}\n")):
        write(folder, RUN, TRIALS[:2])
        content = document.encode()
        place = min(place, len(content))
        (folder / name).write_bytes(content[:place] + odd + (b"\n" if cut else content[place:]))
        read_or_refused(folder)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda text: text.replace('"blocks": 2', '"blocks": ' + "9" * 5000), "Invalid JSON: number out of range"),
        (lambda text: text.replace('"blocks": 2', '"blocks": NaN'), "settings.blocks: Input should be a finite number"),
        (
            lambda text: text.replace('"margin": 0.03', '"margin": NaN'),
            "settings.margin: Input should be a finite number",
        ),
        (lambda text: '{"a":' * 100_000, "Invalid JSON: recursion limit exceeded"),
        (lambda text: text.replace('"name":', '"name": "first", "name":', 1), "has 'name' twice"),
        (lambda text: text.replace('"threads":', '"threads": 2, "threads":', 1), "has 'threads' twice"),
        (lambda text: "", "Invalid JSON: EOF"),
    ],
)
def test_what_is_wrong_with_run_json_is_said_with_its_field(folder, damage, sentence):
    (folder / store.RUN).write_text(damage(json.dumps(RUN)))
    with pytest.raises(RunFolderError) as refused:
        store.read_run(folder)
    assert str(refused.value).startswith(str(folder / store.RUN))
    assert sentence in str(refused.value)


def test_a_line_of_the_journal_is_named_with_its_field(folder):
    write(folder, RUN, [TRIALS[0], damaged(TRIALS[2], ("timing", "step_ns", 0), -1, "other")])
    with pytest.raises(RunFolderError) as refused:
        store.read_trials(folder)
    assert str(refused.value) == (
        f"{folder / store.JOURNAL} line 2 is no trial: timing.step_ns.0: Input should be greater than or equal to 0; "
        "delete that line."
    )


def test_a_figure_that_is_none_is_no_trial(folder):
    """A loss may be NaN; what was measured may not: it would be in every figure that it is a part of."""
    write(folder, RUN, [damaged(TRIALS[2], ("interpreter", "import_s"), math.nan, "other")])
    with pytest.raises(RunFolderError, match=r"line 1 is no trial: interpreter.import_s: Input should be a finite num"):
        store.read_trials(folder)


def test_steps_that_do_not_fit_their_turns_are_no_trial(folder):
    """Each would be taken for another's: a figure from the wrong places, and not an error, is what it cost."""
    for how, path in (("twice", ("timing", "step_ns", 0)), ("gone", ("timing", "step_ns", 5))):
        write(folder, RUN, [damaged(TRIALS[2], path, None, how)])
        with pytest.raises(RunFolderError, match=r"line 1 is no trial: timing: Value error, step_ns has (59|61) steps"):
            store.read_trials(folder)


def test_a_file_that_cannot_be_read_is_named(folder, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    write(folder, RUN, TRIALS)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    for read in (store.read_run, store.read_trials):
        with pytest.raises(RunFolderError, match=r"cannot be read: Permission denied; make it readable\.$"):
            read(folder)


# Schemas.


def test_a_newer_schema_is_refused_with_the_version_that_wrote_it(folder):
    newer = RUN | {"schema": SCHEMA + 1, "packages": RUN["packages"] | {"looptax": "9.1.0"}, "settings": 3}
    (folder / store.RUN).write_text(json.dumps(newer))
    with pytest.raises(RunFolderError) as refused:
        store.read_run(folder)
    assert str(refused.value) == (
        f"{folder / store.RUN} has schema 2, which looptax 9.1.0 has written; this looptax reads up to 1: upgrade it."
    )
    write(folder, RUN, [TRIALS[0], TRIALS[1] | {"schema": 2}])
    with pytest.raises(RunFolderError, match=r"trials.jsonl line 2 has schema 2, which a newer looptax has written"):
        store.read_trials(folder)


@pytest.mark.parametrize(
    ("name", "verb", "runner", "step_us"),
    [
        ("2026-11-24-first", "run", "hf-trainer", 1060.8),
        ("2026-11-24-history", "history", "lightning", 989.0),
        ("2026-11-25-check", "upgrade", "hf-trainer", 600.4),
        ("2026-11-25-turns", "run", "hf-trainer", 1317.1),
        ("2026-11-26-own-files", "run", "hf-trainer", 1381.9),
    ],
)
def test_runs_of_every_format_that_was_committed_are_read(name, verb, runner, step_us):
    """First lines of real runs; a new format adds its own here."""
    summary = reports.analysed(SCHEMAS / name)
    assert summary.run.verb == verb
    cell = next(each for each in summary.cells if each.runner == runner)
    assert round(cell.step_time_us.value, 1) == step_us
    told(SCHEMAS / name)


# Options and requirement files.

TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "",
        " ",
        "-",
        "--",
        "1e999",
        "nan",
        "inf%",
        "-1%",
        "9" * 5000,
        "0",
        "\x00",
        "1/0",
        "٣%",
        "1_000s",
        "999999999h",
        "~nobody",
        "\x00.whl",
    ]
)


OPTIONS = {
    "--margin": lambda text: parse.fraction("--margin", text),
    "--budget": lambda text: parse.seconds("--budget", text),
}


@pytest.mark.parametrize("read", OPTIONS.values(), ids=OPTIONS)
@QUICK
@given(text=TEXTS)
def test_a_figure_of_an_option_is_finite_and_positive_or_refused(read, text):
    figure = 1.0
    with suppress(UsageError):
        figure = read(text)
    assert 0 < figure < 1e9  # no clock can wait for more


@QUICK
@given(text=TEXTS)
def test_a_text_of_requirements_is_read_or_refused(text):
    with suppress(BenchError):
        requirements.parse(text)


@QUICK
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_a_requirements_file_is_read_or_refused(tmp_path, content):
    path = tmp_path / "requirements.txt"
    path.write_bytes(content)
    with suppress(BenchError):
        requirements.parse_file(path)


def test_a_refusal_is_one_line_whatever_is_in_it(capsys):
    def refuse(**_):
        raise UsageError("\x1b[2J--batch-size 1\n2\r3 is no\u2028number.")

    assert app.exit_code(refuse) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "\x1b" not in said
