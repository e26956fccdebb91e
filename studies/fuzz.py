"""Files of a run folder and values of options that a fuzzer makes up: each is read, or refused in one sentence.

python -m studies.fuzz --minutes 60
python -m studies.fuzz --minutes 10 --only options,requirements --keep /tmp/fuzz

Needs atheris (`pip install atheris`; its wheels are for Linux), which sees what parts of looptax an input reaches, and
goes on from those that reach more. Half of what is tried are bytes, half are whole files some of whose values are
others. Whatever ends in anything but one sentence is a finding, one for each place that raised it: its input and its
traceback are kept. Exits with 1 where there are any.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

INSTRUMENTED = ["bench.cli.reports", "bench.records", "bench.analyse", "bench.plan", "bench.report", "bench.execute"]
LONGEST_BYTES = 1 << 16
TOO_LONG_S, TOO_LARGE_MIB = 120, 4096
"""What one input may take, and a process; more is a finding that ends the process."""
Data = Any
"""What atheris takes the bytes of an input apart by."""
Attempt = Callable[[Data], object]


def run_file(name: str) -> Attempt:
    """Tell all of a run folder, one of whose files is made up."""
    from tests import factories
    from tests.reliability import damage

    folder = factories.stored(Path(tempfile.mkdtemp()), factories.run(runners=["pytorch", "floor"], blocks=2))
    summary = json.loads((factories.summary(runners=["pytorch", "floor"], blocks=2)).model_dump_json(by_alias=True))
    whole = {"run.json": damage.RUN, "trials.jsonl": damage.TRIALS, "summary.json": summary}[name]
    places = list(damage.places(whole))

    def odd(data: Data) -> object:
        drawn = [lambda: data.ConsumeInt(12), data.ConsumeFloat, lambda: data.ConsumeUnicode(40)]
        listed = [*damage.NUMBERS, *damage.WORDS, *damage.NESTED]
        return data.PickValueInList([*drawn, lambda: data.PickValueInList(listed)])()

    def content(data: Data) -> bytes:
        if data.ConsumeBool():
            return bytes(data.ConsumeBytes(LONGEST_BYTES))
        made = whole
        for _ in range(data.ConsumeIntInRange(1, 3)):
            with suppress(KeyError, IndexError, TypeError):  # an earlier change has taken the place away
                made = damage.damaged(made, data.PickValueInList(places), odd(data), data.PickValueInList(damage.HOW))
        lines = made if name == "trials.jsonl" and isinstance(made, list) else [made]
        return "".join(f"{json.dumps(line)}\n" for line in lines).encode()

    def attempt(data: Data) -> None:
        damage.write(folder, damage.RUN, damage.TRIALS)
        (folder / name).write_bytes(content(data))
        damage.read_or_refused(folder) if name != "summary.json" else damage.listed_or_left_out(folder)

    return attempt


def options() -> Attempt:
    """Plan a run by flags some of which have any text."""
    from bench.errors import BenchError
    from bench.plan import parse
    from bench.plan.settings import Flags, from_flags
    from tests import factories

    machine = factories.run().machine
    texts = [field.name for field in fields(Flags) if field.type == "str | None"]
    numbers = [field.name for field in fields(Flags) if field.type == "int | None"]
    usual = [
        "cpu",
        "mlp",
        "pytorch,floor",
        "1,2",
        "fp32",
        "sgd",
        "off",
        "quick",
        "2%",
        "90s",
        "cuda:1",
        "all",
        "x.py:f",
    ]

    def attempt(data: Data) -> None:
        given: dict[str, Any] = {}
        for _ in range(data.ConsumeIntInRange(1, 4)):
            text = data.PickValueInList(usual) if data.ConsumeBool() else data.ConsumeUnicode(60)
            given[data.PickValueInList(texts)] = text
        given |= {data.PickValueInList(numbers): data.ConsumeInt(9) for _ in range(data.ConsumeIntInRange(0, 2))}
        given |= {"script": [data.ConsumeUnicode(60)]} if data.ConsumeProbability() < 0.1 else {}
        for reader in (lambda: from_flags(Flags(**given), machine), lambda: parse.seconds("--budget", text)):
            with suppress(BenchError):  # which is said in one line, whatever is in it
                reader()

    return attempt


def requirements() -> Attempt:
    """Read requirements, as a text and as a file."""
    from bench.errors import BenchError
    from bench.execute.environments import requirements as read

    path = Path(tempfile.mkdtemp()) / "requirements.txt"

    def attempt(data: Data) -> None:
        text = data.ConsumeUnicode(200)
        path.write_bytes(data.ConsumeBytes(400))
        for reader in (lambda: read.parse(text), lambda: read.parse_file(path)):
            with suppress(BenchError):  # which is said in one line, whatever is in it
                reader()

    return attempt


TARGETS: dict[str, Callable[[], Attempt]] = {
    "run.json": lambda: run_file("run.json"),
    "trials.jsonl": lambda: run_file("trials.jsonl"),
    "summary.json": lambda: run_file("summary.json"),
    "options": options,
    "requirements": requirements,
}


class Findings:
    """What did not end as promised, one for each place."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._places = folder, set[str]()

    def add(self, raw: bytes, error: BaseException) -> None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__}-{Path(frame.filename).name}-{frame.lineno}"
        if place not in self._places:
            self._places.add(place)
            (self._folder / f"finding-{place}").write_bytes(raw)
            (self._folder / f"finding-{place}.txt").write_text("".join(traceback.format_exception(error)))


