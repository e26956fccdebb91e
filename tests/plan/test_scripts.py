"""What `--script` asks for, and what is refused before anything runs."""

import os
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.plan import comparison_groups, runner_files, scripts, working_copy
from bench.plan.settings import Flags, from_flags


@pytest.fixture(scope="module")
def machine(machine):
    return machine()[0]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    for name in ("train.py", "other/train.py", "with space.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("import torch\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(*texts, **flags):
    return scripts.scripts(Flags(script=texts, **flags))


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["train.py"], ["train.py"]),
        (["train.py -- --lr 1"], ["train.py"]),
        (["train.py", "other/train.py"], [None, "other/train.py"]),
        (["train.py", "train.py -- --workers 4"], ["train.py", "train.py --workers 4"]),
        (
            ["train.py --lr 1 --workers 0", "train.py --lr 1 --workers 4"],
            ["train.py --workers 0", "train.py --workers 4"],
        ),
        (["train.py fit --lr 1", "train.py fit --wd 1"], ["train.py --lr 1", "train.py --wd 1"]),
        (["with space.py", "'with space.py' -- --lr '1 2'"], ["with space.py", "with space.py --lr 1 2"]),
    ],
)
def test_scripts_are_called_as_shortly_as_tells_them_apart(texts, names, project):
    expected = [f"{project.name}/train.py" if name is None else name for name in names]
    assert [each.name for each in asked(*texts).each] == expected


def test_what_follows_the_dashes_is_the_one_scripts():
    assert asked("train.py", arguments=["--lr", "1"]).each[0].arguments == ["--lr", "1"]
    assert asked("train.py -- --lr 1 -- x").each[0].arguments == ["--lr", "1", "--", "x"]


@pytest.mark.parametrize(
    ("texts", "flags", "refusal"),
    [
        (["gone.py"], {}, "gone.py is not there: give the path of a Python file"),
        (["other"], {}, "other is a folder: give the path of a Python file"),
        (["wrong.py"], {}, "wrong.py line 2 is no Python: invalid syntax."),
        (["train.py 'x"], {}, "cannot be taken apart (No closing quotation)"),
        (["train.py", "train.py"], {}, "--script train.py is given twice with the same arguments"),
        (["train.py", "other/train.py"], {"arguments": ["--lr", "1"]}, "what follows -- (--lr 1) is for one script"),
        (["train.py"], {"to_the_end": True, "only": "counters"}, "--to-the-end needs timing, which --only counters"),
        (["train.py -- a"], {"arguments": ["b"]}, "what follows -- (b) is for one script without arguments of its own"),
        (["train.py"], {"tick": "first"}, "--tick 'first' is not last, every or a number of optimizer steps."),
        (["train.py"], {"tick": "0"}, "--tick '0' is not last"),
        (["train.py"], {"tick_on": "update"}, "--tick-on 'update' is no function: write it as module:function"),
        (["train.py"], {"samples_per_step": 0}, "--samples-per-step 0 must be at least 1."),
        (["train.py"], {"cwd": Path("train.py")}, "--cwd train.py is no folder; make it, or name another."),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(texts, flags, refusal, project):
    (project / "wrong.py").write_text("import torch\nfor for\n")
    with pytest.raises(UsageError) as refused:
        asked(*texts, **flags)
    assert refusal in str(refused.value)


@pytest.mark.parametrize("flag", ["runner", "workload", "batch_size", "precision", "optimizer", "workers"])
def test_what_a_script_decides_itself_is_refused_with_the_flag(machine, flag):
    with pytest.raises(UsageError, match=f"^--{flag.replace('_', '-')} does not work with --script"):
        from_flags(Flags(script=["train.py"], **{flag: "8"}), machine)


def test_what_only_a_script_has_is_refused_without_one(machine):
    with pytest.raises(UsageError, match=r"^--tick and --cwd need a script: name it with --script"):
        from_flags(Flags(tick="every", cwd=Path()), machine)
    with pytest.raises(UsageError, match=r"^foo --bar is no option: what follows -- goes to a script"):
        from_flags(Flags(arguments=["foo", "--bar"]), machine)


def test_the_first_script_is_the_baseline_and_has_a_clone(machine):
    planned = from_flags(Flags(script=["train.py", "train.py -- --lr 1"], device="cpu"), machine)
    (compared,) = comparison_groups.planned_groups(planned)
    assert [cell.runner for cell in compared.cells] == ["train.py", "train.py --lr 1"]
    assert compared.reference == compared.cells[0]
    assert compared.clone is not None
    assert {(cell.workload, cell.batch_size, cell.at_batch) for cell in compared.members} == {("script", 0, "")}


def test_a_script_that_has_changed_has_another_digest_and_one_that_is_gone_is_refused(project, machine):
    planned = from_flags(Flags(script=["train.py"], device="cpu"), machine)
    before = runner_files.digests(planned)
    runner_files.refuse_unusable(planned, flag="--like run:")
    (project / "train.py").write_text("import torch  # changed\n")
    assert runner_files.digests(planned).keys() == before.keys() == {"train.py"}
    assert runner_files.digests(planned) != before
    (project / "train.py").unlink()
    with pytest.raises(UsageError, match=r"^--like run: .*train.py is not there"):
        runner_files.refuse_unusable(planned, flag="--like run:")


def test_a_stored_run_from_before_scripts_has_none(machine):
    planned = from_flags(Flags(device="cpu"), machine)
    assert type(planned).model_validate(planned.model_dump(exclude={"scripts"})).scripts is None


def test_a_trials_copy_has_what_a_script_may_read_and_not_what_it_never_does(project, tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere")
    for name in (".git/HEAD", "venv/pyvenv.cfg", "venv/lib.py", "results/a-run/run.json", "data/deep/x.txt", ".env"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    (project / "empty").mkdir()
    (project / "linked").symlink_to(outside)
    (project / "beside").symlink_to("data/deep/x.txt")
    copied = tmp_path_factory.mktemp("copy")
    working_copy.copy(project, copied)
    copied_files = {str(path.relative_to(copied)) for path in copied.rglob("*")}
    assert copied_files == {
        *("train.py", "other", "other/train.py", "with space.py", "results", "data", "data/deep", "data/deep/x.txt"),
        *(".env", "empty", "linked", "beside"),
    }
    assert (copied / "linked").resolve() == outside.resolve()
    assert (copied / "beside").read_text() == "data/deep/x.txt"


def test_a_folder_that_is_too_large_to_be_copied_is_refused_with_the_way_out(project):
    (project / "data").mkdir()
    with (project / "data" / "large.bin").open("wb") as file:
        os.truncate(file.fileno(), working_copy.MAX_BYTES + 1)
    with pytest.raises(UsageError, match=r"larger than 256 MB \(data alone has at least 256 MB\).*--cwd \. runs"):
        asked("train.py")
    assert asked("train.py", cwd=Path("data")).in_place
