"""A run folder from a stranger executes nothing, and nothing that others can write is believed."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bench import run as verb
from bench.cli import reports
from bench.errors import RunFolderError, UsageError
from bench.execute import trust
from bench.execute.environments import cache as environments
from bench.execute.environments import requirements
from bench.execute.trial_files import TrialFiles
from bench.plan import comparison_groups
from bench.plan.settings import Flags
from bench.records import cache, files, store
from bench.records.schema import Environment, Script, Scripts
from tests import factories

ROOT = Path(__file__).parent.parent.parent
EVIL = "from pathlib import Path\nPath('owned').touch()\ndef train(job, parts): ...\ndef workload(): ...\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def stored(tmp_path, **changes):
    """A run folder that names something to execute, and lies next to it."""
    (tmp_path / "evil.py").write_text(EVIL)
    run = factories.run(runners=["pytorch"], blocks=1)
    return store.create(
        tmp_path / "results", run.model_copy(update={"settings": run.settings.model_copy(update=changes)})
    )


NAMED = {
    "a runner's file": {"runners": ["pytorch", "evil.py"]},
    "a runner's module": {"runners": ["pytorch", "evil:train"]},
    "a runner that a package brings": {"runners": ["pytorch", "evil-plugin"]},
    "a workload's file": {"comparisons": [factories.comparison(workload="evil.py:workload")]},
    "a script": {"runners": ["evil.py"], "scripts": Scripts(each=[Script(name="evil.py", file="evil.py")], folder=".")},
    "an interpreter": {"environments": [Environment(name="current", python="./evil.py")]},
}


@pytest.mark.parametrize("changes", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("flag", ["--like", "--resume"])
def test_what_a_stranger_s_run_names_is_not_executed(tmp_path, flag, changes):
    folder = stored(tmp_path, **changes)
    repeat = {
        "--like": lambda: verb.planned(Flags(), like=folder, name=None, trusted=False),
        "--resume": lambda: verb.reopened(folder, trusted=False),
    }
    with pytest.raises(RunFolderError) as refused:
        repeat[flag]()
    sentence = str(refused.value)
    assert sentence.startswith(f"{flag} {folder} would run ")
    assert sentence.endswith("look at that first, then add --trust.")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("changes", NAMED.values(), ids=NAMED)
def test_what_was_made_here_is_known_until_its_run_is_changed(tmp_path, changes):
    folder = trust.remember(stored(tmp_path, **changes))
    trust.refuse_stranger(folder, store.read_run(folder), flag="--like", trusted=False)
    moved = folder.rename(tmp_path / "elsewhere")
    trust.refuse_stranger(moved, store.read_run(moved), flag="--like", trusted=False)
    store.write_run(moved, store.read_run(moved).model_copy(update={"name": "another"}))
    with pytest.raises(RunFolderError, match="--trust"):
        trust.refuse_stranger(moved, store.read_run(moved), flag="--like", trusted=False)
    trust.refuse_stranger(moved, store.read_run(moved), flag="--like", trusted=True)


def test_a_run_of_what_is_built_in_needs_no_trust_and_leaves_no_trace_of_it(tmp_path):
    folder = trust.remember(stored(tmp_path))
    trust.refuse_stranger(folder, store.read_run(folder), flag="--like", trusted=False)
    assert not (tmp_path / "cache").exists()


def test_trust_without_a_stored_run_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "bench.run", "--trust"], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("error: --trust is about a stored run: give it with --like or --resume, or leave it out.\n")


@pytest.mark.parametrize("changes", NAMED.values(), ids=NAMED)
def test_a_report_of_it_imports_and_starts_nothing_that_it_names(tmp_path, monkeypatch, changes):
    folder = stored(tmp_path, **changes)
    monkeypatch.setitem(sys.modules, "evil", None)  # whoever imports it fails

    def refuse(command, **_):
        raise AssertionError(f"{command} was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    reports.analysed(folder)
    assert not (tmp_path / "owned").exists()


def test_the_name_of_a_run_cannot_lead_out_of_its_folder(tmp_path):
    for name in ("../../evil", "/etc/evil", "..", "a/../../b", "\x00", "-rf"):
        folder = store.create(tmp_path / "results", factories.run().model_copy(update={"name": name}))
        assert folder.parent == tmp_path / "results"
        assert not folder.name.startswith(("-", "."))


def test_what_a_run_s_cells_are_called_leads_no_file_out_of_its_folder(tmp_path):
    from bench.report import publish
    from bench.report.charts.engine import Drawn

    wicked = "../../../../owned"
    run = factories.run(runners=["pytorch", wicked], comparisons=[factories.comparison(workload=wicked)], blocks=1)
    folder = store.create(tmp_path / "results", run)
    trials = factories.journal(run, step_us=factories.STEP_US | {wicked: 500})
    engine = type("NoCharts", (), {"draw": lambda *_: Drawn()})()
    publish.publish(folder, reports.summarise(run, trials), engine)
    written = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"results"}
    cells = comparison_groups.cells(run.settings)
    trial_files = TrialFiles(run.settings.runners, cells, traces=folder / store.TRACES, logs=folder / store.LOGS)
    for cell in cells:
        assert trial_files.trace("trace", cell).resolve().parent == (folder / store.TRACES).resolve()
        assert trial_files.log("trace", cell).resolve().parent == (folder / store.LOGS).resolve()


@pytest.mark.parametrize(
    "text", ["--index-url=http://evil/simple", "-e ./evil", "tiny --target=/", "-r evil.txt", "--pre"]
)
def test_a_spec_is_no_option_of_pip(text):
    with pytest.raises(UsageError, match="is an option of pip: name packages, wheels and checkouts"):
        requirements.parse(text)


@pytest.mark.parametrize(
    "text", ["$(touch owned)", "tiny; touch owned", "`touch owned`", "tiny | touch owned", "tiny && touch owned"]
)
def test_a_spec_reaches_no_shell(tmp_path, text):
    with pytest.raises(UsageError):
        environments.obtain(text)
    assert not (tmp_path / "owned").exists()


def test_the_git_of_a_stranger_s_checkout_starts_no_monitor_of_its_own(tmp_path):
    from bench.execute import probe

    for arguments in (["init", "-q"], ["config", "core.fsmonitor", f"{tmp_path / 'monitor'}"]):
        subprocess.run(["git", *arguments], check=True, cwd=tmp_path)
    (tmp_path / "monitor").write_text("#!/bin/sh\ntouch owned\n")
    (tmp_path / "monitor").chmod(0o755)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.fsmonitor=false"]
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "a"], check=True, cwd=tmp_path)
    assert probe.git_revision()
    assert not (tmp_path / "owned").exists()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask():
    """Of a user who lets everybody write, as some containers do."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_the_cache_is_the_user_s_alone(tmp_path, open_umask):
    assert mode(cache.private("environments")) == 0o700
    (tmp_path / "cache" / "environments").chmod(0o777)
    assert mode(environments._environments()) == 0o700
    assert cache.cached("script.js", lambda: "text") == "text"
    assert mode(tmp_path / "cache" / cache.TEXTS) == 0o700
    assert mode(next((tmp_path / "cache" / cache.TEXTS).iterdir())) == 0o600


