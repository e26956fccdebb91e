"""Which node leads, whom it lets in, and what both say where they do not find each other."""

from __future__ import annotations

import socket
import threading

import pytest

from bench.errors import DeviceError, UsageError
from bench.execute.rendezvous import meet
from bench.execute.rendezvous.follower import Follower
from bench.execute.rendezvous.leader import Leader
from bench.execute.rendezvous.line import Line
from bench.execute.workers.meeting import HELLO, Meeting
from bench.records.schema import Run
from tests import factories

PORT_TAKEN_BY_NOBODY = 1


@pytest.fixture
def port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(meet, "JOIN_S", 0.5)


def run_at(port: int, *, host: str = "127.0.0.1", **changes: object) -> Run:
    settings = factories.run().settings.model_copy(
        update={"rdzv_endpoint": f"{host}:{port}", "comparisons": [factories.comparison(ranks=2, nodes=2)]}
    )
    return factories.run().model_copy(update={"settings": settings, **changes})


def nothing(_: str) -> None:
    pass


def met(first: Run, second: Run) -> list[object]:
    """What two nodes are to each other that come at the same time, or what each is told."""
    outcomes: list[object] = [None, None]

    def come(place: int, run: Run) -> None:
        try:
            outcomes[place] = meet.meet(run, nothing)
        except (DeviceError, UsageError) as error:
            outcomes[place] = error

    nodes = [threading.Thread(target=come, args=place) for place in enumerate((first, second))]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join()
    return outcomes


def test_of_two_with_the_same_command_one_leads_and_the_other_follows(port):
    outcomes = met(run_at(port), run_at(port))
    (leader,) = (outcome for outcome in outcomes if isinstance(outcome, Leader))
    (follower,) = (outcome for outcome in outcomes if isinstance(outcome, Follower))
    assert leader.machines == [factories.run().machine]
    leader.close()
    follower.serve()  # until it is over, which it is


def test_a_run_on_one_node_meets_nobody():
    assert meet.meet(factories.run(), nothing) is None


def test_a_node_with_another_release_is_refused_on_both_which_name_it(port):
    older = factories.run().packages | {"transformers": "4.57.6"}
    errors = met(run_at(port), run_at(port, packages=older))
    assert all(isinstance(error, DeviceError) for error in errors)
    told = " ".join(map(str, errors))
    assert "node 1, " in told
    assert told.count("transformers 4.57.6") == 2
    assert told.count("install the same on both.") == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"packages": {}}, "no torch, and the one that measures torch"),
        ({"git_revision": "76543210"}, "looptax at 76543210, and the one that measures at 01234567"),
        ({"own_files": {"loop.py": "b"}}, "another loop.py than the one that measures: copy that to it"),
        ({"settings": run_at(1).settings.model_copy(update={"seed": 7})}, "another command than the one that measures"),
    ],
)
def test_what_another_node_must_not_differ_in_is_named(changes, reason):
    here = run_at(1).model_copy(update={"own_files": {"loop.py": "a"}})
    assert meet.unlike(here, here) is None
    assert meet.unlike(here, here.model_copy(update=changes)).startswith(reason)


def test_deepspeed_may_be_missing_where_nobody_asks_for_it_and_be_no_other_version():
    with_it, with_another, without = (
        run_at(1, packages=factories.run().packages | packages)
        for packages in ({"deepspeed": "0.19.8"}, {"deepspeed": "0.17.0"}, {})
    )
    assert meet.unlike(with_it, without) is None
    assert meet.unlike(with_it, with_another).startswith("deepspeed 0.17.0, and the one that measures deepspeed 0.19.8")


def test_where_nobody_comes_it_says_who_is_missing(port, impatient):
    with pytest.raises(DeviceError, match="1 of 2 nodes have come within 0 s; give the same command on the others"):
        meet.meet(run_at(port), nothing)


def test_where_nobody_answers_it_says_so(impatient, monkeypatch):
    monkeypatch.setattr(meet, "_listener", lambda host, port: None)  # as on a machine that the endpoint is not
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:1: nobody answers there within 0 s"):
        meet.meet(run_at(PORT_TAKEN_BY_NOBODY), nothing)


def test_a_host_that_nobody_knows_is_named():
    with pytest.raises(UsageError, match=r"no-such-host\.invalid:1: no machine of that name is known here"):
        meet.meet(run_at(1, host="no-such-host.invalid"), nothing)


def test_who_is_none_of_the_run_is_not_let_in(port):
    def come() -> None:
        for words in (b"GET / HTTP/1.1\r\n\r\n", b'{"event": "join"}\n', b""):
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.sendall(words)

    with socket.create_server(("127.0.0.1", port)) as listener:
        strangers = threading.Thread(target=come)
        strangers.start()
        for _ in range(3):
            connection, _ = listener.accept()
            assert meet._peer(Line(connection), "somewhere", 1, run_at(port)) is None
        strangers.join()


def test_a_rank_without_the_key_is_not_let_in(port):
    meeting = Meeting(node=1, host="127.0.0.1", store_port=1, gate_port=port, key="0" * 32)
    with meeting.listener() as listener:
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(HELLO.pack(b"1" * 32, 1))
            ours = meeting.come(1)
            ((rank, theirs),) = meeting.come_in(listener, range(1, 2))
        ours.close()
        theirs.close()
    assert rank == 1
