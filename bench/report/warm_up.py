"""What takes half a second before the first chart is drawn, done while the journal is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from bench.report.page import library

SMALLEST = {"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a"}}}


@contextmanager
def drawing() -> Iterator[None]:
    """Start vl-convert's engine beside what is done inside, which it does not hold up: it works without the GIL."""
    thread = Thread(target=_start, name="looptax-warm-up")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _start() -> None:
    try:
        import vl_convert
    except ImportError:  # said where charts are drawn
        return
    vl_convert.vega_to_svg(vl_convert.vegalite_to_vega(SMALLEST))
    library.vega()