def test_a_cache_of_somebody_else_s_is_refused_and_never_believed(tmp_path, monkeypatch):
    cache.cached("script.js", lambda: "planted")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert cache.cached("script.js", lambda: "made here") == "made here"
    with pytest.raises(UsageError, match=r"cannot be written \(it belongs to another user\): name another folder with"):
        environments._environments()
    folder = stored(tmp_path, runners=["pytorch", "evil.py"])
    with pytest.raises(RunFolderError, match="--trust"):
        trust.refuse_stranger(trust.remember(folder), store.read_run(folder), flag="--like", trusted=False)


def test_no_file_is_written_through_a_link_that_lies_in_a_folder(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    names = []
    monkeypatch.setattr(files.secrets, "token_hex", lambda n: names.append(n) or "guessed")
    (tmp_path / ".report.md.guessed.partial").symlink_to(victim)
    with pytest.raises(FileExistsError):
        store.write(tmp_path / "report.md", "text")
    assert victim.read_text() == "mine"
    assert names == [8]  # bytes nobody can guess
    (tmp_path / "report.md").symlink_to(victim)
    monkeypatch.undo()
    store.write(tmp_path / "report.md", "text")
    assert (victim.read_text(), (tmp_path / "report.md").read_text()) == ("mine", "text")


def test_the_memory_in_which_trials_leave_their_turns_is_the_user_s_alone(open_umask):
    from bench.execute.workers.protocol import TICKS
    from bench.execute.workers.running import Running
    from bench.measure.ticks import Ticks
    from tests.execute.workers.test_faults import request

    running = Running(request("hangs", phase="timing"), factories.interpreter())
    Ticks(running.scratch / TICKS)
    assert mode(running.scratch) == 0o700
    running.refused("it was only looked at")
    assert not running.scratch.exists()
