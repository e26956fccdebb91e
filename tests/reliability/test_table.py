"""docs/reliability.md is what it says: each of its tests is there, and no process is started that it does not list."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "reliability.md").read_text()
STARTS = {"run", "Popen", "call", "check_call", "check_output", "fork", "forkpty", "system", "popen", "posix_spawn"}
"""Of `subprocess` and `os`; `exec*` and `spawn*` of the latter are looked for by their beginning."""
BY_NAME = {"urlopen", "elastic_launch"}
"""Whatever they were imported from."""


def test_every_test_of_the_table_exists():
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", PAGE)
    assert len(named) > 40
    gone = [f"{file}::{name}" for file, name in named if name not in functions(file)]
    assert gone == []
    rows = [line for line in PAGE.partition("## Processes")[0].splitlines() if line.startswith("| ")]
    without = [row for row in rows if "::test_" not in row and not re.match(r"\| (fault|attack) \|", row)]
    assert without == []


def functions(file):
    return {node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)}


def calls(path):
    """The names that are called in a file, with the module before the dot."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {keyword.arg for keyword in node.keywords}


def test_every_file_that_starts_a_process_is_in_the_review_and_none_uses_a_shell():
    starts = set()
    for path in sorted([*(ROOT / "bench").rglob("*.py"), *(ROOT / "src").rglob("*.py")]):
        for name, keywords in calls(path):
            module, _, function = name.rpartition(".")
            assert "shell" not in keywords, path
            assert name not in ("eval", "os.system", "os.popen"), path
            begins = module in ("os", "") and re.fullmatch(r"(exec|spawn)([lv]p?e?)?|posix_spawnp?", function)
            if (module in ("subprocess", "os") and function in STARTS) or begins or function in BY_NAME:
                starts.add(str(path.relative_to(ROOT)))
    reviewed = set(re.findall(r"^\| (bench/\S+\.py) \|", PAGE.partition("## Processes")[2], flags=re.MULTILINE))
    assert starts == reviewed


def test_nothing_is_unpickled_but_what_a_process_and_its_own_child_tell_each_other():
    unpickling = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bench").rglob("*.py")
        for name, _ in calls(path)
        if name in ("pickle.load", "pickle.loads", "torch.load", "marshal.loads", "yaml.load")
    }
    assert unpickling == {"bench/report/charts/engine.py", "bench/execute/workers/script_looks.py"}
