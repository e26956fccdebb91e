"""Text of a report: plain strings, and what stands out in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Tone = Literal["bad", "open", "note", "good", "quiet"]
"""How what is said is to be taken: `open` is what nobody knows yet, `quiet` what needs no look."""


class Toned(str):
    """A word or a sentence with its tone, for renderers that have colours; text for all others."""

    tone: Tone

    def __new__(cls, text: str, tone: Tone) -> Toned:
        """`text`, which itself is not looked at."""
        toned = super().__new__(cls, text)
        toned.tone = tone
        return toned


class About(str):
    """A sentence that begins with what it is about, such as `hf-trainer: no figures`."""

    subject: str

    def __new__(cls, subject: str, others: str) -> About:
        """The subject, and what follows right after it."""
        sentence = super().__new__(cls, f"{subject}{others}")
        sentence.subject = subject
        return sentence


@dataclass(frozen=True, slots=True)
class Strong:
    """What stands out."""

    text: Text


@dataclass(frozen=True, slots=True)
class Code:
    """What somebody types, or a program prints."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """Where something is: an address, or a path beside the report."""

    text: str
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The report of the run in a folder that stands beside what it is told in."""

    folder: str
    has_page: bool
    """Whether the folder has a report.html."""

    @property
    def text(self) -> str:
        """What it is called."""
        return self.folder


Inline = str | Strong | Code | Link | Report
Text = str | tuple[Inline, ...]
"""Plain text: names and reasons come from outside, and no renderer may take them for markup."""
_MARKS = re.compile(r"(`[^`]+`|\*\*.+?\*\*)", re.DOTALL)


def marked(sentence: str) -> Text:
    """A sentence of our own, such as an entry of a glossary, in which `code` and **what stands out** are marked."""
    return tuple(_inline(part) for part in _MARKS.split(sentence) if part)


def _inline(part: str) -> Inline:
    if not _MARKS.fullmatch(part):
        return part
    return Code(part.strip("`")) if part.startswith("`") else Strong(marked(part[2:-2]))


def plain(text: Text) -> str:
    """The words alone, on one line."""
    return " ".join((text if isinstance(text, str) else "".join(map(_plain, text))).split())


def _plain(part: Inline) -> str:
    return part if isinstance(part, str) else plain(part.text)


def listed(names: Sequence[str]) -> str:
    """Join names to `a, b and c`."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def listed_few(names: Sequence[str], most: int = 3) -> str:
    """Join the first few names, and say how many more there are: `a, b, c and 2 more`."""
    few, more = names[:most], names[most:]
    return listed([*few, f"{len(more):,} more"]) if more else listed(few)


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
