"""Changes in words, with the sign that print has for less than nothing: a hyphen is shorter, and breaks lines."""

from __future__ import annotations

MINUS = "\N{MINUS SIGN}"


def signed(value: float, form: str) -> str:
    """`value` in this form of Python's, which asks for a sign: `+1,200` or `−1,200`."""
    return f"{value:{form}}".replace("-", MINUS)


def signed_percent(fraction: float, form: str = "+.3g") -> str:
    """`+1.2 %`, and of what is less `−1.2 %`."""
    return f"{signed(100 * fraction, form)} %"
