"""Looks at a user's own runner file before anything is measured; it is read, and not run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.errors import UsageError
from trainloops import runners

GIVEN = 2
"""Arguments of `train`: the job and the parts."""
WAY_OUT = "give the path of a file with a train(job, parts)"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def refuse_unusable(names: Iterable[str], *, flag: str = "--runner") -> None:
    """Raise `UsageError` for a file that cannot be a runner, naming its line."""
    for name in names:
        if runners.is_file(name):
            _refuse_unusable(Path(name), flag)


def _refuse_unusable(file: Path, flag: str) -> None:
    if not file.is_file():
        raise UsageError(f"{flag} {file}: there is no such file; {WAY_OUT}.")
    try:
        module = ast.parse(file.read_bytes(), filename=str(file))
    except OSError as error:
        raise UsageError(f"{flag} {file} cannot be read: {error.strerror}; {WAY_OUT}.") from None
    except SyntaxError as error:
        at = f" line {error.lineno}" if error.lineno else ""
        raise UsageError(f"{flag} {file}{at} is no Python: {error.msg}.") from None
    except ValueError as error:
        raise UsageError(f"{flag} {file} is no Python: {error}.") from None
    found = list(_trains(module))
    if not found:
        raise UsageError(f"{flag} {file} has no train(job, parts): define one at its top level.")
    if isinstance(found[-1], Function):
        _refuse_signature(found[-1], f"{flag} {file} line {found[-1].lineno}")


def _trains(module: ast.Module) -> Iterator[ast.AST]:
    """Whatever may be the module's `train`, in the order of its lines; an import of everything may be."""
    for node in _top_level(module.body):
        if isinstance(node, Function | ast.ClassDef):
            names = {node.name}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.asname or alias.name for alias in node.names}
        else:
            names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        if names & {"train", "*", "globals", "setattr", "exec"}:
            yield node


def _top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when the module is imported, those inside of `if`, `try`, `with` and loops too."""
    for statement in body:
        inner = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
        handlers = [handler.body for handler in getattr(statement, "handlers", [])]
        if isinstance(statement, Function | ast.ClassDef) or not any(inner):
            yield statement
        else:
            for each in (*inner, *handlers):
                yield from _top_level(each)


def _refuse_signature(train: Function, where: str) -> None:
    arguments = train.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needed = positional - len(arguments.defaults)
    named = sum(default is None for default in arguments.kw_defaults)
    fits = needed <= GIVEN and not named and (positional >= GIVEN or arguments.vararg is not None)
    if isinstance(train, ast.AsyncFunctionDef):
        raise UsageError(f"{where}: train is async, so that calling it trains nothing; make it a plain function.")
    if not fits and not train.decorator_list:  # a decorator may make anything of it
        raise UsageError(f"{where}: train({ast.unparse(arguments)}) cannot be called as train(job, parts).")
