"""The speed and memory that looptax must reach, each beside what is measured here and now.

python -m studies.perf
python -m studies.perf --only help,report,tick
python -m studies.perf --only standard --run results/20260102T030405Z-standard-cpu

Prints a markdown table, row by row. It is no test: it always exits with 0, and its figures mean
something only while the machine does nothing else. Without `--run` it makes a standard run, some 7 minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from studies.perf import harness, load, standard, trials
from studies.perf.row import Row

Section = Callable[[argparse.Namespace], list[Row]]
SECTIONS: dict[str, Section] = {
    "help": lambda _: harness.help_rows(),
    "report": lambda args: harness.report_rows(args.trials),
    "index": lambda _: harness.index_rows(),
    "tick": lambda _: trials.tick_rows(),
    "parent": lambda _: trials.parent_rows(),
    "load": lambda _: load.load_rows(),
    "standard": lambda args: standard.standard_rows(args.run),
}


def main() -> None:
    """Measure one section after the other, never two at once."""
    args = parse()
    print("| what | bar | measured | met |\n|---|---|---|---|", flush=True)
    for name in args.only:
        for row in rows(name, args):
            print(row.markdown(), flush=True)


def rows(name: str, args: argparse.Namespace) -> list[Row]:
    """The rows of one section; one that cannot be measured says why, and the others go on."""
    try:
        return SECTIONS[name](args)
    except Exception as error:  # noqa: BLE001 - whatever stops a section must not stop the ones after it
        return [Row(name, "", f"not measured, {type(error).__name__}: {error}", met=False)]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=names, default=list(SECTIONS), help=f"comma list out of {', '.join(SECTIONS)}")
    parser.add_argument("--trials", type=int, default=10_000, help="trials of the report section")
    parser.add_argument("--run", type=Path, help="a standard run's folder for the standard section")
    return parser.parse_args()


def names(text: str) -> list[str]:
    """A comma list of sections."""
    unknown = set(text.split(",")) - set(SECTIONS)
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is not one of {', '.join(SECTIONS)}")
    return text.split(",")


if __name__ == "__main__":
    main()
