"""The evidence for docs/method.md: what the instrument sees, costs and misses, each section a table.

python -m tests.evidence --only fidelity --rounds 20
python -m tests.evidence --only forks,isolation,instrument,pauses
python -m tests.evidence --only order,linearity,plans --run results/20260102T030405Z-standard-cpu
python -m tests.evidence --only false-alarms --checks 100 --batch-size 64 --keep docs/evidence
python -m tests.evidence --only power,planted-counts,peers

Prints markdown. Its figures mean something only while the machine does nothing else, but for false alarms, which load
must not cause. It is no test and always exits with 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from tests.evidence import checks, fidelity, forks, instrument, isolation, pauses, peers, plans, power, stored

Section = Callable[[argparse.Namespace], str]
SECTIONS: dict[str, Section] = {
    "fidelity": fidelity.fidelity,
    "instrument": instrument.instrument,
    "forks": forks.forks,
    "isolation": isolation.isolation,
    "pauses": pauses.pauses,
    "order": stored.order_effects,
    "linearity": stored.linearity,
    "plans": plans.plans,
    "false-alarms": checks.false_alarms,
    "planted-counts": checks.planted_counts,
    "power": power.power,
    "peers": peers.peers,
}
OF_A_RUN = ("order", "linearity", "plans")


def main() -> None:
    """Measure one section after the other, never two at once."""
    args = parse()
    for name in args.only:
        print(SECTIONS[name](args), flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=names, default=list(SECTIONS), help=f"comma list out of {', '.join(SECTIONS)}")
    parser.add_argument(
        "--rounds", type=int, default=12, help="of fidelity, forks, instrument, isolation, pauses and peers"
    )
    parser.add_argument("--checks", type=int, default=20, help="of false-alarms")
    parser.add_argument("--batch-size", default="8,32,64,128,256", help="of false-alarms, a cell each")
    parser.add_argument("--blocks", type=int, default=40, help="of power")
    parser.add_argument("--keep", type=Path, help="a folder for the run of power, and for false-alarms to go on from")
    parser.add_argument("--power-run", type=Path, help="such a run, instead of a new one")
    parser.add_argument("--budget", type=float, default=40.0, help="seconds of a comparison of peers")
    parser.add_argument("--run", type=Path, nargs="+", default=[], help="stored runs for order, linearity and plans")
    args = parser.parse_args()
    untold = [name for name in args.only if name in OF_A_RUN and not args.run]
    if untold:
        parser.error(f"{' and '.join(untold)} read a stored run: name it with --run, or leave them out with --only")
    return args


def names(text: str) -> list[str]:
    """A comma list of sections."""
    unknown = set(text.split(",")) - set(SECTIONS)
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is not one of {', '.join(SECTIONS)}")
    return text.split(",")


if __name__ == "__main__":
    main()
