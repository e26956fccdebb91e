"""The options that a price list switches on one at a time; what cannot be had is said here, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.specifiers import SpecifierSet

from bench.errors import UsageError
from bench.plan import cells, parse
from bench.records.schema import PricedOption
from trainloops import options, runners
from trainloops.options import Option

DEFAULT_RUNNERS = "hf-trainer,lightning"


def runner_names(text: str | None) -> list[str]:
    """The runners that `--runner` names; raises `UsageError` for one that has no options."""
    return cells.known("--runner", text or DEFAULT_RUNNERS, options.MODULES)


def select_options(runner_list: Sequence[str], text: str | None, packages: Mapping[str, str]) -> list[PricedOption]:
    """The options of these runners that `--option` names, by default all that are usual.

    Those that cannot be had here say so, where all are asked for; one that is asked for by name raises `UsageError`.
    `packages` are the versions of what is installed.
    """
    named = named_options(runner_list, text, packages)
    if text is None:
        return named
    refuse_missing(named)
    return [option for option in named if option.missing is None]


def named_options(runner_list: Sequence[str], text: str | None, packages: Mapping[str, str]) -> list[PricedOption]:
    """Do as `select_options`, but options that are asked for by name and cannot be had only say so."""
    known = [pair for runner in runner_list for pair in _of(runner, packages)]
    if text is None:
        return [priced for option, priced in known if option.usual]
    names = _names(text, runner_list, [priced for _, priced in known])
    return [priced for _, priced in known if priced.name in names]


def select_seen(seen: Sequence[PricedOption], text: str | None) -> list[PricedOption]:
    """Those that `--option` names of the options that a script was seen to have on, by default all."""
    if text is None:
        return list(seen)
    here = sorted(option.name for option in seen)
    names = cells.split("--option", text)
    for name in names:
        if name not in here:
            raise UsageError(
                f"--option {name!r} is not on in {seen[0].runner}, which has {', '.join(here)}"
                f"{parse.nearest(name, here)}"
            )
    named = [option for option in seen if option.name in names]
    refuse_missing(named)
    return [option for option in named if option.missing is None]


def refuse_missing(named: Sequence[PricedOption]) -> None:
    """Raise `UsageError` for a name of which no option can be had."""
    had = {option.name for option in named if option.missing is None}
    for option in named:
        if option.name not in had:
            raise UsageError(f"--option {option.name}: {option.missing}.")


def _names(text: str, runner_list: Sequence[str], offered: Sequence[PricedOption]) -> list[str]:
    """The names of a comma list, each of an option that one of the runners has."""
    names = cells.split("--option", text)
    here = sorted({offer.name for offer in offered})
    for name in names:
        if name in here:
            continue
        others = [other for other in options.MODULES if name in {option.name for option in options.of(other)}]
        if others:
            raise UsageError(
                f"--option {name}: {' and '.join(runner_list)} has no such option; {' and '.join(others)} has: "
                f"--runner {','.join(others)}."
            )
        raise UsageError(f"--option {name!r} is not one of {', '.join(here)}{parse.nearest(name, here)}")
    return names


def _of(runner: str, packages: Mapping[str, str]) -> list[tuple[Option, PricedOption]]:
    """Each option of a runner once: the row of the installed release, where there are several of a name."""
    by_name: dict[str, tuple[Option, PricedOption]] = {}
    for option in options.of(runner):
        priced = _priced(runner, option, packages)
        if option.name not in by_name or by_name[option.name][1].missing is not None:
            by_name[option.name] = option, priced
    return list(by_name.values())


def _priced(runner: str, option: Option, packages: Mapping[str, str]) -> PricedOption:
    return PricedOption(
        runner=runner,
        name=option.name,
        setting=option.setting,
        event=option.event,
        every=option.every,
        workers=option.workers,
        missing=_missing(runner, option, packages),
    )


def _missing(runner: str, option: Option, packages: Mapping[str, str]) -> str | None:
    """Why an option cannot be switched on here; None where it can."""
    package = runners.REGISTRY[runner].needs[0]
    version = packages.get(package)
    if version is not None and not options.has(option, version):
        return f"{package} {version} does not have it, {package}{SpecifierSet(option.releases)} does"
    lacking = [name for name in option.needs if name not in packages]
    return f"needs {' and '.join(lacking)}: pip install {' '.join(lacking)}" if lacking else None
