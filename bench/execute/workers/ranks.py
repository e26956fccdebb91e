"""A trial of several ranks, inside the process that was made for it: torch elastic starts and watches them.

They are forks, by its `start_method="fork"`, and of one process group with this process: whoever stops or kills the
trial does so with all of them. Torch elastic sets the variables that torchrun sets, and ends all ranks where one fails.

Of ranks on several nodes each node has such a process with its part of them. The others tell the first rank how their
turns and they themselves went, so that on the first node there is all that there would be of ranks on one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from bench.execute.workers import protocol
from bench.execute.workers.meeting import PATIENCE_S, Meeting, said, say
from bench.execute.workers.trial import Assignment, Result, run
from bench.host.process import resident
from bench.measure.gate import Control, FarGate, FarRank, Leader, gates
from bench.measure.ticks import Ticks
from bench.records import files
from trainloops.contract import Job

HERE = "127.0.0.1"
ALONE = {
    "rdzv_backend": "c10d",  # as torchrun --standalone has it: no port to agree on
    "rdzv_endpoint": f"{HERE}:0",
    "local_addr": HERE,
}
LOOK_S, FAR_LOOK_S = 0.1, 1.0
SEEN_FIRST_S = 1.0
"""A rank that raises outlives one that was killed by so much, of which it may have heard: ten looks of elastic."""


def launch(assignment: Assignment) -> None:
    """Run the trial on all of its ranks, or those of this node, and leave one result of all, or that of these."""
    job, meeting = assignment.job, _meeting(assignment)
    node, here = (0 if meeting is None else meeting.node), job.ranks // job.nodes
    config = LaunchConfig(
        min_nodes=job.nodes,
        max_nodes=job.nodes,
        nproc_per_node=here,
        max_restarts=0,
        start_method="fork",
        **({"run_id": uuid.uuid4().hex, **ALONE} if meeting is None else _with_others(meeting)),
    )
    listener = meeting.listener() if meeting is not None and node == 0 else None
    try:
        elastic_launch(config, _rank)(assignment, gates(assignment.control, here), listener)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        assignment.leave(_failed(assignment, rank, failure.exitcode))
        return
    assignment.leave(_of_all(assignment) if node == 0 else {"status": "ok"})


def _meeting(assignment: Assignment) -> Meeting | None:
    """Where its ranks meet that are on several nodes."""
    asked = assignment.request["meeting"]
    return None if asked is None else Meeting(**asked)


def _with_others(meeting: Meeting) -> dict[str, Any]:
    """How torch elastic finds the other nodes, of which each has the number that it is given."""
    return {
        "run_id": meeting.key,
        "rdzv_backend": "static",
        "rdzv_endpoint": meeting.store,
        "rdzv_configs": {"rank": meeting.node, "timeout": PATIENCE_S},
        # How often it looks after its ranks. It stands still beside the turns of others on the first node alone.
        "monitor_interval": LOOK_S if meeting.node == 0 else FAR_LOOK_S,
    }


def _rank(assignment: Assignment, controls: Sequence[Control | None], listener: socket.socket | None) -> None:
    """One rank, in its own process; ends with an exit code where it fails, so that the others end, too."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)  # torch elastic's handlers, which a fork keeps, wait for Python's turn
    rank, local_rank, meeting = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"]), _meeting(assignment)
    control, device_type = controls[local_rank], assignment.job.device_type
    if device_type != "cpu":  # from here on `cuda` means this card, in loops and instruments
        getattr(torch, device_type).set_device(local_rank)
    folder = protocol.rank_folder(assignment.scratch, rank)
    folder.mkdir(exist_ok=True)
    first: socket.socket | None = None
    others: dict[int, socket.socket] = {}
    if meeting is not None and meeting.node > 0:
        first = meeting.come(rank)
        control = None if control is None else FarGate(first, Ticks(folder / protocol.TICKS))
    elif meeting is not None and listener is not None and rank == 0:
        others = _others(assignment, meeting, listener)
        if isinstance(control, Leader):
            control.join([FarRank(others[far], _ticks_of(assignment, far)) for far in others])
    run(
        replace(
            assignment,
            job=replace(assignment.job, rank=rank),
            scratch=folder,
            control=control,
            host=replace(assignment.host, at_start=resident()),
        )
    )
    result = _left(assignment.scratch, rank)
    is_ok = result is not None and result["status"] == "ok"
    if first is not None:
        say(first, result)
    for far, connection in others.items():
        # What another has said by the time that this rank has failed came before that.
        theirs = said(connection, wait=is_ok)
        if theirs is not None:
            files.write(protocol.rank_folder(assignment.scratch, far) / protocol.RESULT, json.dumps(theirs))
    if not is_ok:
        time.sleep(SEEN_FIRST_S)
        raise SystemExit(1)


