"""What variables of the user's environment did to a run, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.caution import Caution
from bench.plan.variables import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def warnings_of(variables: Mapping[str, str], left_out: Sequence[str]) -> Iterator[Caution]:
    """One sentence for each variable that changes what a loop does, and one for those that trials do not see."""
    for name, value in variables.items():
        effect = EFFECTS.get(name, "a loop works otherwise")
        yield Caution(f"{name}={value} is set in this environment", f", and holds for every loop: {effect}")
    if left_out:
        yield Caution(
            f"a launcher of distributed training has left {', '.join(left_out)} in this environment",
            "; trials do not see them, since only some frameworks would obey",
        )
