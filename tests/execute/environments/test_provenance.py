"""The version that is named is the version that is measured: whatever the shell, a hook or an older build says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UninstallableError, UsageError
from bench.execute import sets
from bench.execute.environments import cache, overlay
from bench.execute.workers import launchers
from bench.execute.workers.pool import Pool, key_of
from bench.host import imported
from bench.plan.schedule import Layout
from bench.records.schema import CURRENT, Cell, Environment
from tests.execute.environments import wheels
from tests.execute.environments.wheels import seen_by

LAYOUT = Layout(hash_seed=0, padding_bytes=0)
NINE = {"tiny.py": "VALUE = 9\n"}
ONE = {"tiny.py": "VALUE = 1\n"}


def unpacked(wheel: Path, folder: Path) -> Path:
    """The content of a wheel in a folder, as `pip install --target` leaves it."""
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(folder)], check=True)
    return folder


@pytest.fixture
def on_path(shelf, tmp_path, monkeypatch) -> Path:
    """A folder that PYTHONPATH names, with tiny 9.0; the index has tiny 1.0."""
    folder = unpacked(wheels.wheel(tmp_path, "tiny", "9.0", NINE), tmp_path / "on-path")
    wheels.wheel(shelf, "tiny", "1.0", ONE)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def measured_by(environment: Environment) -> tuple[object, object]:
    """The version and the code of tiny as a child sees them that is started as all are."""
    code = "import importlib.metadata, tiny; print(importlib.metadata.version('tiny'), tiny.VALUE)"
    done = overlay._run(Path(environment.python), "-c", code)
    assert done.returncode == 0, done.stderr
    version, value = done.stdout.split()
    return version, int(value)


def test_an_overlay_wins_over_what_the_shell_names(on_path):
    environment = cache.obtain("tiny==1.0")
    assert environment.moved == {"tiny": ("9.0", "1.0")}
    assert measured_by(environment) == ("1.0", 1)


@pytest.mark.usefixtures("unpacks")
def test_the_current_environment_has_what_the_shell_names_on_both_of_its_sides(on_path):
    control = cache.control()
    current = Environment(name=CURRENT, python=sys.executable, packages=overlay.base_packages())
    assert control.packages == current.packages
    assert current.packages["tiny"] == "9.0"
    assert (measured_by(control), measured_by(current)) == (("9.0", 9), ("9.0", 9))
    assert len(seen_by(control, "sys.path")) == len(seen_by(cache.obtain("tiny==1.0"), "sys.path"))


@pytest.mark.usefixtures("unpacks")
def test_another_shell_is_another_environment(on_path, monkeypatch):
    first = cache.obtain("tiny==1.0")
    monkeypatch.delenv("PYTHONPATH")
    second = cache.obtain("tiny==1.0")
    assert first.python != second.python
    assert second.moved == {"tiny": (None, "1.0")}


@pytest.mark.usefixtures("unpacks")
def test_a_stored_environment_that_is_another_one_is_built_again(shelf):
    wheels.wheel(shelf, "tiny", "1.0", ONE)
    first = cache.obtain("tiny==1.0")
    record = Path(first.python).parent.parent / cache.COMPLETE
    stored = json.loads(record.read_text())
    record.write_text(json.dumps(stored | {"packages": stored["packages"] | {"tiny": "9.0"}}))
    assert cache.obtain("tiny==1.0") == first


@pytest.mark.usefixtures("unpacks")
def test_an_environment_that_was_changed_since_is_built_again(shelf, tmp_path):
    wheels.wheel(shelf, "tiny", "1.0", ONE)
    first = cache.obtain("tiny==1.0")
    other = unpacked(wheels.wheel(tmp_path, "tiny", "9.0", NINE), tmp_path / "other")
    hook = next(Path(first.python).parent.parent.rglob(overlay.PTH)).with_name("a-hook.pth")
    hook.write_text(f"import sys; sys.path.insert(0, {str(other)!r})\n")
    assert measured_by(first) == ("9.0", 9)
    assert measured_by(cache.obtain("tiny==1.0")) == ("1.0", 1)
    assert not hook.exists()


@pytest.mark.usefixtures("unpacks")
@pytest.mark.parametrize("with_metadata", [True, False])
def test_a_hook_that_brings_another_one_is_refused_by_its_place(shelf, tmp_path, monkeypatch, with_metadata):
    wheels.wheel(shelf, "tiny", "1.0", ONE)
    hooks, other = tmp_path / "hooks", unpacked(wheels.wheel(tmp_path, "tiny", "9.0", NINE), tmp_path / "other")
    if not with_metadata:
        for each in (other / "tiny-9.0.dist-info").iterdir():
            each.unlink()
        (other / "tiny-9.0.dist-info").rmdir()
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(f"import sys; sys.path.insert(0, {str(other)!r})\n")
    monkeypatch.setenv("PYTHONPATH", str(hooks))
    with pytest.raises(UninstallableError) as raised:
        cache.obtain("tiny==1.0")
    sentence = str(raised.value)
    assert sentence.startswith("The environment is not what was asked for: ")
    assert f"{other}" in sentence
    assert "off Python's import path, where a .pth file or a sitecustomize may have put it" in sentence


def test_a_pip_that_installs_elsewhere_is_noticed(shelf, tmp_path, monkeypatch):
    wheels.wheel(shelf, "tiny", "1.0", ONE)
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    with pytest.raises(UninstallableError) as raised:
        cache.obtain("tiny==1.0")
    assert str(raised.value) == (
        "The environment is not what was asked for: it has no tiny (see what pip config list says "
        "of target, prefix or root), where tiny==1.0 was asked for."
    )


def test_what_is_meant_for_other_pythons_is_not_expected(shelf, tmp_path):
    wheels.wheel(shelf, "tiny", "1.0", ONE)
    path = tmp_path / "lock.txt"
    path.write_text("tiny==0.5; python_version < '3'\ntiny==1.0; python_version >= '3'\n")
    assert cache.from_requirements(path).moved == {"tiny": (None, "1.0")}


@pytest.mark.parametrize("place", ["a file/cache", "/dev/null/cache"])
def test_a_cache_that_cannot_be_written_is_named(shelf, tmp_path, monkeypatch, place):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / place))
    with pytest.raises(
        UsageError, match=r"^environments are built in \S.*cannot be written \(.+\): name another folder"
    ):
        cache.obtain("tiny==1.0")


def test_a_user_without_a_home_is_told_of_the_cache(shelf, monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("LOOPTAX_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UsageError, match="name another folder with LOOPTAX_CACHE"):
        cache.obtain("tiny==1.0")


def cell(runner: str) -> Cell:
    return Cell(runner=runner, workload="mlp", device="cpu", batch_size=8)


def ready(runner: str, packages: dict[str, str]) -> object:
    """What an interpreter of `runner` says, and what its launcher makes of it."""
    key = key_of(cell(runner))
    pool = Pool([key], pythons={}, layout=LAYOUT, threads=1, one_by_one=True, packages={"current": packages})
    try:
        pool.open()
        forker = pool._launchers[key]
        return forker._ready
    finally:
        pool.close()


def test_an_interpreter_tells_what_it_has_imported_and_from_where():
    interpreter = ready("accelerate", {})
    assert {name: each.version for name, each in interpreter.imported.items()} == {
        name: overlay.base_packages()[name] for name in ("torch", "accelerate")
    }
    whole = {name: each["path"] for name, each in imported.seen(interpreter.imported).items()}
    assert {name: launchers.from_environment(path) for name, path in whole.items()} == {
        name: each.path for name, each in interpreter.imported.items()
    }


def test_a_module_s_file_is_recorded_from_the_folder_of_its_environment_on():
    in_one = "/home/ada/venvs/train/lib/python3.11/site-packages/torch/__init__.py"
    assert launchers.from_environment(in_one) == "train/lib/python3.11/site-packages/torch/__init__.py"
    assert (
        launchers.from_environment("/home/ada/src/transformers/__init__.py") == "/home/ada/src/transformers/__init__.py"
    )


def test_an_interpreter_that_has_imported_another_one_measures_nothing():
    interpreter = ready("accelerate", {"accelerate": "0.1"})
    assert interpreter.status == "failed"
    assert "/accelerate/__init__.py is accelerate " in interpreter.reason
    assert ", and not 0.1, which was asked for; take its folder off Python's import path" in interpreter.reason


def test_another_looptax_in_the_child_measures_nothing(tmp_path):
    reason = launchers.not_as_asked(str(tmp_path / "bench/__init__.py"), {}, {})
    assert reason is not None
    assert reason.endswith(
        f"what measures is that of {tmp_path}/bench/__init__.py: pip install -e . in the one that is meant"
    )


def test_packages_that_moved_anywhere_are_compared_everywhere():
    old = Environment(name="a", python="", packages={"tiny": "1.0", "torch": "2"}, moved={"tiny": (None, "1.0")})
    new = Environment(name="b", python="", packages={"tiny": "2.0", "torch": "2"})
    assert sets.compared([old, new]) == {"a": {"tiny": "1.0"}, "b": {"tiny": "2.0"}}


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """A checkout of tinyloop 2.0 that is on the import path and imported."""
    (tmp_path / "tree" / "tinyloop").mkdir(parents=True)
    (tmp_path / "tree" / "tinyloop" / "__init__.py").write_text("__version__ = '2.0'\n")
    monkeypatch.syspath_prepend(tmp_path / "tree")
    monkeypatch.setattr(imported, "MEASURED", ("tinyloop",))
    monkeypatch.delitem(sys.modules, "tinyloop", raising=False)
    return tmp_path / "tree"


def installed(folder: Path, version: str, *, editable: Path | None, monkeypatch) -> None:
    unpacked(wheels.wheel(folder.parent, "tinyloop", version, {} if editable else {"tinyloop.py": ""}), folder)
    if editable is not None:
        record = {"url": editable.as_uri(), "dir_info": {"editable": True}}
        (folder / f"tinyloop-{version}.dist-info" / "direct_url.json").write_text(json.dumps(record))
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])


def test_an_editable_install_is_what_it_says(tree, tmp_path, monkeypatch):
    installed(tmp_path / "site", "2.0", editable=tree, monkeypatch=monkeypatch)
    __import__("tinyloop")
    place = {"version": "2.0", "path": str(tree / "tinyloop" / "__init__.py")}
    assert imported.imported(["tinyloop"]) == {"tinyloop": place}


def test_an_editable_install_whose_sources_have_moved_on_is_refused(tree, tmp_path, monkeypatch):
    installed(tmp_path / "site", "1.0", editable=tree, monkeypatch=monkeypatch)
    __import__("tinyloop")
    wrong = imported.imported(["tinyloop"])["tinyloop"]["wrong"]
    assert wrong == f"{tree}/tinyloop/__init__.py says that it is tinyloop 2.0, but was installed as 1.0"
    assert launchers.shell.way_out(wrong).startswith("install it again")


def test_a_checkout_in_the_place_of_an_installed_release_is_refused(tree, tmp_path, monkeypatch):
    installed(tmp_path / "site", "2.0", editable=None, monkeypatch=monkeypatch)
    wrong = f"{tree}/tinyloop/__init__.py is imported in the place of the tinyloop 2.0 that is in {tmp_path}/site"
    assert imported.seen(["tinyloop"])["tinyloop"]["wrong"] == wrong
    monkeypatch.setenv("PYTHONPATH", str(tree))
    assert launchers.shell.way_out(wrong) == f"take {tree} out of PYTHONPATH"


def test_versions_are_the_same_however_they_are_spelt():
    assert imported.parts("2.9.0a0+git") == imported.parts("2.9.0.a0+nv25") != imported.parts("2.9.1")


def test_a_users_own_loop_imports_what_lies_where_the_user_stands_behind_everything_else(tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("raise RuntimeError('not the module that was meant')\n")
    (tmp_path / "beside.py").write_text("import random\nTRAIN = random.Random\n")
    (tmp_path / "loop.py").write_text("import beside\nfrom trainloops.runners.pytorch import train as train\n")
    monkeypatch.chdir(tmp_path)
    assert ready(str(tmp_path / "loop.py"), {}).launch == "fork"
