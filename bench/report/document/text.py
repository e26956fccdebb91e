"""Text as markdown: names and reasons come from outside and must not turn into markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import tabulate

from bench.records.foreign_text import printable

# Else every column is two characters wider than its header, and a table wider than a screen.
tabulate.MIN_PADDING = 0

if TYPE_CHECKING:
    from collections.abc import Sequence

_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(text: str) -> str:
    """`text` on one line, so that markdown shows it as it is, also inside a table."""
    text = printable(" ".join(text.split()))
    text = re.sub(r"[&<>]", lambda match: _HTML[match[0]], text)
    return re.sub(r"[\\`*|]|\](?=\()|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|~(?=\S)|(?<=\S)~", r"\\\g<0>", text)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, names: int, escaped: bool = False) -> str:
    """Write a table, all but its first `names` columns aligned to the right; `escaped` rows are markup already."""
    sides = ["left"] * names + ["right"] * (len(headers) - names)
    shown = rows if escaped else [[escape(text) for text in row] for row in rows]
    heads = [escape(header) for header in headers]
    return tabulate.tabulate(shown, headers=heads, tablefmt="github", disable_numparse=True, colalign=sides)


def folded(summary: str, body: str) -> str:
    """Write a section that opens on a click; the blank lines make a code host render what is inside."""
    return f"<details>\n<summary>{escape(summary)}</summary>\n\n{body}\n\n</details>"


def code(text: str) -> str:
    """Write a block of commands, fenced by more backticks than `text` has in a row."""
    text = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}"


def code_span(text: str) -> str:
    """`text` as code inside of a line, whatever backticks it has."""
    text = printable(" ".join(text.split()))
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}{text}{fence}" if fence == "`" else f"{fence} {text} {fence}"


def listed(names: Sequence[str]) -> str:
    """Join names to `a, b and c`."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def plural(count: int, noun: str) -> str:
    """`1 cell`, `2,000 cells`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shortened(text: str, most: int) -> str:
    """`text` in at most `most` characters: of a long one the end, which tells more of a qualified name."""
    return text if len(text) <= most else f"…{text[1 - most :]}"


def shortened_path(path: str, most: int) -> str:
    """Of a long path the first folder and the file: `torch/…/optimizer.py:493`."""
    first, _, rest = path.partition("/")
    if len(path) <= most or "/" not in rest:
        return shortened(path, most)
    return shortened(f"{first}/…/{rest.rpartition('/')[2]}", most)
