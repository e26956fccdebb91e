"""What an error says, as the reason of a row: one sentence, without the advice and the lists that torch adds.

Standard library only: it is imported before a framework is, whose import is timed.
"""

from __future__ import annotations

import re
import sys
import traceback
from contextlib import suppress

_ADVICE = re.compile(
    r"[.\s]*\s(?:Search for `cuda|(?:CUDA|HIP) kernel errors might|For debugging consider|Compile with `TORCH_USE"
    r"|Of the allocated memory|If reserved but unallocated|Use PYTORCH_|Process \d+ has ).*"
)
"""What follows on what failed in torch's errors of accelerators."""
_MEMORY = re.compile(
    r"Tried to allocate (?P<asked>[\d.]+ \w+)\. .*? has a total capacity of (?P<capacity>[\d.]+ \w+)"
    r" of which (?P<free>[\d.]+ \w+) is free"
)
_OTHER = re.compile(r"Process \d+ has ([\d.]+ \w+) memory in use")
_ITSELF = "this process has"
_GIBIBYTES = {"bytes": 2.0**-30, "KiB": 2.0**-20, "MiB": 2.0**-10, "GiB": 1.0}


def sentence(error: BaseException) -> str:
    """The kind of error and what failed; of an accelerator without memory what was asked for, what is free, who has it.

    `OutOfMemoryError: tried to allocate 22.00 GiB, and 21.77 GiB of 79.18 GiB is free; other processes hold 1.62 GiB`.
    """
    text = " ".join(str(error).split())
    what = _of_memory(text) or _ADVICE.sub("", text)
    return f"{type(error).__name__}: {what}" if what else type(error).__name__


def print_all(error: BaseException) -> None:
    """Print all of it after what was printed before, so that a trial's log has what its reason leaves out."""
    with suppress(Exception):  # a script may have put anything in the place of these streams
        sys.stdout.flush()
        traceback.print_exception(error)


def _of_memory(text: str) -> str | None:
    match = _MEMORY.search(text)
    if match is None:
        return None
    asked, capacity, free = match.group("asked", "capacity", "free")
    others_gib = sum(map(_gibibytes, _OTHER.findall(text)))
    # In a container with its own process numbers torch takes this process for another one.
    are_known = _ITSELF in text and 0 < others_gib < _gibibytes(capacity)
    others = f"; other processes hold {others_gib:.2f} GiB" if are_known else ""
    return f"tried to allocate {asked}, and {free} of {capacity} is free{others}"


def _gibibytes(size: str) -> float:
    number, unit = size.split()
    return float(number) * _GIBIBYTES[unit]
