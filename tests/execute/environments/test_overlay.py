"""Overlays over the current environment: what they see, and what is told of them."""

import sys
from importlib import metadata
from importlib.util import find_spec

import pytest

from bench.execute.environments import cache, checkouts, overlay, requirements
from bench.execute.environments.build import Environment
from tests.execute.environments import wheels
from tests.execute.environments.wheels import seen_by


def value_of_tiny(environment: Environment) -> object:
    return seen_by(environment, "__import__('tiny').VALUE")


def test_own_packages_win_and_all_others_are_the_current_ones(shelf):
    path = wheels.wheel(shelf, "tabulate", "99.0", {"tabulate.py": "VALUE = 'the overlay'\n"})
    environment = cache.obtain(str(path))
    assert environment.moved == {"tabulate": (metadata.version("tabulate"), "99.0")}
    assert environment.unasked == []
    assert environment.packages == overlay.base_packages() | {"tabulate": "99.0"}
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
    assert seen_by(cache.control(), training) is None


def test_what_moves_without_being_asked_for_is_told(shelf):
    wheels.wheel(shelf, "helper", "2.0")
    wheels.wheel(shelf, "tiny", "1.0", requires=["helper>=1", "numpy"])
    environment = cache.obtain("tiny==1.0")
    assert environment.moved == {"tiny": (None, "1.0"), "helper": (None, "2.0")}
    assert environment.unasked == ["helper"]
    assert environment.requirements == ["tiny==1.0"]
    assert environment.packages["numpy"] == metadata.version("numpy")


def test_packages_that_no_longer_fit_are_told(shelf, monkeypatch):
    monkeypatch.delenv("PIP_NO_WARN_CONFLICTS")
    wheels.wheel(shelf, "typer", "0.1")
    assert any(
        text.startswith("looptax") and text.endswith("but you have typer 0.1 which is incompatible.")
        for text in cache.obtain("typer==0.1").conflicts
    )


def test_a_checkout_is_built_from_a_copy_and_again_after_an_edit(shelf, tmp_path):
    tree = wheels.checkout(tmp_path / "tree", 1)
    before = sorted(path.name for path in tree.iterdir())
    first = cache.obtain(str(tree))
    assert sorted(path.name for path in tree.iterdir()) == before
    assert first.moved == {"tiny": (None, "1.0")}
    assert first.unasked == []
    (tree / "tiny.py").write_text("VALUE = 22\n")
    assert (value_of_tiny(first), value_of_tiny(cache.obtain(str(tree)))) == (1, 22)


def test_a_checkout_beside_a_requirement_that_is_not_pinned(shelf, tmp_path, monkeypatch):
    wheels.wheel(shelf, "helper", "2.0")
    wheels.checkout(tmp_path / "tree", 3)
    monkeypatch.chdir(tmp_path)
    environment = cache.obtain("./tree helper>=1")
    assert environment.moved == {"tiny": (None, "1.0"), "helper": (None, "2.0")}
    assert environment.unasked == []


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
    environment = cache.from_requirements(path)
    assert (environment.name, environment.requirements) == ("candidate", ["tiny==1.0", "helper"])
    assert environment.moved == {"tiny": (None, "1.0"), "helper": (None, "2.0")}


@pytest.mark.usefixtures("unpacks")
def test_the_current_environment_is_an_overlay_that_moves_nothing_and_has_a_path_as_long_as_any(shelf):
    path = wheels.wheel(shelf, "tiny", "1.0")
    control, other = cache.obtain("current"), cache.obtain(str(path))
    assert (control.name, control.moved, control.packages) == ("current", {}, overlay.base_packages())
    assert control.packages["torch"] == metadata.version("torch")
    assert len(seen_by(control, "sys.path")) == len(seen_by(other, "sys.path"))
    assert control.python != sys.executable


@pytest.mark.parametrize("asked_for", ["torch>=2.0", f"torch=={metadata.version('torch').partition('+')[0]}"])
def test_a_lock_file_may_name_the_torch_that_is_installed(shelf, tmp_path, asked_for):
    wheels.wheel(shelf, "tiny", "1.0")
    path = tmp_path / "lock.txt"
    path.write_text(f"tiny==1.0\n{asked_for}\n")
    environment = cache.from_requirements(path)
    assert environment.moved == {"tiny": (None, "1.0")}
    assert environment.packages["torch"] == metadata.version("torch")


def test_pins_and_names_are_normalised():
    parsed = requirements.parse("PyTorch_Lightning==2.4.0 'setuptools<81'")
    assert parsed.names == {"pytorch-lightning", "setuptools"}
    assert parsed.pins == {"pytorch-lightning": "2.4.0"}
    assert not parsed.is_fixed
