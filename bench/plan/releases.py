"""Which releases of a package a history looks at."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import InvalidVersion, Version

from bench.errors import UsageError

EVERY = ("release", "minor", "major")


def chosen(releases: Sequence[str], *, first: str | None, last: str | None, every: str) -> list[str]:
    """The releases from `first` to `last`, both included, oldest first; of each minor (or major) series the newest.

    Raises `UsageError` for a text that is no version, and where nothing is left.
    """
    if every not in EVERY:
        raise UsageError(f"--every {every!r} is not one of {', '.join(EVERY)}.")
    low, high = _version("--from", first), _version("--to", last)
    inside = [
        version
        for version in sorted(map(Version, releases))
        if (low is None or version >= low) and (high is None or version <= high)
    ]
    if not inside:
        raise UsageError(f"no release lies between --from {first or 'the first'} and --to {last or 'the last'}.")
    newest = {_series(version, every): version for version in inside}
    ends = {low, high} & set(inside)  # what the user named is always looked at
    return [str(version) for version in sorted({*newest.values(), *(end for end in ends if end is not None)})]


def _series(version: Version, every: str) -> tuple[int, ...]:
    return {"release": version.release, "minor": version.release[:2], "major": version.release[:1]}[every]


def _version(flag: str, text: str | None) -> Version | None:
    if text is None:
        return None
    try:
        return Version(text)
    except InvalidVersion:
        raise UsageError(f"{flag} {text!r} is no version; write it as 4.46.3.") from None
