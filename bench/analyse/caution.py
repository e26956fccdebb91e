"""A warning whose gist is known, so that nobody has to look for it in the sentence."""

from __future__ import annotations


class Caution(str):
    """A sentence without its full stop; its gist comes first: what is the matter, and where."""

    gist: str

    def __new__(cls, gist: str, others: str = "") -> Caution:
        """The gist, and what follows right after it."""
        sentence = super().__new__(cls, f"{gist}{others}")
        sentence.gist = gist
        return sentence
