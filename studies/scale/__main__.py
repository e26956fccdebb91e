"""The evidence for docs/scale.md: what long journals and many runs cost, and what a nightly run would.

python -m studies.scale --only journals,folders --into docs/scale.md
python -m studies.scale --only journals --trials 1000,10000
python -m studies.scale --only nightly --run results/20260102T030405Z-history-transformers

Prints markdown; with --into, also puts it into that page, and the chart beside it. Times mean something only while the
machine does nothing else. The synthetic runs go to a temporary folder; a million trials take 2 GB of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from studies.scale import costs, nightly

SECTIONS: dict[str, Callable[[argparse.Namespace], str]] = {
    "journals": costs.journals,
    "folders": costs.folders,
    "nightly": nightly.nightly,
}


def main() -> None:
    """Tell one section after the other."""
    args = parse()
    for name in args.only:
        text = SECTIONS[name](args)
        print(text, flush=True)
        if args.into is not None:
            args.into.write_text(replaced(args.into.read_text(), text))


def replaced(page: str, section: str) -> str:
    """The page with a section in the place of the one of the same title, or at its end."""
    title, _, _ = section.partition("\n")
    before, heading, old = page.partition(f"{title}\n")
    if not heading:
        return f"{page}\n{section}"
    _, more, after = old.partition("\n## ")
    return before + section + more + after


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=names, default=list(SECTIONS), help=f"comma list out of {', '.join(SECTIONS)}")
    parser.add_argument("--trials", type=numbers, default=[10**3, 10**4, 10**5, 10**6], help="of journals")
    parser.add_argument("--folders", type=int, default=10_000, help="of folders: how many runs an index has")
    parser.add_argument("--run", type=Path, nargs="+", default=[], help="stored histories for nightly")
    parser.add_argument("--into", type=Path, help="a page that has these sections")
    args = parser.parse_args()
    if "nightly" in args.only and not args.run:
        parser.error("nightly reads a stored history: name it with --run, or leave it out with --only")
    return args


def names(text: str) -> list[str]:
    """A comma list of sections."""
    unknown = set(text.split(",")) - set(SECTIONS)
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is not one of {', '.join(SECTIONS)}")
    return text.split(",")


def numbers(text: str) -> list[int]:
    """A comma list of whole numbers."""
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    main()
