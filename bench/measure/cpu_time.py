"""Processor time of this process and of those it has waited for; standard library only, for the worker's sake.

By `getrusage`, which the kernel keeps to the nanosecond for every process that has ended and was
waited for, with all that these had waited for: exact, and nobody has to look while they run.
"""

from __future__ import annotations


def own_s() -> float:
    """Processor seconds, user and system, of this process and of its children that have been waited for."""
    import resource  # not there on every system; whoever asks is on one that has it

    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
