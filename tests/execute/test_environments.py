"""Overlays over the current environment: what they see, when they are built again, and what is said if not."""

import json
import os
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.errors import IndexUnreachableError, UninstallableError, UsageError
from bench.execute import asked, checkouts, compatibility, environments, overlay, pip
from bench.execute.build import Environment
from tests.execute import wheels

ROOT = Path(__file__).parent.parent.parent
SETTINGS_OF_PIP = [name for name in os.environ if name.startswith("PIP_")]


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> Path:
    """A folder of wheels that is all the index there is, and an empty cache."""
    for name in SETTINGS_OF_PIP:
        monkeypatch.delenv(name)
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def no_pip(monkeypatch):
    """Make every use of pip an error; returns the function that starts this."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pip was run")

    return lambda: monkeypatch.setattr(pip, "_pip", refuse)


@pytest.fixture
def builds(monkeypatch) -> list[str]:
    """Let a file stand for each environment; the list tells what was built."""
    built: list[str] = []

    def build(folder: Path, wanted: asked.Asked) -> Environment:
        built.append(" ".join(wanted.texts))
        folder.mkdir(exist_ok=True)
        python = folder / "python"
        python.touch()
        return Environment(name="", python=str(python), requirements=wanted.texts, packages={"tiny": "1.0"})

    monkeypatch.setattr(environments, "build", build)
    return built


def seen_by(environment: Environment, expression: str) -> object:
    """The value of an expression in an environment, as JSON carries it."""
    code = f"import importlib.util, json, sys; print(json.dumps({expression}))"
    command = [environment.python, "-P", "-W", "error", "-c", code]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def value_of_tiny(environment: Environment) -> object:
    return seen_by(environment, "__import__('tiny').VALUE")


def test_own_packages_win_and_all_others_are_the_current_ones(shelf):
    path = wheels.wheel(shelf, "tabulate", "99.0", {"tabulate.py": "VALUE = 'the overlay'\n"})
    environment = environments.obtain(str(path))
    assert environment.moved == {"tabulate": (metadata.version("tabulate"), "99.0")}
    assert environment.unasked == ()
    assert environment.packages == environments.current().packages | {"tabulate": "99.0"}
    assert seen_by(environment, "__import__('tabulate').VALUE") == "the overlay"
    for module in ("torch", "bench", "trainloops", "trainloops.runners.pytorch"):
        here = find_spec(module)
        assert here is not None
        assert seen_by(environment, f"importlib.util.find_spec({module!r}).origin") == here.origin


def test_an_overlay_trains(shelf):
    training = (
        "__import__('trainloops.runners').runners.load('pytorch')(job := __import__('trainloops.contract')"
        ".contract.Job(workload='mlp', batch_size=4, epochs=1, steps_per_epoch=2), "
        "__import__('trainloops.parts').parts.build(job))"
    )
    assert seen_by(environments.control(), training) is None


def test_what_moves_without_being_asked_for_is_told(shelf):
    wheels.wheel(shelf, "helper", "2.0")
    wheels.wheel(shelf, "tiny", "1.0", requires=["helper>=1", "numpy"])
    environment = environments.obtain("tiny==1.0")
    assert environment.moved == {"tiny": (None, "1.0"), "helper": (None, "2.0")}
    assert environment.unasked == ("helper",)
    assert environment.requirements == ("tiny==1.0",)
    assert environment.packages["numpy"] == metadata.version("numpy")


def test_packages_that_no_longer_fit_are_told(shelf):
    wheels.wheel(shelf, "typer", "0.1")
    assert any(
        text.startswith("looptax") and text.endswith("but you have typer 0.1 which is incompatible.")
        for text in environments.obtain("typer==0.1").conflicts
    )


def test_a_requirement_that_is_not_pinned_is_resolved_each_time(shelf, builds, monkeypatch):
    answers = iter([("tiny==1.0",), ("tiny==1.0",), ("tiny==1.1",)])
    monkeypatch.setattr(environments, "resolved", lambda *_: next(answers))
    first, second, third = (environments.obtain("tiny>=1").python for _ in range(3))
    assert first == second != third
    assert builds == ["", "tiny>=1", "tiny>=1"]  # the first is the control, in which pip resolves


def test_a_second_request_builds_nothing(shelf, builds):
    assert environments.obtain("tiny==1.0") == environments.obtain("tiny==1.0")
    assert environments.obtain("tiny==1.0", name="other").name == "other"
    assert builds == ["tiny==1.0"]
    environments.obtain("tiny==1.1")
    assert builds == ["tiny==1.0", "tiny==1.1"]


def test_another_wheel_of_the_same_name_is_another_environment(shelf, builds):
    path = wheels.wheel(shelf, "tiny", "1.0", {"tiny.py": "VALUE = 1\n"})
    first = environments.obtain(str(path))
    wheels.wheel(shelf, "tiny", "1.0", {"tiny.py": "VALUE = 2\n"})
    assert environments.obtain(str(path)).python != first.python


def test_another_version_of_a_package_below_is_another_environment(shelf, builds, monkeypatch, tmp_path):
    first = environments.obtain("tiny==1.0")
    folders = overlay.base_folders()
    (tmp_path / "more" / "newcomer-1.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(overlay, "base_folders", lambda: [*folders, str(tmp_path / "more")])
    assert environments.obtain("tiny==1.0").python != first.python


def test_a_half_built_environment_does_not_count(shelf, builds):
    folder = Path(environments.obtain("tiny==1.0").python).parent
    (folder / environments.COMPLETE).unlink()
    environments.obtain("tiny==1.0")
    assert len(builds) == 2


@pytest.mark.parametrize("content", ["", "{}", '{"name": "half'])
def test_a_record_that_cannot_be_read_is_built_again(shelf, builds, content):
    first = environments.obtain("tiny==1.0")
    (Path(first.python).parent / environments.COMPLETE).write_text(content)
    assert environments.obtain("tiny==1.0") == first
    assert len(builds) == 2


def test_an_environment_whose_interpreter_is_gone_is_built_again(shelf, builds):
    first = environments.obtain("tiny==1.0")
    Path(first.python).unlink()
    assert environments.obtain("tiny==1.0") == first
    assert len(builds) == 2


def test_a_failed_build_leaves_no_environment(shelf):
    with pytest.raises(UninstallableError):
        environments.obtain("tiny==1.0")
    assert [path.suffix for path in (environments.cache_folder() / "environments").iterdir()] == [".lock"]


def test_what_a_killed_build_left_is_cleared(tmp_path):
    (tmp_path / "left").touch()
    assert overlay.create(tmp_path).exists()
    assert not (tmp_path / "left").exists()


def test_two_processes_build_it_once(shelf):
    wheels.wheel(shelf, "tiny", "1.0")
    code = (
        "from bench.execute import environments, pip\n"
        "install = pip.install\n"
        "def told(*arguments, **options):\n"
        "    print('installs')\n"
        "    return install(*arguments, **options)\n"
        "pip.install = told\n"
        "print(environments.obtain('tiny==1.0').python)\n"
    )
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    said = [process.communicate()[0].split() for process in both]
    assert sorted(map(len, said)) == [1, 2]
    assert len({lines[-1] for lines in said}) == 1


def test_a_checkout_is_built_from_a_copy_and_again_after_an_edit(shelf, tmp_path):
    tree = wheels.checkout(tmp_path / "tree", 1)
    before = sorted(path.name for path in tree.iterdir())
    first = environments.obtain(str(tree))
    assert sorted(path.name for path in tree.iterdir()) == before
    assert first.moved == {"tiny": (None, "1.0")}
    assert first.unasked == ()
    (tree / "tiny.py").write_text("VALUE = 22\n")
    assert (value_of_tiny(first), value_of_tiny(environments.obtain(str(tree)))) == (1, 22)


def test_a_checkout_beside_a_requirement_that_is_not_pinned(shelf, tmp_path, monkeypatch):
    wheels.wheel(shelf, "helper", "2.0")
    wheels.checkout(tmp_path / "tree", 3)
    monkeypatch.chdir(tmp_path)
    environment = environments.obtain("./tree helper>=1")
    assert environment.moved == {"tiny": (None, "1.0"), "helper": (None, "2.0")}
    assert environment.unasked == ()


def test_what_a_build_left_is_no_part_of_a_checkout(tmp_path):
    tree = wheels.checkout(tmp_path / "tree", 1)
    (tree / "src").mkdir()
    (tree / "src" / "build").mkdir()
    (tree / "src" / "build" / "kept.py").touch()
    before = checkouts.digest(tree)
    for left in ("build/lib", "src/tiny.egg-info", "__pycache__", ".mypy_cache"):
        (tree / left).mkdir(parents=True)
        (tree / left / "stale.py").touch()
    assert checkouts.digest(tree) == before
    checkouts.copy(tree, tmp_path / "copy")
    copied = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*.py")}
    assert copied == {"tiny.py", "backend.py", "src/build/kept.py"}


def test_a_requirements_file(shelf, tmp_path):
    wheels.wheel(shelf, "helper", "2.0")
    wheels.wheel(shelf, "tiny", "1.0")
    path = tmp_path / "candidate.txt"
    path.write_text("# both\ntiny==1.0  # pinned\n\nhelper\n")
    environment = environments.from_requirements(path)
    assert (environment.name, environment.requirements) == ("candidate", ("tiny==1.0", "helper"))
    assert environment.moved == {"tiny": (None, "1.0"), "helper": (None, "2.0")}


def test_current_is_this_interpreter(no_pip):
    no_pip()
    environment = environments.obtain("current")
    assert (environment.name, environment.python, environment.moved) == ("current", sys.executable, {})
    assert environment.packages["torch"] == metadata.version("torch")


def test_the_control_moves_nothing_and_has_a_path_as_long_as_any_overlay(shelf):
    path = wheels.wheel(shelf, "tiny", "1.0")
    control, other = environments.control(), environments.obtain(str(path))
    assert (control.name, control.moved, control.packages) == ("current", {}, environments.current().packages)
    assert len(seen_by(control, "sys.path")) == len(seen_by(other, "sys.path"))
    assert control.python != sys.executable


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"LOOPTAX_CACHE": "/own", "XDG_CACHE_HOME": "/xdg"}, "/own"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/looptax"),
        ({}, "/home/someone/.cache/looptax"),
    ],
)
def test_where_the_cache_is(monkeypatch, variables, folder):
    for name in ("LOOPTAX_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert environments.cache_folder() == Path(folder)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("torch==2.5.0", "Environments keep the torch that is installed"),
        ("transformers=4.46.3", "'transformers=4.46.3' is neither a requirement nor a wheel nor a checkout"),
        ("./nowhere", "'./nowhere' is neither a requirement nor a wheel nor a checkout"),
        ("gone-1.0-py3-none-any.whl", "The wheel gone-1.0-py3-none-any.whl cannot be used"),
        ("gone.whl", "The wheel gone.whl cannot be used (Invalid wheel filename"),
    ],
)
def test_a_text_that_means_nothing(text, sentence):
    with pytest.raises(UsageError) as raised:
        environments.obtain(text)
    assert str(raised.value).startswith(sentence)
    assert str(raised.value).count(". ") == 0


def test_a_requirements_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"^The requirements file \S+/gone.txt is not there; give the path"):
        environments.from_requirements(tmp_path / "gone.txt")


def test_pins_and_names_are_normalised():
    parsed = asked.parse("PyTorch_Lightning==2.4.0 'setuptools<81'")
    assert parsed.names == {"pytorch-lightning", "setuptools"}
    assert parsed.pins == {"pytorch-lightning": "2.4.0"}
    assert not parsed.is_fixed


def test_a_release_that_is_not_there(shelf):
    wheels.wheel(shelf, "tiny", "1.0")
    with pytest.raises(UninstallableError) as raised:
        environments.obtain("tiny==9.0")
    assert str(raised.value).startswith("The index has nothing that fits tiny==9.0 and Python 3.")
    assert str(raised.value).endswith(" on this system without building it from source; the newest there is 1.0.")


def test_releases_that_do_not_fit_each_other(shelf):
    wheels.wheel(shelf, "helper", "1.0")
    wheels.wheel(shelf, "tiny", "1.0", requires=["helper>=2"])
    with pytest.raises(UninstallableError) as raised:
        environments.obtain("tiny==1.0 helper==1.0")
    assert str(raised.value) == (
        "No versions agree: The user requested helper==1.0, but tiny 1.0 depends on helper>=2."
    )


def test_an_index_that_does_not_answer(shelf, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    sentence = (
        "The package index does not answer at http://127.0.0.1:9/simple/tiny/ (Connection refused); "
        "mend the network, or name another index with PIP_INDEX_URL."
    )
    for ask in (environments.obtain, pip.releases):
        with pytest.raises(IndexUnreachableError) as raised:
            ask("tiny==1.0" if ask is environments.obtain else "tiny")
        assert str(raised.value) == sentence
        assert raised.value.exit_code == 2


def test_another_torch_is_refused(shelf):
    path = wheels.wheel(shelf, "tiny", "1.0", {"torch/__init__.py": ""})
    with pytest.raises(UninstallableError, match=r"^The environment would have another torch"):
        environments.obtain(str(path))


def test_what_needs_another_torch_is_refused_and_not_fetched(shelf):
    wheels.wheel(shelf, "torch", "99.0", {"torch/__init__.py": ""})
    wheels.wheel(shelf, "tiny", "1.0", requires=["torch>=99"])
    with pytest.raises(UninstallableError) as raised:
        environments.obtain("tiny==1.0")
    assert "tiny 1.0 depends on torch>=99, but The user requested (constraint) torch==" in str(raised.value)


def test_what_cannot_be_imported_is_refused(shelf):
    wheels.wheel(shelf, "accelerate", "99.0", {"accelerate.py": "import a_thing_of_the_future\n"})
    with pytest.raises(UninstallableError) as raised:
        environments.obtain("accelerate==99.0")
    assert str(raised.value) == (
        "accelerate 99.0 is installed but cannot be imported here: "
        "ModuleNotFoundError: No module named 'a_thing_of_the_future'."
    )


def test_a_release_whose_needs_are_known_is_refused_before_pip_runs(shelf, no_pip):
    no_pip()
    here = metadata.version("accelerate")
    with pytest.raises(UninstallableError) as raised:
        environments.obtain("transformers==4.38.2")
    assert str(raised.value) == (
        f"transformers==4.38.2 cannot work here: transformers 4.38.2 needs accelerate>=0.26,<1.0 ({here} here); "
        "newer ones dropped `dispatch_batches`, ask for accelerate==0.27.2 beside it."
    )


def test_a_reason_of_pip_comes_with_what_is_known(shelf):
    wheels.wheel(shelf, "pytorch_lightning", "2.1.4", requires=["nowhere"])
    with pytest.raises(
        UninstallableError, match=r"^The index has nothing that fits nowhere .*; pytorch-lightning 2.1.4"
    ):
        environments.obtain("pytorch-lightning==2.1.4 setuptools>=1")


@pytest.mark.parametrize(
    ("packages", "needs"),
    [
        ({"transformers": "4.34.1", "accelerate": "0.24.1"}, []),
        ({"transformers": "4.37.2", "accelerate": "0.34.2"}, []),
        ({"transformers": "4.37.2", "accelerate": "1.0.0"}, ["accelerate"]),
        ({"transformers": "4.39.3", "accelerate": "0.25.0"}, ["accelerate"]),
        ({"transformers": "4.51.3", "accelerate": "0.26.0"}, []),
        ({"transformers": "4.52.1", "accelerate": "1.2.1"}, ["accelerate"]),
        ({"transformers": "5.0.0", "accelerate": "1.3.0", "python": "3.9.1", "torch": "2.2.0"}, ["python"]),
        ({"transformers": "5.1.0", "accelerate": "1.3.0", "python": "3.10.0", "torch": "2.3.1+cpu"}, ["torch"]),
        ({"transformers": "5.20.0", "accelerate": "1.3.0", "python": "3.11.0", "torch": "2.5.1"}, ["torch"]),
        ({"transformers": "5.21.0", "accelerate": "1.3.0", "python": "3.10.9", "torch": "2.6.0"}, ["python"]),
        ({"transformers": "5.24.0", "accelerate": "1.3.0", "python": "3.14.0", "torch": "2.13.0+cpu"}, []),
        ({"pytorch-lightning": "2.3.3", "setuptools": "81.0.0"}, []),
        ({"pytorch-lightning": "2.3.3", "setuptools": "82.0.0"}, ["setuptools"]),
        ({"pytorch-lightning": "2.3.3"}, ["setuptools"]),
        ({"pytorch-lightning": "2.4.0"}, []),
    ],
)
def test_known_needs(packages, needs):
    assert [rule.needs for rule in compatibility.broken(packages)] == needs
