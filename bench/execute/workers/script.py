"""A training script of the user's own, run as Python would run it: its leading imports once, the rest in each trial.

Standard library only: it is imported before a framework is, whose import is timed.
"""

from __future__ import annotations

import ast
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.execute.workers.failure import sentence
from bench.plan import working_copy

MAIN = "__main__"
MARK = "__looptax_step__"
Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


NETWORK = (
    *("ConnectionError", "ConnectError", "ConnectTimeout", "gaierror", "URLError", "MaxRetryError", "ProxyError"),
    *("NameResolutionError", "OfflineModeIsEnabled", "LocalEntryNotFoundError"),
)
"""Errors, by name, of Python and of the usual libraries where nobody answers."""
LONGEST_REASON = 300


class ScriptError(Exception):
    """Why a script's trial has no figures: one sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """What to run, and where."""

    file: Path
    arguments: tuple[str, ...]
    folder: Path
    in_place: bool

    @classmethod
    def of(cls, message: dict[str, Any]) -> Script:
        """The script of a request."""
        return cls(
            file=Path(message["file"]),
            arguments=tuple(message["arguments"]),
            folder=Path(message["folder"]),
            in_place=message["in_place"],
        )

    def prepare(self) -> None:
        """Import what the script imports first, so that none of the forks of this process has to.

        These are the imports from its first line on up to the first other statement, or to the first module that lies
        beside it, so that everything runs in the script's own order. Raises whatever they raise.
        """
        sys.path.insert(0, str(self.file.parent))
        sys.argv[:] = [str(self.file), *self.arguments]
        for statement in leading_imports(self._tree(), beside=self.file.parent):
            exec(compile(ast.Module([statement], []), str(self.file), "exec"), {"__name__": MAIN})  # noqa: S102 # nosec B102

    def run(self, scratch: Path, *, wrapped: tuple[str, Wrap] | None = None) -> None:
        """Run it to its end in a folder of its own below `scratch`; `wrapped` is a function of its, and its wrapper.

        Raises whatever the script raises, and `ScriptError` where it has no such function.
        """
        os.chdir(self._working_folder(scratch))
        tree, module = self._tree(), ModuleType(MAIN)
        module.__dict__.update(__file__=str(self.file), __builtins__=__builtins__)
        if wrapped is not None:
            name, module.__dict__[MARK] = wrapped
            _mark(tree, name, self.file)
        sys.modules[MAIN] = module
        exec(compile(tree, str(self.file), "exec"), module.__dict__)  # noqa: S102 # nosec B102 - it is to be run

    def _tree(self) -> ast.Module:
        return ast.parse(self.file.read_bytes(), filename=str(self.file))

    def _working_folder(self, scratch: Path) -> Path:
        if self.in_place:
            return self.folder
        copied = Path(tempfile.mkdtemp(prefix="cwd-", dir=scratch))
        working_copy.copy(self.folder, copied)
        return copied


def leading_imports(tree: ast.Module, *, beside: Path) -> Iterator[ast.stmt]:
    """The import statements that a script begins with, until one that finds something beside it."""
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    for statement in body:
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            names = [statement.module or ""]
        else:
            return
        tops = [name.partition(".")[0] for name in names]
        if any((beside / f"{top}.py").exists() or (beside / top).is_dir() for top in tops):
            return
        yield statement


def _mark(tree: ast.Module, name: str, file: Path) -> None:
    """Decorate the function so that the wrapper sees its calls, whoever makes them; lines stay what they are."""
    node: ast.AST = tree
    for part in name.split("."):
        inner = [child for child in getattr(node, "body", []) if getattr(child, "name", None) == part]
        if not inner:
            raise ScriptError(f"--tick-on {MAIN}:{name}: {file.name} defines no such function at its top level")
        node = inner[-1]
    if not isinstance(node, ast.FunctionDef):
        raise ScriptError(f"--tick-on {MAIN}:{name}: in {file.name} that is no plain function")
    mark = ast.copy_location(ast.Name(MARK, ast.Load()), node)
    node.decorator_list.insert(0, mark)


def reason_of(error: BaseException, file: Path) -> str:
    """What a script raised, and on which of its lines."""
    if isinstance(error, ScriptError):
        return str(error)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    where = f"{file.name} line {lines[-1]}: " if lines else ""
    what = f"{where}{sentence(error)[:LONGEST_REASON]}"
    names = {kind.__name__ for cause in _before(error) for kind in type(cause).__mro__}
    if isinstance(error, EOFError):
        return f"it asks for input, of which a trial has none ({what})"
    if names & set(NETWORK):
        return f"it needs something of the network that does not answer here; bring it here first ({what})"
    return what


def _before(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
