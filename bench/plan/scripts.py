"""The command line's `--script` becomes cells: a script is looked at and never run before it is measured."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import devices, parse, working_copy
from bench.records.cells import SCRIPT
from bench.records.foreign_text import without_secrets
from bench.records.schema import Comparison, Machine, Pass, Script, Scripts

if TYPE_CHECKING:
    from bench.plan.settings import Flags

SEPARATOR = "--"
TICKS = ("last", "every")
PASSES: tuple[Pass, ...] = ("equivalence", "counting", "phases", "timing")
"""What is done with a script."""
BROUGHT = (
    "runner",
    "workload",
    "batch_size",
    "precision",
    "optimizer",
    "grad_accumulation",
    "grad_clip",
    "workers",
    "profile",
    "compile",
    "nproc_per_node",
    "nnodes",
    "rdzv_endpoint",
    "strategy",
)
"""Flags for what a script decides itself."""
ITS_OWN = ("arguments", "tick", "tick_on", "samples_per_step", "cwd", "unlike", "to_the_end")
"""Flags that mean nothing without a script."""


def refuse_without_script(flags: Flags) -> None:
    """Raise `UsageError` for what only a script can be given."""
    if flags.arguments:
        raise UsageError(
            f"{shlex.join(flags.arguments)} is no option: what follows -- goes to a script, which --script names."
        )
    given = [_flag(name) for name in ITS_OWN if getattr(flags, name) is not None]
    if given:
        raise UsageError(f"{' and '.join(given)} need a script: name it with --script.")


def comparisons(flags: Flags, machine: Machine) -> list[Comparison]:
    """One for each device; all else is the scripts' own affair. Raises `UsageError` or `DeviceError`."""
    given = [
        _flag(name)
        for name in (*BROUGHT, "trace", "find_max_batch", "memory_limit")
        if getattr(flags, name) is not None
    ]
    if given:
        raise UsageError(
            f"{', '.join(given)} does not work with --script, which brings its own model, data and loop: say it in the "
            "script's own arguments, or leave it out."
        )
    names = (flags.device or "auto").split(",")
    return [Comparison(workload=SCRIPT, device=device, batch_size=0) for device in devices.resolve(names, machine)]


def scripts(flags: Flags) -> Scripts:
    """What is to run, the baseline first; raises `UsageError` for what cannot be."""
    if flags.samples_per_step is not None and flags.samples_per_step < 1:
        raise UsageError(f"--samples-per-step {flags.samples_per_step} must be at least 1.")
    if flags.to_the_end and flags.only not in (None, "time"):
        raise UsageError(f"--to-the-end needs timing, which --only {flags.only} skips; leave one of the two out.")
    asked = [_taken_apart(text) for text in flags.script or ()]
    if flags.arguments:
        asked = [_with_arguments(asked, flags.arguments)]
    for file, arguments in asked:
        refuse_unusable(file)
        _refuse_credentials(file, arguments)
    return Scripts(
        each=named(asked),
        tick=_tick(flags.tick),
        tick_on=_tick_on(flags.tick_on),
        samples_per_step=flags.samples_per_step,
        folder=str(_folder(flags.cwd)),
        in_place=flags.cwd is not None,
        to_the_end=bool(flags.to_the_end),
        unlike=bool(flags.unlike),
    )


Asked = tuple[Path, list[str]]


def _taken_apart(text: str) -> Asked:
    """The file and the arguments of `train.py`, or of `train.py -- --workers 4`."""
    if Path(text).is_file():
        return Path(text).resolve(), []
    try:
        name, *arguments = shlex.split(text)
        file = Path(name).resolve()
    except (ValueError, RuntimeError) as error:  # an open quote or no file's name; a link that leads to itself
        raise UsageError(f"--script {text!r} cannot be taken apart ({error}); write it as in a shell.") from None
    return file, arguments[1:] if arguments[:1] == [SEPARATOR] else arguments


