"""Why pip failed, in one sentence."""

from __future__ import annotations

import platform
import re

from bench.errors import BenchError, IndexUnreachableError, UninstallableError

NO_VERSION = re.compile(r"Could not find a version that satisfies the requirement (.+?) \(from versions: (.*)\)")
NO_RELEASE = re.compile(r"No matching distribution found for (\S+)")
NO_ANSWER = re.compile(r"Could not fetch URL (\S+): (?!404)(.*?)(?: - skipping)?$", re.MULTILINE)
NO_DOWNLOAD = re.compile(r"host='([^']+)'.*?(Max retries exceeded|Read timed out)", re.DOTALL)
OTHER_PYTHON = re.compile(r"Ignored the following versions that require a different python version: (.+)")
CONFLICT = re.compile(r"The conflict is caused by:\n(.+?)\n\s*\n", re.DOTALL)
TOO_OLD = re.compile(r"no such option: --python|unknown command \"index\"")


def error(output: str, log: str) -> BenchError:
    """The error to raise for what a failed pip printed; `log` is what it wrote to its `--log` file."""
    unanswered = NO_ANSWER.search(log)
    if unanswered and NO_RELEASE.search(output):
        return _unreachable(*unanswered.groups())
    if undelivered := NO_DOWNLOAD.search(output):
        return _unreachable(*undelivered.groups())
    if "No module named pip" in output:
        return UninstallableError("This environment has no pip to build others with; python -m ensurepip adds it.")
    if TOO_OLD.search(output):
        return UninstallableError("This environment's pip is older than 22.3; python -m pip install --upgrade pip.")
    return UninstallableError(f"{_reason(output)}.")


def _unreachable(url: str, reason: str) -> IndexUnreachableError:
    cause = re.findall(r"\[Errno -?\d+\] ([^'\")]+)|(\d\d\d [\w ]+Error)|(timed out)|(certificate)", reason)
    short = next((text for text in (cause[-1] if cause else ()) if text), reason.partition(" (Caused by")[0])
    return IndexUnreachableError(
        f"The package index does not answer at {url} ({short.strip()}); "
        "fix the network, or name another index with PIP_INDEX_URL."
    )


def _reason(output: str) -> str:
    if missing := NO_VERSION.search(output):
        return _missing(missing[1], missing[2], output)
    if missing := NO_RELEASE.search(output):
        return _missing(missing[1], "none", output)
    if conflict := CONFLICT.search(output):
        lines = [" ".join(line.split()) for line in conflict[1].splitlines() if line.strip()]
        return f"No versions agree: {', but '.join(lines)}"
    lines = [line for line in output.splitlines() if line.startswith("ERROR: ")] or output.strip().splitlines()
    return f"pip failed: {lines[-1].removeprefix('ERROR: ').rstrip('. ') if lines else 'it gave no reason'}"


def _missing(requirement: str, versions: str, output: str) -> str:
    here = f"Python {platform.python_version()} on this system"
    other, version = OTHER_PYTHON.search(output), re.search(r"==\s*([^\s,;]+)", requirement)
    if other and version:
        needs = re.search(rf"(?<![\w.]){re.escape(version[1])} (Requires-Python [^;]+)", other[1])
        if needs:
            return f"{requirement} is not for {here} ({needs[1].strip()})"
    final = [text for text in versions.split(", ") if re.fullmatch(r"[\d.]+", text)]
    newest = f"; the newest there is {final[-1]}" if final else ""
    return f"The index has nothing that fits {requirement} and {here} without building it from source{newest}"
