"""What takes trials: the tick in their loops, and the parent beside them."""

from __future__ import annotations

from studies.evidence import gate
from studies.perf.row import Row


def tick_rows() -> list[Row]:
    """What the clock's hook adds to an optimizer step, the same for every runner."""
    cost_us = gate.tick_us()
    return [Row("the tick and the gate", "≤ 1 µs per step", f"{cost_us:.2f} µs", cost_us <= 1)]


def parent_rows() -> list[Row]:
    """Processor time of this process, user and system, while trials take turns, and what a turn takes beyond steps."""
    seen = gate.hand_over()
    share = seen.cpu_s / seen.wall_s
    return [
        Row("parent's CPU use while trials take turns", "< 1 %", f"{share:.2%} of {seen.wall_s:.1f} s", share < 0.01),
        Row("a turn beyond its steps", "told", f"{seen.turn_us:.0f} µs", met=True),
    ]
