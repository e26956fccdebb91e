"""The evidence for docs/method.md: what the method sees, costs and misses, each section a table.

python -m studies.evidence --only spread,summaries --rounds 20 --load 2
python -m studies.evidence --only cold --rounds 3
python -m studies.evidence --only fidelity --rounds 8
python -m studies.evidence --only bias --rounds 8 --seconds 5
python -m studies.evidence --only throughput --rounds 6
python -m studies.evidence --only instrument --rounds 6
python -m studies.evidence --only order,plans,linearity --run results/20260102T030405Z-standard-cpu
python -m studies.evidence --only false-alarms --checks 100 --batch-size 64 --keep docs/evidence
python -m studies.evidence --only power --blocks 60 --keep /tmp/power
python -m studies.evidence --only planted-counts,peers --rounds 4

Prints markdown. Its figures mean something only while the machine does nothing else, but for false alarms, which load
must not cause, and for what `--load` puts there. It is no test and always exits with 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from studies.evidence import (
    checks,
    cold,
    fidelity,
    instrument,
    long_runs,
    peers,
    power,
    spread,
    stored,
    summaries,
)

Section = Callable[[argparse.Namespace], str]
SECTIONS: dict[str, Section] = {
    "spread": spread.spread,
    "summaries": summaries.summaries,
    "cold": cold.cold,
    "fidelity": fidelity.fidelity,
    "bias": long_runs.bias,
    "throughput": long_runs.throughput,
    "instrument": instrument.instrument,
    "order": stored.order_effects,
    "plans": stored.plans,
    "linearity": stored.linearity,
    "false-alarms": checks.false_alarms,
    "planted-counts": checks.planted_counts,
    "power": power.power,
    "peers": peers.peers,
}
OF_A_RUN = ("order", "plans", "linearity")


def main() -> None:
    """Measure one section after the other, never two at once."""
    args = parse()
    for name in args.only:
        print(SECTIONS[name](args), flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=names, default=list(SECTIONS), help=f"comma list out of {', '.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=8, help="of all that measure here but power and false-alarms")
    parser.add_argument("--load", type=int, default=0, help="busy processes beside spread and summaries")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a plain script of bias")
    parser.add_argument("--checks", type=int, default=20, help="of false-alarms")
    parser.add_argument("--batch-size", default="8,64,512", help="of false-alarms, a cell each")
    parser.add_argument("--blocks", type=int, default=40, help="of power")
    parser.add_argument("--keep", type=Path, help="a folder for power and false-alarms to go on from")
    parser.add_argument("--budget", type=float, default=40.0, help="seconds of a comparison of peers")
    parser.add_argument("--run", type=Path, nargs="+", default=[], help=f"stored runs for {', '.join(OF_A_RUN)}")
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