def _with_arguments(asked: Sequence[Asked], arguments: Sequence[str]) -> Asked:
    if len(asked) > 1 or asked[0][1]:
        raise UsageError(
            f"what follows -- ({shlex.join(arguments)}) is for one script without arguments of its own; give each its "
            'own: --script "train.py -- --workers 4".'
        )
    return asked[0][0], list(arguments)


def named(asked: Sequence[Asked]) -> list[Script]:
    """Scripts called as shortly as tells them apart: by file, and of one file by what differs in its arguments."""
    named_scripts = []
    for file, arguments in asked:
        same_file = [others for other, others in asked if other == file]
        if same_file.count(arguments) > 1:
            raise UsageError(
                f"--script {file.name} is given twice with the same arguments; it has a clone of its own in any case."
            )
        name = " ".join([_short(file, {other for other, _ in asked}), *_telling(arguments, same_file)])
        named_scripts.append(Script(name=name, file=str(file), arguments=arguments))
    return named_scripts


def _short(file: Path, files: Iterable[Path]) -> str:
    """The end of the path that no other file has."""
    others = [other.parts for other in files if other != file]
    length = next(n for n in range(1, len(file.parts) + 1) if all(o[-n:] != file.parts[-n:] for o in others))
    return "/".join(file.parts[-length:])


def _telling(arguments: Sequence[str], same_file: Sequence[Sequence[str]]) -> list[str]:
    """The arguments without those that all have at their beginning; a value keeps its flag."""
    if len(same_file) == 1:
        return []
    shared = 0
    while all(len(script) > shared and script[shared] == same_file[0][shared] for script in same_file):
        shared += 1
    if shared and same_file[0][shared - 1].startswith("-"):
        shared -= 1
    return list(arguments[shared:])


def refuse_unusable(file: Path, *, flag: str = "--script") -> None:
    """Raise `UsageError` for what is no Python file, naming its line."""
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "is not there"
        raise UsageError(f"{flag} {file} {what}: give the path of a Python file that trains something.")
    parse.python(f"{flag} {file}", file)


def _refuse_credentials(file: Path, arguments: Sequence[str]) -> None:
    """Masked they would be no arguments to repeat a run with, and unmasked they would be published with it."""
    for before, argument in pairwise(["", *arguments]):
        if without_secrets(argument) != argument or without_secrets(text := f"{before} {argument}") != text:
            flag = (argument if argument.startswith("-") else before).partition("=")[0]
            where = flag if flag.startswith("-") else "an argument"
            raise UsageError(
                f"--script {file.name}: what looks like a credential ({where}) would be kept in run.json, "
                "which people publish: give it by a variable of the environment, which "
                "scripts see and no record has, or write it into the script."
            )


def refuse_gone(scripts: Scripts, *, flag: str) -> None:
    """Raise `UsageError` where what a stored run has measured cannot be run here."""
    for script in scripts.each:
        refuse_unusable(Path(script.file), flag=flag)
    if not Path(scripts.folder).is_dir():
        raise UsageError(f"{flag} {scripts.folder}, where its scripts ran, is not there.")


def digests(scripts: Scripts) -> dict[str, str]:
    """SHA-256 of each script's file, by the script's name."""
    by_file: dict[str, str] = {}
    for script in scripts.each:
        with suppress(OSError):
            by_file[script.name] = hashlib.sha256(Path(script.file).read_bytes()).hexdigest()
    return by_file


def _tick(text: str | None) -> str:
    if text is None or text in TICKS or re.fullmatch(r"[1-9]\d*", text):
        return text or TICKS[0]
    raise UsageError(f"--tick {text!r} is not last, every or a number of optimizer steps.")


def _tick_on(text: str | None) -> str | None:
    if text is None or re.fullmatch(r"[\w.]+:[\w.]+", text):
        return text
    raise UsageError(
        f"--tick-on {text!r} is no function: write it as module:function, or __main__:function for the script's own."
    )


def _folder(cwd: Path | None) -> Path:
    if cwd is None:
        here = Path.cwd()
        working_copy.refuse_large(here)
        return here
    if not cwd.is_dir():
        raise UsageError(f"--cwd {cwd} is no folder; make it, or name another.")
    return cwd.resolve()


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