def _others(assignment: Assignment, meeting: Meeting, listener: socket.socket) -> dict[int, socket.socket]:
    """The connections to the ranks of other nodes, each of which has a folder here."""
    job = assignment.job
    others = dict(meeting.come_in(listener, range(job.ranks // job.nodes, job.ranks)))
    for far in others:
        protocol.rank_folder(assignment.scratch, far).mkdir(exist_ok=True)
    return others


def _ticks_of(assignment: Assignment, rank: int) -> Ticks:
    return Ticks(protocol.rank_folder(assignment.scratch, rank) / protocol.TICKS)


def _of_all(assignment: Assignment) -> Result:
    """The result of all ranks; of another node's that was lost in the end there is none."""
    left = {rank: _left(assignment.scratch, rank) for rank in range(assignment.job.ranks)}
    lost = next((rank for rank, result in left.items() if result is None), None)
    if lost is not None and lost > 0:
        return {"status": "failed", "reason": f"rank {lost} did not say how it went"}
    return together([result for result in left.values() if result is not None], assignment.job)


def _left(scratch: Path, rank: int) -> Result | None:
    path = protocol.rank_folder(scratch, rank) / protocol.RESULT
    return json.loads(path.read_bytes()) if path.exists() else None


def _failed(assignment: Assignment, rank: int, exit_code: int) -> Result:
    """How a trial ended of which torch elastic saw this rank fail; where it raised, another may have raised before."""
    if exit_code < 0:
        return {"status": "killed", "reason": f"rank {rank} {protocol.how_it_ended(exit_code)}"}
    folders = {other: protocol.rank_folder(assignment.scratch, other) for other in range(assignment.job.ranks)}
    left = {other: path for other, folder in folders.items() if (path := folder / protocol.RESULT).exists()}
    by_age = sorted(left, key=lambda other: left[other].stat().st_mtime_ns)
    if by_age[:1] == [0]:  # to which ranks of other nodes had said by then how it went
        by_age = [*(rank for rank in by_age if rank >= assignment.job.ranks // assignment.job.nodes), *by_age]
    for first in by_age:
        result = json.loads(left[first].read_bytes())
        if result["status"] != "ok":
            return {"status": result["status"], "reason": f"rank {first}: {result['reason']}"}
    return {"status": "failed", "reason": f"rank {rank} {protocol.how_it_ended(exit_code)}"}


def together(results: Sequence[Result], job: Job) -> Result:
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
        of_ranks = chain.from_iterable(result["phases"].get("communication", []) for result in results)
        whole["phases"] = {**whole["phases"], "communication": list(of_ranks)}
    if "timing" in whole:
        whole["timing"] = _timing([result["timing"] for result in results], job)
    return whole


def _timing(timings: Sequence[dict[str, Any]], job: Job) -> dict[str, Any]:
    """The first rank's, with the peaks of each; those of the largest are the trial's, as is the energy of all."""
    # A card is a rank's own; all ranks of a node read the same counters of its processors.
    metered = timings if job.device != "cpu" else timings[:: len(timings) // job.nodes]
    energies_j = [timing["energy_j"] for timing in metered]
    untold = [timing["unavailable"]["energy_j"] for timing in metered if "energy_j" in timing["unavailable"]]
    memories = [timing["memory"] for timing in timings]
    return {
        **timings[0],
        "startup_ns": max(timing["startup_ns"] for timing in timings),
        "memory": max(memories, key=_peaks),
        "memory_of_ranks": memories,
        "energy_j": None if None in energies_j else sum(energies_j),
        "unavailable": {**timings[0]["unavailable"], **({"energy_j": untold[0]} if untold else {})},
    }


def _peaks(memory: dict[str, Any]) -> tuple[int, int]:
    return memory["device_allocated_bytes"] or 0, memory["host_rss_bytes"] or 0
