"""What is read from files and options is read as it is meant, or refused in one sentence that says where."""

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
from bench.plan import parse, scripts
from bench.plan.settings import Flags
from bench.records import checkups, store
from bench.records.base import SCHEMA
from bench.records.cache import cache_folder
from bench.report import publish
from bench.report.kinds.index.entries import entry
from tests import factories
from tests.reliability import damage
from tests.reliability.damage import RUN, TRIALS, damaged, places, read_or_refused, reported, write

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


ODD = st.sampled_from(damage.NUMBERS) | st.sampled_from(damage.WORDS) | st.sampled_from(damage.NESTED)
HOW = st.sampled_from(damage.HOW)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return store.create(tmp_path_factory.mktemp("damaged"), factories.run())


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


def test_a_block_that_no_column_of_figures_can_hold_is_no_trial(folder):
    write(folder, RUN, [damaged(TRIALS[2], ("block",), 10**30, "other")])
    with pytest.raises(RunFolderError, match=r"line 1 is no trial: block: Input should be less than or equal to"):
        store.read_trials(folder)


def test_a_file_that_cannot_be_read_is_named(folder, monkeypatch):
    def refuse(self, *_):
        raise PermissionError(13, "Permission denied", str(self))

    write(folder, RUN, TRIALS)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    for read in (store.read_run, store.read_trials):
        with pytest.raises(RunFolderError, match=r"cannot be read: Permission denied; make it readable\.$"):
            read(folder)


@pytest.mark.parametrize("damage", [lambda path: path.mkdir(), lambda path: path.write_text(NESTED_SUMMARY)])
def test_a_neighbour_s_summary_that_cannot_be_read_costs_no_run_its_report(tmp_path, damage):
    path = tmp_path / "neighbour" / store.SUMMARY
    path.parent.mkdir()
    damage(path)
    with pytest.warns(UserWarning, match=r"neighbour/summary.json is no summary and is left out of the index"):
        publish.rebuild_index(tmp_path)
    assert "neighbour" not in (tmp_path / publish.INDEX).read_text()


NESTED_SUMMARY = '{"schema": 1, "brief": {"verb": ' + "[" * 60_000


# Schemas.


def test_a_newer_schema_is_refused_with_the_version_that_wrote_it(folder):
    newer = RUN | {"schema": SCHEMA + 1, "packages": RUN["packages"] | {"looptax": "9.1.0"}, "settings": 3}
    (folder / store.RUN).write_text(json.dumps(newer))
    with pytest.raises(RunFolderError) as refused:
        store.read_run(folder)
    assert str(refused.value) == (
        f"{folder / store.RUN} has schema {SCHEMA + 1}, which looptax 9.1.0 has written; "
        f"this looptax reads up to {SCHEMA}: upgrade it."
    )
    write(folder, RUN, [TRIALS[0], TRIALS[1] | {"schema": SCHEMA + 1, "looptax": "9.1.0"}])
    sentence = rf"trials.jsonl line 2 has schema {SCHEMA + 1}, which looptax 9.1.0 has written"
    with pytest.raises(RunFolderError, match=sentence):
        store.read_trials(folder)


@pytest.mark.parametrize(
    ("name", "verb", "runner", "step_us"),
    [
        ("2026-11-24-first", "run", "hf-trainer", 1060.8),
        ("2026-11-24-counted", "run", "hf-trainer", 872.2),
        ("2026-11-24-history", "history", "lightning", 989.0),
        ("2026-11-25-check", "upgrade", "hf-trainer", 600.4),
        ("2026-11-25-phases", "run", "hf-trainer", 571.2),
        ("2026-11-25-turns", "run", "hf-trainer", 1317.1),
        ("2026-11-26-own-files", "run", "hf-trainer", 1381.9),
        ("2026-11-26-scripts", "run", "train.py --twice", 2210.2),
        ("2026-11-26-prices", "prices", "accelerate", 2606.7),
        ("2026-11-26-signed", "run", "floor", 749.8),
    ],
)
def test_runs_of_every_format_that_was_committed_are_read(name, verb, runner, step_us):
    """First lines of real runs; a new format adds its own here, and a row to docs/formats.md."""
    summary = reports.analysed(SCHEMAS / name)
    assert summary.run.verb == verb
    cell = next(cell for cell in summary.cells if cell.runner == runner)
    assert round(cell.step_time_us.value, 1) == step_us
    reported(SCHEMAS / name)


@pytest.mark.parametrize("name", ["2026-11-24-first", "2026-11-24-counted", "2026-11-26-own-files"])
def test_summaries_of_every_format_that_was_committed_are_read(name):
    path = SCHEMAS / name / store.SUMMARY
    written = [(cell["runner"], cell["step_time_us"]["value"]) for cell in json.loads(path.read_text())["cells"]]
    assert [(cell.runner, cell.step_time_us.value) for cell in store.read_summary(path).cells] == written
    assert "hf-trainer" in entry(path).brief.headline


def test_what_is_known_of_the_machine_is_read_as_it_was_first_written():
    names = ("2026-11-25-phases", "2026-11-26-own-files")
    looks = [health for name in names for health in checkups.read(SCHEMAS / name)]
    assert [health.moment for health in looks] == ["start", "end"] * 2
    assert [health.jitter is not None for health in looks] == [False, False, True, False]


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
        "~\x00",
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


@pytest.mark.parametrize("text", ["\x00", "\ud800", "'open", ""])
def test_a_script_that_no_file_can_be_called_is_refused(text):
    with pytest.raises(UsageError, match=r"--script .* cannot be taken apart"):
        scripts.scripts(Flags(script=[text]))


def test_a_cache_in_the_home_of_nobody_is_a_folder_of_that_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOPTAX_CACHE", "~nobody-of-that-name/cache")
    assert cache_folder() == tmp_path / "~nobody-of-that-name" / "cache"


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
