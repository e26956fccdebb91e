"""The pip of the current environment, so that the user's index and constraints hold for every environment.

Nothing here knows of caches or overlays: install for another interpreter, resolve without
installing, list a package's releases.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from bench.execute import shell
from bench.execute.environments import pip_errors
from bench.execute.log import Log, run
from bench.records.schema import Release

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
DATES_TIMEOUT_S = 10.0
ONLY_WHEELS = ("--only-binary", ":all:")  # an old release without a wheel would be built for an hour


def install(arguments: Sequence[str], *, python: Path, constraints: Path, only_wheels: bool) -> tuple[str, ...]:
    """Install for the interpreter `python` what its import path lacks, and nothing more.

    Returns pip's statements about packages that no longer fit each other. Raises
    `UninstallableError`, or `IndexUnreachableError` where the package index does not answer.
    """
    options = ["--python", str(python), "install", "--no-user", "--upgrade-strategy", "only-if-needed"]
    done = _pip(*options, *_limits(constraints, only_wheels=only_wheels), *arguments)
    return tuple(line.strip() for line in done.stderr.splitlines() if line.endswith("which is incompatible."))


def resolve(arguments: Sequence[str], *, python: Path, constraints: Path, only_wheels: bool) -> tuple[str, ...]:
    """Return what `install` would install now, as `name==version`; raises as `install` does."""
    with TemporaryDirectory(prefix="looptax-") as scratch:
        report = Path(scratch) / "report.json"
        limits = _limits(constraints, only_wheels=only_wheels)
        _pip("--python", str(python), "install", "--dry-run", "--no-user", "--report", str(report), *limits, *arguments)
        planned = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    return tuple(sorted(f"{metadata['name']}=={metadata['version']}" for metadata in planned))


def _limits(constraints: Path, *, only_wheels: bool) -> list[str]:
    return ["--constraint", str(constraints), *(ONLY_WHEELS if only_wheels else ())]


def releases(package: str) -> list[Release]:
    """All final releases that can be installed here, oldest first; raises as `install` does.

    Pip itself leaves out pre-releases, withdrawn (yanked) ones and those for other Pythons, but not
    those without a wheel: they go where the index's JSON lists the files.
    """
    listed = _pip("index", "versions", package).stdout.partition("Available versions:")[2].partition("\n")[0]
    files = _files(package)
    dates = _upload_dates(files)
    unbuilt = {version for version, _ in files} - {version for version, file in files if _is_wheel(file)}
    versions = {version for text in listed.split(",") if (version := _parsed(text))} - unbuilt
    return [Release(version=str(version), uploaded=dates.get(version)) for version in sorted(versions)]


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    with TemporaryDirectory(prefix="looptax-") as scratch:
        log = Log(Path(scratch) / "pip.log")  # only there does pip say that an index did not answer
        command = [sys.executable, "-P", "-m", "pip", *arguments]
        # In its environment, because pip calls itself for what a build needs, without our options.
        quiet = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off", "NO_COLOR": "1"}
        # Pip calls the Python that it installs for, which must not see more than that Python will when it measures.
        environment = {**shell.of_overlays(), **quiet, "PIP_LOG": str(log.path)}
        done = run(command, env=environment, own_log=log)
        if done.returncode != 0:
            raise pip_errors.error(done.stdout + done.stderr, log.kept() if log.path.exists() else "")
    return done


def _files(package: str) -> list[tuple[Version, dict[str, Any]]]:
    """Every file of a package with its version, from the index's own JSON; none where it has no such page."""
    try:
        files = _index_page(package)["files"]
    except (OSError, ValueError, KeyError):
        return []
    return [(version, file) for file in files if (version := _version(file.get("filename", ""))) is not None]


def _is_wheel(file: dict[str, Any]) -> bool:
    return str(file["filename"]).endswith(".whl")


def _upload_dates(files: list[tuple[Version, dict[str, Any]]]) -> dict[Version, datetime]:
    """When the first file of each version was uploaded."""
    dates: dict[Version, datetime] = {}
    for version, file in files:
        if file.get("upload-time"):
            moment = datetime.fromisoformat(file["upload-time"])
            dates[version] = min(moment, dates.get(version, moment))
    return dates


def _index_page(package: str) -> dict[str, Any]:
    configured = _configuration()
    url = f"{configured.get('index-url', 'https://pypi.org/simple').rstrip('/')}/{package}/"
    if "no-index" in configured or not url.startswith(("https://", "http://")):
        raise ValueError(f"{url} is not to be asked")
    request = urllib.request.Request(url, headers={"Accept": SIMPLE_JSON})  # noqa: S310 - the scheme was looked at
    trust = ssl.create_default_context(cafile=configured.get("cert"))
    with urllib.request.urlopen(request, timeout=DATES_TIMEOUT_S, context=trust) as answer:  # noqa: S310 # nosec B310
        page: dict[str, Any] = json.load(answer)
    return page


def _configuration() -> dict[str, str]:
    """Pip's settings by name; those of the command and of the environment's `PIP_*` win over the general ones."""
    lines = [line.partition("=") for line in _pip("config", "list").stdout.splitlines()]
    settings: dict[str, str] = {}
    for section in ("global", "install", ":env:"):
        settings |= {key.rpartition(".")[2]: it.strip("'\"") for key, _, it in lines if key.startswith(f"{section}.")}
    return settings


def _parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:  # what some very old releases are called
        return None


def _version(filename: str) -> Version | None:
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