def fuzz(target: str, seconds: int, folder: Path) -> None:
    """Try what atheris makes up until time is up; ends the process."""
    atheris = _atheris()
    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=INSTRUMENTED):
        attempt = TARGETS[target]()
    findings = Findings(folder)

    def try_it(raw: bytes) -> None:
        try:
            attempt(atheris.FuzzedDataProvider(raw))
        except Exception as error:  # noqa: BLE001 - whatever it is, it should have been a sentence
            findings.add(raw, error)

    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = {"max_total_time": seconds, "timeout": TOO_LONG_S, "rss_limit_mb": TOO_LARGE_MIB, "max_len": LONGEST_BYTES}
    given = {
        "report_slow_units": TOO_LONG_S,
        "len_control": 0,
        "artifact_prefix": f"{folder}/finding-",
        "print_final_stats": 1,
    }
    flags = [f"-{name}={value}" for name, value in (limits | given).items()]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], try_it)
    atheris.Fuzz()


def seeds(target: str) -> list[bytes]:
    """What it begins with: a file as bytes, one that is nested deep, and bytes from which changes of one are drawn."""
    from tests.reliability import damage

    drawn = random.Random(0)
    whole = {"run.json": [damage.RUN], "trials.jsonl": damage.TRIALS}.get(target, [])
    as_bytes = "".join(f"{json.dumps(line)}\n" for line in whole).encode()
    nested = b'{"schema": 1, "brief": {"verb": ' + b"[" * 60_000
    # The first byte says whether what follows is the file itself.
    return [b"\x01" + as_bytes, b"\x01" + nested, *(b"\x00" + drawn.randbytes(300) for _ in range(20))]


def _atheris() -> ModuleType:
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: pip install atheris")
    return atheris  # type: ignore[no-any-return]


def for_so_long(target: str, seconds: float, folder: Path) -> str:
    """Fuzz one target; a process that a finding has ended is followed by another. What was tried, as a table's row."""
    folder.mkdir(parents=True, exist_ok=True)
    ends, tried = time.monotonic() + seconds, 0
    while (left_s := int(ends - time.monotonic())) > 0:
        command = [sys.executable, "-m", "studies.fuzz", "--target", target, "--seconds", str(left_s)]
        done = subprocess.run([*command, "--keep", str(folder)], capture_output=True, text=True, errors="replace")
        (folder / "log").write_text(done.stdout + done.stderr)
        tried += int(done.stderr.partition("number_of_executed_units:")[2].split("\n")[0] or 0)
        if done.returncode and not list(folder.glob("finding-*")):
            sys.exit(f"{target} cannot be fuzzed:\n{done.stderr[-2000:]}")
    findings = [path for path in folder.glob("finding-*") if path.suffix != ".txt"]
    return f"| {target} | {seconds / 60:.0f} | {tried:,} | {len(findings)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="of all targets together")
    parser.add_argument("--only", default=",".join(TARGETS), help="a comma list of targets")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "looptax-fuzz")
    parser.add_argument("--target", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.target:
        fuzz(asked.target, asked.seconds, asked.keep)
    names = asked.only.split(",")
    print("| what is made up | minutes | inputs | findings |\n|---|---|---|---|", flush=True)
    for name in names:
        print(for_so_long(name, asked.minutes * 60 / len(names), asked.keep / name), flush=True)
    return 1 if list(asked.keep.glob("*/finding-*")) else 0


if __name__ == "__main__":
    sys.exit(main())
