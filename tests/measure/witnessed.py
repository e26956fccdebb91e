"""Fingerprints of the scripts in `scripts/`: one process imports torch, and forks for each script, as looptax does.

`python -m tests.measure.witnessed` reads requests from its standard input, as JSON, and answers with their results.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from bench.records.schema import ScriptFingerprint
from tests import verbs

SCRIPTS = Path(__file__).parent / "scripts"
STEPS = 6


def request(command: str, *, steps: int = STEPS, seed: int = 0, tick_on: str | None = None) -> dict[str, Any]:
    """What to record: `loop.py --lr 1`."""
    return {"command": command, "steps": steps, "seed": seed, "tick_on": tick_on}


def witnessed(*requests: dict[str, Any]) -> list[ScriptFingerprint | str]:
    """The fingerprint of each, or the words of what it raised."""
    answers = json.loads(verbs.program("tests.measure.witnessed", given=json.dumps(requests), OMP_NUM_THREADS="1"))
    return [answer if isinstance(answer, str) else ScriptFingerprint.model_validate(answer) for answer in answers]


def fingerprints(*requests: dict[str, Any]) -> list[ScriptFingerprint]:
    """Of scripts that raise nothing."""
    trials = witnessed(*requests)
    return [fingerprint for fingerprint in trials if isinstance(fingerprint, ScriptFingerprint) or _raise(fingerprint)]


def _raise(words: str) -> bool:
    raise AssertionError(words)


def main() -> None:
    """Answer all requests, each from a process of its own."""
    import torch

    from bench.measure import witness  # noqa: F401 - so that no fork has to import it

    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)  # brings torch's compiler along
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # scripts print
    answer.write(json.dumps(list(map(_answer, json.loads(sys.stdin.read())))))


def _answer(asked: dict[str, Any]) -> Any:
    # A file, and no pipe: workers of a loader outlive their script by seconds, and would keep a pipe open.
    with TemporaryFile("w+") as answer:
        pid = os.fork()
        if pid == 0:
            _record(answer, asked)
        os.waitpid(pid, 0)
        answer.seek(0)
        return json.load(answer)


def _record(answer: IO[str], asked: dict[str, Any]) -> None:
    import runpy

    from bench.measure import witness

    def finish(result: object) -> None:
        answer.write(json.dumps(result))
        answer.flush()
        os._exit(0)

    script, *arguments = asked["command"].split()
    sys.argv = [str(SCRIPTS / script), *arguments]
    sys.path.insert(0, str(SCRIPTS))
    run = partial(runpy.run_path, sys.argv[0], run_name="__main__")
    ticking = partial(_ticking_on, asked["tick_on"]) if asked["tick_on"] else None
    asked_for = {"steps": asked["steps"], "seed": asked["seed"], "ticking": ticking}
    try:
        finish(witness.record(run, finish=finish, **asked_for))  # type: ignore[arg-type]
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the answer
        finish(f"{type(error).__name__}: {error}")


@contextmanager
def _ticking_on(name: str, tick: Any) -> Iterator[None]:
    import importlib

    from bench.measure.hooks import wrapped

    module, _, function = name.partition(":")

    def ticking(update: Any) -> Any:
        def updated(*args: Any) -> Any:
            update(*args)
            tick()

        return updated

    with wrapped(importlib.import_module(module), function, ticking):
        yield


if __name__ == "__main__":
    main()
