"""A trial of several ranks, inside the process that was made for it: torch elastic starts and watches them.

They are forks, by its `start_method="fork"`, and of one process group with this process: whoever stops or kills the
trial does so with all of them. Torch elastic sets the variables that torchrun sets, and ends all ranks where one fails.
"""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from bench.execute.workers import protocol
from bench.execute.workers.trial import Assignment, Result, run
from bench.host.process import resident
from bench.measure.gate import Control, gates

HERE = "127.0.0.1"
SEEN_FIRST_S = 1.0
"""A rank that raises outlives one that was killed by so much, of which it may have heard: ten looks of elastic."""


def launch(assignment: Assignment) -> None:
    """Run the trial on all of its ranks, and leave one result of all."""
    ranks = assignment.job.ranks
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=ranks,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",  # as torchrun --standalone has it: no port to agree on
        rdzv_endpoint=f"{HERE}:0",
        local_addr=HERE,
        max_restarts=0,
        start_method="fork",
    )
    try:
        elastic_launch(config, _rank)(assignment, gates(assignment.control, ranks))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        assignment.leave(_failed(assignment, rank, failure.exitcode))
        return
    left = [_left(assignment.scratch, rank) for rank in range(ranks)]
    assignment.leave(together([result for result in left if result is not None]))


def _rank(assignment: Assignment, controls: Sequence[Control | None]) -> None:
    """One rank, in its own process; ends with an exit code where it fails, so that the others end, too."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)  # torch elastic's handlers, which a fork keeps, wait for Python's turn
    rank = int(os.environ["RANK"])
    folder = protocol.rank_folder(assignment.scratch, rank)
    folder.mkdir(exist_ok=True)
    own = replace(
        assignment,
        job=replace(assignment.job, rank=rank),
        scratch=folder,
        control=controls[rank],
        host=replace(assignment.host, at_start=resident()),
    )
    run(own)
    result = _left(assignment.scratch, rank)
    if result is None or result["status"] != "ok":
        time.sleep(SEEN_FIRST_S)
        raise SystemExit(1)


def _left(scratch: Path, rank: int) -> Result | None:
    path = protocol.rank_folder(scratch, rank) / protocol.RESULT
    return json.loads(path.read_bytes()) if path.exists() else None


def _failed(assignment: Assignment, rank: int, exit_code: int) -> Result:
    """How a trial ended of which torch elastic saw this rank fail; where it raised, another may have raised before."""
    if exit_code < 0:
        return {"status": "killed", "reason": f"rank {rank} {protocol.how_it_ended(exit_code)}"}
    folders = {other: protocol.rank_folder(assignment.scratch, other) for other in range(assignment.job.ranks)}
    left = {other: path for other, folder in folders.items() if (path := folder / protocol.RESULT).exists()}
    for first in sorted(left, key=lambda other: left[other].stat().st_mtime_ns):
        result = json.loads(left[first].read_bytes())
        if result["status"] != "ok":
            return {"status": result["status"], "reason": f"rank {first}: {result['reason']}"}
    return {"status": "failed", "reason": f"rank {rank} {protocol.how_it_ended(exit_code)}"}


def together(results: Sequence[Result]) -> Result:
    """The result of all ranks of a trial: the first's, with what each has of its own."""
    whole = dict(results[0])
    if "fingerprint" in whole:
        digests = [result["parameters_sha256"] for result in results]
        odd = next((rank for rank, digest in enumerate(digests) if digest != digests[0]), None)
        if odd is not None:
            return {"status": "failed", "reason": f"rank {odd} ended with other weights than rank 0"}
        # Rank by rank within each micro-step: the order of the batches that they divided among them.
        losses = zip(*(result["fingerprint"]["losses"] for result in results), strict=True)
        whole["fingerprint"] = {**whole["fingerprint"], "losses": list(chain.from_iterable(losses))}
        del whole["parameters_sha256"]
    if "phases" in whole:
        of_ranks = chain.from_iterable(result["phases"]["communication"] for result in results)
        whole["phases"] = {**whole["phases"], "communication": list(of_ranks)}
    if "timing" in whole:
        whole["timing"] = _timing([result["timing"] for result in results])
    return whole


def _timing(timings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first rank's, with the peaks of each; those of the largest are the trial's."""
    memories = [timing["memory"] for timing in timings]
    return {
        **timings[0],
        "startup_ns": max(timing["startup_ns"] for timing in timings),
        "memory": max(memories, key=lambda memory: memory["host_rss_bytes"] or 0),
        "memory_of_ranks": memories,
    }
