"""The rules of the house that the contracts of import-linter (pyproject.toml) cannot say."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli.startup import VERBS

ROOT = Path(__file__).parent.parent
FRAMEWORKS = {"transformers", "accelerate", "pytorch_lightning", "lightning_fabric", "lightning"}
FRAMEWORKS |= {"ignite", "skorch", "pytorch_accelerated"}
RUNNERS = ROOT / "src" / "trainloops" / "runners"


def tops(path: Path) -> set[str]:
    """The packages that a file imports, wherever in it."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    return {name.partition(".")[0] for name in modules}


def files(folder: str) -> list[Path]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    assert paths, folder
    return paths


@pytest.mark.parametrize("path", files("bench"), ids=str)
def test_only_the_worker_loads_a_runner_or_a_workload(path):
    loads = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func) in {"runners.load", "workloads.load"}
    }
    assert not loads or path.name == "loading.py"


@pytest.mark.parametrize("path", sorted(RUNNERS.glob("[a-z]*.py")), ids=str)
def test_a_runner_imports_its_own_framework_and_no_other(path):
    own = {
        "hf_trainer.py": {"transformers"},
        "lightning.py": {"pytorch_lightning"},
        "accelerate.py": {"accelerate"},
        "fabric.py": {"lightning_fabric"},
        "ignite.py": {"ignite"},
        "skorch.py": {"skorch"},
        "pytorch_accelerated.py": {"pytorch_accelerated", "accelerate"},
    }.get(path.name, set())
    assert tops(path) & FRAMEWORKS == own


@pytest.mark.parametrize("path", files("studies/plain"), ids=str)
def test_a_plain_script_imports_nothing_of_ours(path):
    assert not tops(path) & {"bench", "trainloops", "tests", "studies"}
    assert "from ." not in path.read_text()


def test_what_options_there_are_is_known_without_torch_or_a_framework():
    code = (
        "import sys; from trainloops import options\n"
        "print([len(options.of(runner)) > 0 for runner in options.MODULES])\n"
        f"print('loaded', sorted(set(sys.modules) & {FRAMEWORKS | {'torch'}!r}))"
    )
    path = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=path, check=True)
    assert done.stdout == "[True, True, True, True]\nloaded []\n"


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_answered_without_torch_or_a_framework(verb):
    heavy = FRAMEWORKS | {"torch", "pandas", "numpy", "pynvml"}
    module = "bench.report.__main__" if verb == "report" else f"bench.{verb}"
    code = (
        f"import sys, runpy; sys.argv = ['bench.{verb}', '--help']\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit as e: print('exit', e.code)\n"
        f"print('loaded', sorted(set(sys.modules) & {heavy!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "exit 0\nloaded []" in done.stdout
    assert f"Usage: bench.{verb} [OPTIONS]" in done.stdout
