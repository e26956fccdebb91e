"""In any folder and under any PYTHONPATH: what hides Python's own modules is named, and nothing ends with 1."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bench import bisect, compare, doctor, history, run, upgrade
from bench.cli import app, startup
from bench.execute import launch_probe, probe
from bench.records.health import TorchFacts
from bench.report import __main__ as report

ROOT = Path(__file__).parent.parent.parent
FALSE = "raise RuntimeError('not the module that was meant')\n"
VERBS = {"run": run, "upgrade": upgrade, "bisect": bisect, "history": history}
VERBS |= {"compare": compare, "doctor": doctor, "report": report}


def started(*arguments: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables |= {} if path is None else {"PYTHONPATH": str(path)}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=variables, check=False)


def package(folder: Path, text: str = "") -> None:
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(text)


@pytest.fixture
def crowded(tmp_path) -> Path:
    """A folder with files that are called as modules of Python's own and as frameworks."""
    for name in ("__future__", "random", "tokenize", "types", "typing", "traceback", "os", "re", "dataclasses"):
        (tmp_path / f"{name}.py").write_text(FALSE)
    for name in ("torch", "transformers", "accelerate", "numpy", "pydantic", "typer", "bench"):
        package(tmp_path / name, FALSE)
    return tmp_path


@pytest.mark.parametrize("verb", list(startup.VERBS))
def test_no_file_where_the_user_stands_is_imported(verb, crowded):
    (crowded / "bench" / "__init__.py").unlink()
    (crowded / "bench").rmdir()  # that one is looptax's own name
    done = started(f"bench.{verb}", "--help", cwd=crowded)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: python -m bench.{verb}" in done.stdout


def test_no_child_imports_what_lies_where_the_user_stands(crowded, monkeypatch):
    monkeypatch.chdir(crowded)
    machine, packages = probe.machine()
    assert machine.torch_build.startswith(packages["torch"])
    assert launch_probe.tried("cpu") == TorchFacts(launch="fork")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("random.py", "x = 1\n"),
        ("tokenize.py", "raise ValueError('what the file does')\n"),
        ("dataclasses.py", "def (\n"),
        ("json/__init__.py", ""),
    ],
)
def test_a_file_that_hides_pythons_own_is_named(name, text, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    done = started("bench.run", "--runner", "pytorch", "--only", "counters", cwd=ROOT, path=tmp_path)
    module = name.partition("/")[0].removesuffix(".py")
    hidden = tmp_path / name.partition("/")[0]
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"error: {hidden} hides Python's own {module}: rename it, or take {tmp_path} out of PYTHONPATH."
    )
    assert "Traceback" not in done.stderr


def test_a_false_torch_is_named_and_not_to_be_installed(tmp_path):
    package(tmp_path / "torch")
    done = started("bench.run", "--runner", "pytorch", "--out", str(tmp_path / "out"), cwd=ROOT, path=tmp_path)
    assert done.returncode == 2
    assert f"error: the torch of {tmp_path}/torch/__init__.py cannot be used (AttributeError: " in done.stderr
    assert done.stderr.endswith(f": take {tmp_path} out of PYTHONPATH.\n")
    assert not (tmp_path / "out").exists()


def test_another_transformers_than_is_installed_is_refused(tmp_path):
    package(tmp_path / "transformers", "__version__ = '0.1'\n")
    done = started("bench.run", "--runner", "pytorch", "--out", str(tmp_path / "out"), cwd=ROOT, path=tmp_path)
    assert done.returncode == 2
    assert f"error: {tmp_path}/transformers/__init__.py is imported in the place of the transformers 5" in done.stderr
    assert done.stderr.endswith(f": take {tmp_path} out of PYTHONPATH.\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("module", ["bench", "bench.upgrad", "bench.execute", "bench.run.again"])
def test_what_is_no_verb_does_not_end_as_a_regression(module):
    done = started(module, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: python -m {module} does nothing: choose bench.run, bench.upgrade, ")
    assert len(done.stderr.splitlines()) == 1


def test_an_error_before_a_verb_runs_does_not_end_as_a_regression(tmp_path):
    package(tmp_path / "pydantic", "raise OSError('a broken installation')\n")
    done = started("bench.run", cwd=ROOT, path=tmp_path)
    assert done.returncode == 70
    assert "OSError: a broken installation" in done.stderr
    assert done.stderr.endswith("error: internal error in looptax; the measurements are not affected.\n")


def test_a_package_that_is_missing_is_named():
    missing = ModuleNotFoundError("No module named 'pandas'", name="pandas.core")
    assert str(startup.explained(missing)).startswith("looptax needs pandas, which is not installed here: pip install")
    assert startup.explained(OSError("no space left")) is None


def test_a_library_that_ends_the_process_does_not_end_as_a_regression(capsys):
    def ends() -> int:
        sys.exit("a message, which Python ends with 1")

    assert app.exit_code(lambda **_: ends()) == 70
    assert "a message" in capsys.readouterr().err


def test_a_notebook_keeps_its_import_path():
    code = (
        "import sys; before = list(sys.path), sys.excepthook; import bench; assert before == (sys.path, sys.excepthook)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def with_values(verb) -> list[tuple[str, str]]:
    command = typer.main.get_command(app.app_of(verb.main))
    # A script may be given empty arguments.
    options = [each for each in command.params if not getattr(each, "is_flag", False) and each.name != "arguments"]
    return [(max(option.opts, key=len), option.param_type_name) for option in options]


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_no_value_is_empty(verb, blank, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    options = with_values(verb)
    assert options
    for option, kind in options:
        values = [blank, "other"] if option == "--requirements" else [blank]
        arguments = [option, *values] if kind == "option" else values
        code = app.exit_code(lambda arguments=arguments, **kept: app.app_of(verb.main)(arguments, **kept))
        said = capsys.readouterr().err
        assert (option, code) == (option, 2)
        assert "is empty, as an unset variable leaves it: give it a value, or leave it out.\n" in said
        assert kind != "option" or said.startswith(f"error: {option} ")
    assert list(tmp_path.iterdir()) == []
