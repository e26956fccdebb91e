"""A loop that prints on every stream it can reach, and leaves something else where its result should be."""

import os
from pathlib import Path

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    print("}{ not json")
    os.write(1, b"\x00\xff garbage\n")
    Path("result.json").write_text('{"status": "ok", "timing": "soon"}')
    os._exit(0)
