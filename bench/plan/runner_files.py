"""Looks at runners and workloads of the user's own before anything is measured: they are read, and not run."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

from bench.errors import UsageError
from bench.plan import parse, scripts
from bench.records.cells import SCRIPT
from bench.records.schema import Settings
from trainloops import references, runners, workloads
from trainloops.references import Entry

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What a user may bring, and how it is called."""

    flag: str
    usual: str
    """Its name in its module, where a reference does not say otherwise."""
    arguments: tuple[str, ...]
    async_does: str
    """What calling it would do if it were async."""
    entry: Callable[[str], Entry | None]
    """What a name or a reference stands for; None for a name that nobody has given to anything here."""

    def call(self, attribute: str) -> str:
        """`train(job, parts)`."""
        return f"{attribute}({', '.join(self.arguments)})"


RUNNER = Kind(
    flag="--runner",
    usual=runners.TRAIN,
    arguments=("job", "parts"),
    async_does="trains nothing",
    entry=runners.entry,
)
WORKLOAD = Kind(
    flag="--workload",
    usual=workloads.USUAL,
    arguments=(),
    async_does="makes no workload",
    entry=workloads.entry,
)
BUILT_IN = {entry.where for entry in (*runners.BUILT_IN.values(), *workloads.REGISTRY.values())}


def refuse_unusable(settings: Settings, *, flag: str) -> None:
    """Raise `UsageError` for what a stored run has of the user's own and cannot be had here, naming its line."""
    if settings.scripts is not None:
        scripts.refuse_gone(settings.scripts, flag=flag)
        return
    for name in settings.runners:
        refuse(name, RUNNER, flag=flag)
    for name in dict.fromkeys(comparison.workload for comparison in settings.comparisons):
        refuse(name, WORKLOAD, flag=flag)


def not_built_in(settings: Settings) -> Iterator[str]:
    """The runners, workloads and scripts that looptax does not bring itself: files, modules, what packages bring."""
    if settings.scripts is not None:
        yield from (script.file for script in settings.scripts.each)
    yield from (name for name in settings.runners if name not in runners.BUILT_IN)
    yield from (
        comparison.workload
        for comparison in settings.comparisons
        if comparison.workload not in {*workloads.REGISTRY, SCRIPT}
    )


def refuse(name: str, kind: Kind, *, flag: str | None = None) -> None:
    """Raise `UsageError` for what cannot be of this kind, naming its line; what is built in is not looked at."""
    flag = flag or kind.flag
    entry = kind.entry(name)
    if entry is None:
        raise UsageError(f"{flag} {name} is neither built in nor brought by a package that is installed here.")
    if entry.where in BUILT_IN:
        return
    reference = references.parse(entry.where)
    attribute = reference.attribute or kind.usual
    if reference.is_file:
        _refuse_file(Path(reference.place), f"{flag} {reference.place}", attribute, kind)
        return
    spec = _spec_of(reference.place)
    if spec is None:
        module = f"a module {reference.place}" if reference.place else "a module before its colon"
        raise UsageError(f"{flag} {name} needs {module}, which cannot be found here; install it, or check its name.")
    if spec.origin is not None and spec.origin.endswith(".py"):
        _refuse_file(Path(spec.origin), f"{flag} {name}: {spec.origin}", attribute, kind)


def digests(settings: Settings) -> dict[str, str]:
    """SHA-256 of the file of every runner, workload and script of the user's own, by its name; none without a file."""
    if settings.scripts is not None:
        return scripts.digests(settings.scripts)
    names = [*settings.runners, *(comparison.workload for comparison in settings.comparisons)]
    by_file: dict[str, str] = {}
    for name in filter(references.is_reference, names):
        reference = references.parse(name)
        spec = None if reference.is_file else _spec_of(reference.place)
        file = reference.place if reference.is_file else (spec and spec.origin) or ""
        with suppress(OSError):
            by_file[name] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return by_file


def _spec_of(module: str) -> ModuleSpec | None:
    """Where a module would be imported from, found without importing it or the packages around it."""
    spec: ModuleSpec | None = None
    within: list[str] | None = None
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        spec = next(filter(None, (finder.find_spec(name, within) for finder in sys.meta_path)), None)
        if spec is None:
            return None
        try:
            within = list(spec.submodule_search_locations or [])
        except KeyError:  # a package without a file inside of another such: only an import tells what is in it
            return spec
    return spec


def _refuse_file(file: Path, where: str, attribute: str, kind: Kind) -> None:
    way_out = f"give the path of a file with a {kind.call(attribute)}"
    if not file.is_file():
        raise UsageError(f"{where}: there is no such file; {way_out}.")
    module = parse.python(where, file, f"; {way_out}")
    first, _, inner = attribute.partition(".")
    definitions = list(_definitions(module, first))
    if not definitions:
        raise UsageError(f"{where} has no {kind.call(attribute)}: define one at its top level.")
    if isinstance(definitions[-1], Function) and not inner:
        _refuse_signature(definitions[-1], f"{where} line {definitions[-1].lineno}", kind)


def _definitions(module: ast.Module, name: str) -> Iterator[ast.AST]:
    """Whatever may be the module's `name`, in the order of its lines; an import of everything may be."""
    for node in _top_level(module.body):
        if isinstance(node, Function | ast.ClassDef):
            names = {node.name}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.asname or alias.name for alias in node.names}
        else:
            names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        if names & {name, "*", "globals", "setattr", "exec", "__getattr__"}:
            yield node


def _top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when the module is imported, those inside of `if`, `try`, `with` and loops too."""
    for statement in body:
        inner = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
        handlers = [handler.body for handler in getattr(statement, "handlers", [])]
        if isinstance(statement, Function | ast.ClassDef) or not any(inner):
            yield statement
        else:
            for child in (*inner, *handlers):
                yield from _top_level(child)


def _refuse_signature(function: Function, where: str, kind: Kind) -> None:
    arguments, given = function.args, len(kind.arguments)
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needed = positional - len(arguments.defaults)
    named = sum(default is None for default in arguments.kw_defaults)
    fits = needed <= given and not named and (positional >= given or arguments.vararg is not None)
    if isinstance(function, ast.AsyncFunctionDef):
        raise UsageError(
            f"{where}: {function.name} is async, so that calling it {kind.async_does}; make it a plain function."
        )
    if not fits and not function.decorator_list:  # a decorator may make anything of it
        own = f"{function.name}({ast.unparse(arguments)})"
        raise UsageError(f"{where}: {own} cannot be called as {kind.call(function.name)}.")
