"""How the nodes of a run find each other: one is at the endpoint and leads, the others come to it.

All of them are started with the same command. The endpoint's host is where the run is written; nodes trust each other,
as those of torchrun do: nobody else may reach that port.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from pydantic import ValidationError

from bench.errors import DeviceError, UsageError
from bench.execute.rendezvous.follower import Follower
from bench.execute.rendezvous.leader import Leader, Peer
from bench.execute.rendezvous.line import Line, LineLostError
from bench.execute.versions import first_unlike
from bench.execute.workers.meeting import connected
from bench.execute.workers.protocol import Message
from bench.plan import parse
from bench.records.schema import Run

FLAG = "--rdzv-endpoint"
JOIN_S = 300.0
"""For all nodes to come, of which each may first have to import what it needs."""
HELLO_S = 10.0
Note = Callable[[str], None]


def meet(run: Run, note: Note) -> Leader | Follower | None:
    """What this node is to the others of `run`; None where it needs no others.

    Raises `UsageError` where nobody can be met there, and `DeviceError` where a node is not as this one, or does not
    come. `note` is told whom it waits for.
    """
    if run.settings.rdzv_endpoint is None:
        return None
    host, port = parse.endpoint(FLAG, run.settings.rdzv_endpoint)
    listener = _listener(host, port)
    nodes = max(comparison.nodes for comparison in run.settings.comparisons)
    if listener is None:
        return _joined(host, port, run, note)
    with listener:
        return Leader(host, _gathered(listener, nodes, run, note))


def _listener(host: str, port: int) -> socket.socket | None:
    """Where the others come to; None where the endpoint is another machine's, or another process here has it."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise UsageError(f"{FLAG} {host}:{port}: no machine of that name is known here; name another host.") from None
    with suppress(OSError):
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        return socket.create_server(("", port), family=family)
    return None


def _gathered(listener: socket.socket, nodes: int, run: Run, note: Note) -> list[Peer]:
    """The other nodes, in the order in which they come."""
    endpoint, deadline = run.settings.rdzv_endpoint, monotonic() + JOIN_S
    peers: list[Peer] = []
    try:
        while len(peers) < nodes - 1:
            note(f"waits at {endpoint} for {nodes - 1 - len(peers)} of {nodes} nodes, with the same command")
            listener.settimeout(max(deadline - monotonic(), 1e-3))
            try:
                connection, (address, *_) = listener.accept()
            except TimeoutError:
                raise DeviceError(
                    f"{FLAG} {endpoint}: {len(peers) + 1} of {nodes} nodes have come within {JOIN_S:.0f} s; give the "
                    "same command on the others, too, or a smaller --nnodes."
                ) from None
            peer = _peer(Line(connection), address, len(peers) + 1, run)
            if peer is not None:
                peers.append(peer)
    except BaseException:
        for peer in peers:
            peer.line.close()
        raise
    return peers


def _peer(line: Line, address: str, node: int, run: Run) -> Peer | None:
    """The node that has come; None where it is none of a run. Raises `DeviceError` where it is not as this one."""
    try:
        hello = line.hear(HELLO_S) or {}
        there = Run.model_validate(hello["run"])
    except (LineLostError, KeyError, ValidationError):
        line.close()
        return None
    reason = unlike(run, there)
    with suppress(LineLostError):
        if reason is not None:
            line.say("refused", reason=f"this node has {reason}")
            line.close()
            raise DeviceError(f"{FLAG} {run.settings.rdzv_endpoint}: node {node}, {address}, has {reason}.")
        line.say("welcome", node=node)
        return Peer(line, node=node, address=address, machine=there.machine)
    return None


def unlike(here: Run, there: Run) -> str | None:
    """What another node has that the one which leads has not, and the way out; None where they are alike."""
    if (packages := first_unlike(there.packages, here.packages)) is not None:
        return "{}, and the one that measures {}: install the same on both".format(*packages)
    revisions = [run.git_revision or "no known revision" for run in (there, here)]
    if revisions[0] != revisions[1]:
        return "looptax at {}, and the one that measures at {}: install the same on both".format(*revisions)
    pythons = [".".join(run.machine.python.split(".")[:2]) for run in (there, here)]
    if pythons[0] != pythons[1]:
        return f"Python {pythons[0]}, and the one that measures {pythons[1]}: take the same on both"
    unlike_files = [name for name, digest in here.own_files.items() if there.own_files.get(name) != digest]
    if unlike_files:
        return f"another {unlike_files[0]} than the one that measures: copy that to it"
    plans = [run.settings.model_dump(include={"comparisons", "runners", "threads", "seed"}) for run in (there, here)]
    if plans[0] != plans[1]:
        return "another command than the one that measures: give the same on both"
    return None


def _joined(host: str, port: int, run: Run, note: Note) -> Follower:
    """What comes to the node at the endpoint."""
    endpoint, deadline = run.settings.rdzv_endpoint, monotonic() + JOIN_S
    note(f"comes to the node that measures, at {endpoint}")
    try:
        line = Line(connected(host, port, JOIN_S))
    except OSError as error:
        raise UsageError(
            f"{FLAG} {endpoint}: nobody answers there within {JOIN_S:.0f} s ({error.strerror or error}); start the "
            "same command on that machine, or name another."
        ) from None
    heard: Message | None = None
    with suppress(LineLostError):
        line.say("join", run=run.model_dump(mode="json", by_alias=True))
        heard = line.hear(max(deadline - monotonic(), HELLO_S))
    if heard is not None and heard["event"] == "welcome":
        note(f"is node {heard['node']}, and starts what the one at {endpoint} asks for")
        return Follower(line, run.settings)
    line.close()
    if heard is not None and heard["event"] == "refused":
        raise DeviceError(f"{FLAG} {endpoint}: {heard['reason']}.")
    raise UsageError(
        f"{FLAG} {endpoint}: whoever is there takes this for no node of its run; look whether the same command waits "
        "there, and for how many nodes."
    )
