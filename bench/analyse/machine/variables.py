"""What variables of the user's environment did to a run, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.caution import Caution
from bench.plan.variables import EFFECTS, launched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def warnings_of(variables: Mapping[str, str], left_out: Sequence[str]) -> Iterator[Caution]:
    """One sentence for each variable that changes what a loop does, and one where a launcher started this process."""
    for name, value in variables.items():
        effect = EFFECTS.get(name, "a loop works otherwise")
        yield Caution(f"{name}={value} is set in this environment", f", and holds for every loop: {effect}")
    signs = launched(left_out)
    if signs:
        yield Caution(
            f"a launcher of distributed training started this process, which has {', '.join(signs)} of it",
            "; trials see nothing that it has left, since only some frameworks would obey",
        )
