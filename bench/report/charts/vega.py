"""The code that draws charts in a page: Vega, out of vl-convert, so that nothing is fetched."""

from __future__ import annotations

import functools
import re
from hashlib import sha256
from importlib.metadata import version

from bench.records import cache

SNIPPET = "window.vegaEmbed = vegaEmbed;"
"""What the page calls. The bundle's other two names, `vega` and `vegaLite`, are null (vl-convert 1.9)."""


@functools.cache
def vega() -> str:
    """The library as text that may stand in a script block.

    Bundling it takes a second or more: the text is kept in the user's cache, by the release that it came with.
    """
    what = sha256(SNIPPET.encode()).hexdigest()[:8]
    return cache.cached(f"vega-{version('vl-convert-python')}-{what}.js", _bundled)


def _bundled() -> str:
    import vl_convert

    text: str = vl_convert.javascript_bundle(snippet=SNIPPET)
    return re.sub(r"</(?=script)", r"<\\/", text, flags=re.IGNORECASE)
