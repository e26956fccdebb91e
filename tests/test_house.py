"""The rules of the house, read from the imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FRAMEWORKS = {"transformers", "accelerate", "pytorch_lightning", "lightning_fabric", "lightning"}
RUNNERS = ROOT / "src" / "trainloops" / "runners"


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


@pytest.mark.parametrize("path", files("src"), ids=str)
def test_what_is_measured_knows_nothing_of_the_harness(path):
    assert "bench" not in tops(path)


@pytest.mark.parametrize(
    "path", [*files("bench/analyse"), *files("bench/report"), *files("bench/plan"), *files("bench/records")], ids=str
)
def test_planning_and_telling_import_neither_torch_nor_a_framework(path):
    assert not tops(path) & (FRAMEWORKS | {"torch"})


@pytest.mark.parametrize("path", [*files("bench/analyse"), *files("bench/report")], ids=str)
def test_analysing_and_telling_start_no_process(path):
    """But for the one that draws, whose engine aborts where memory is limited."""
    allowed = {"subprocess"} if path == ROOT / "bench" / "report" / "drawing.py" else set()
    assert not tops(path) & ({"subprocess", "multiprocessing", "os"} - allowed)
    assert not {name for name in imports(path) if name.startswith("bench.execute")}


@pytest.mark.parametrize("path", files("bench/measure"), ids=str)
def test_the_instrument_does_no_statistics_and_prints_nothing(path):
    assert not tops(path) & (FRAMEWORKS | {"numpy", "scipy", "pandas", "statistics", "rich"})
    assert not {name for name in imports(path) if name.startswith(("bench.analyse", "bench.report", "bench.execute"))}
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert "print" not in {node.func.id for node in calls if isinstance(node.func, ast.Name)}


@pytest.mark.parametrize("path", files("bench"), ids=str)
def test_only_the_worker_loads_a_runner_or_a_workload(path):
    loads = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func) in {"runners.load", "workloads.load"}
    }
    assert not loads or path.name == "worker.py"


@pytest.mark.parametrize("path", sorted(RUNNERS.glob("[a-z]*.py")), ids=str)
def test_a_runner_imports_its_own_framework_and_no_other_runner(path):
    own = {
        "hf_trainer.py": {"transformers"},
        "lightning.py": {"pytorch_lightning"},
        "accelerate.py": {"accelerate"},
        "fabric.py": {"lightning_fabric"},
    }.get(path.name, set())
    assert tops(path) & FRAMEWORKS == own
    runners = {name for name in imports(path) if name.startswith("trainloops.runners")}
    assert runners <= {"trainloops.runners", "trainloops.runners.compat"}


@pytest.mark.parametrize("path", sorted(RUNNERS.glob("[a-z]*.py")), ids=str)
def test_a_runner_has_no_timing_code(path):
    assert not tops(path) & {"time", "timeit", "datetime"}


def test_help_is_answered_without_torch_or_a_framework():
    code = (
        "import sys, runpy; sys.argv = ['bench.run', '--help']\n"
        "try: runpy.run_module('bench.run', run_name='__main__')\n"
        "except SystemExit as e: print('exit', e.code)\n"
        f"print('loaded', sorted(set(sys.modules) & {FRAMEWORKS | {'torch', 'pandas', 'numpy'}!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "exit 0\nloaded []" in done.stdout
    assert "--batch-size" in done.stdout
