"""Durations, percentages, sizes, endpoints and Python files from the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from bench.errors import UsageError

SECONDS = {"s": 1, "m": 60, "h": 3600}
UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
LARGEST_BYTES = 2**60
LONGEST_S = 1e9
"""Longer than anybody waits, and what every clock can."""


def seconds(flag: str, text: str) -> float:
    """Seconds of a duration such as `90s`, `5m` or `1.5h`; a bare number is seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    value = float(match[1]) * SECONDS[match[2] or "s"] if match else 0.0
    if not 0 < value < LONGEST_S:
        raise UsageError(f"{flag} {text!r} is not a duration; write it as 90s, 5m or 1.5h.")
    return value


def fraction(flag: str, text: str) -> float:
    """The fraction of a percentage such as `2%`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text.strip())
    if not match or not 0 < float(match[1]) < 100:
        raise UsageError(f"{flag} {text!r} is not a percentage between 0 and 100; write it as 2%.")
    return float(match[1]) / 100


def endpoint(flag: str, text: str) -> tuple[str, int]:
    """The host and port of `host:port`, the host of an address of version 6 in brackets."""
    match = re.fullmatch(r"\[([^\]]+)\]:(\d{1,5})|([^:\s]+):(\d{1,5})", text.strip())
    host, port = (match[1] or match[3], int(match[2] or match[4])) if match else ("", 0)
    if not 0 < port < 2**16:
        raise UsageError(
            f"{flag} {text!r} is not where a machine can be met; write it as host:port, such as node-a:29400."
        )
    return host, port


def bytes_of(flag: str, text: str) -> int:
    """The bytes of a size such as `2GiB` or `1500MB`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]i?)B", text.strip())
    value = int(float(match[1]) * UNITS[match[2]]) if match else 0
    if not 0 < value < LARGEST_BYTES:
        raise UsageError(f"{flag} {text!r} is not a size; write it as 2GiB or 1500MB.")
    return value


def python(where: str, file: Path, way_out: str = "") -> ast.Module:
    """What stands in a Python file that is there; raises `UsageError` that names it and the line."""
    try:
        return ast.parse(file.read_bytes(), filename=str(file))
    except OSError as error:
        raise UsageError(f"{where} cannot be read: {error.strerror}{way_out}.") from None
    except SyntaxError as error:
        at = f" line {error.lineno}" if error.lineno else ""
        raise UsageError(f"{where}{at} is no Python: {error.msg}.") from None
    except ValueError as error:
        raise UsageError(f"{where} is no Python: {error}.") from None


def nearest(name: str, names: Sequence[str]) -> str:
    """The end of a sentence about a name that is none of these."""
    alike = get_close_matches(name, names, n=1)
    return f"; did you mean {alike[0]}?" if alike else "."
