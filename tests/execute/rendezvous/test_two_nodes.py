"""Ranks on two nodes, both of them here: two commands that meet, one of which measures."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from bench.records import store
from tests import verbs
from trainloops import runners

LOOPS = Path(__file__).parent.parent.parent / "loops"
FAULTS = {
    "one_rank_is_killed": ("killed", "rank 1 was killed by SIGKILL (often the kernel, out of host memory)"),
    "one_rank_raises": ("failed", "rank 1: ValueError: a shard of the data is not there"),
    "ranks_apart": ("failed", "rank 1 ended with other weights than rank 0"),
}


def loop(name: str) -> str:
    return str(LOOPS / f"{name}.py")


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


@contextmanager
def two_nodes(
    *asked: object, here: Path, there: Path, **variables: str
) -> Iterator[tuple[subprocess.Popen[str], subprocess.Popen[str]]]:
    """The command on two nodes, the first of which measures: on one machine that is the one that comes first."""
    with ExitStack() as opened:
        measures = opened.enter_context(verbs.started("run", *asked, cwd=here, **variables))
        process, deadline = psutil.Process(measures.pid), time.monotonic() + verbs.HANG_S
        while measures.poll() is None and time.monotonic() < deadline:
            if any(end.status == psutil.CONN_LISTEN for end in process.net_connections("tcp")):
                break
            time.sleep(0.05)
        yield measures, opened.enter_context(verbs.started("run", *asked, cwd=there, **variables))


def command(*more: object) -> list[object]:
    alike = ["--device", "cpu", "--batch-size", 4, "--steps", 12, "--warmup", 4, "--blocks", 1]
    return [*alike, "--rdzv-endpoint", f"127.0.0.1:{free_port()}", *more]


def measured(*loops: str, folder: Path, code: int) -> Path:
    """What two nodes leave that each train these loops."""
    here, there = folder / "here", folder / "there"
    here.mkdir()
    there.mkdir()
    asked = command("--nnodes", "2", "--only", "time", "--runner", ",".join(loops), "--quiet")
    with two_nodes(*asked, here=here, there=there, **verbs.FRAMEWORKS) as (measures, follows):
        ended, followed = verbs.ended(measures), verbs.ended(follows)
    assert ended.code == code, ended.err
    assert (followed.code, followed.out, list(there.iterdir())) == (0, "", []), followed.err
    return verbs.run_folder(here / "results")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of all loops, and of some that fail on one of the nodes."""
    return measured(*runners.REGISTRY, *map(loop, FAULTS), folder=tmp_path_factory.mktemp("nodes"), code=4)


@pytest.fixture(scope="module")
def trials(run):
    return store.read_trials(run)


@pytest.mark.slow
def test_all_loops_train_the_same_on_two_nodes_as_each_other(trials):
    proofs = {trial.cell.runner: trial for trial in trials if trial.phase == "equivalence"}
    assert {name: proofs[name].reason for name in runners.REGISTRY} == dict.fromkeys(runners.REGISTRY)
    assert len({proofs[name].fingerprint.model_dump_json() for name in runners.REGISTRY}) == 1


@pytest.mark.slow
def test_their_turns_are_timed_on_both_and_each_rank_has_its_memory(trials):
    timed = {trial.cell.runner: trial for trial in trials if trial.phase == "timing"}
    for trial in (timed[name] for name in runners.REGISTRY):
        assert (trial.alone, trial.cell.ranks, trial.cell.nodes) == (None, 2, 2)
        assert len(trial.timing.memory_of_ranks) == 2
        assert len(trial.timing.step_ns) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_rank_that_fails_on_the_other_node_ends_its_trial_with_its_reason(trials, name):
    (failed,) = (trial for trial in trials if trial.cell.runner == loop(name) and trial.phase == "equivalence")
    status, reason = FAULTS[name]
    assert failed.status == status
    assert failed.reason.endswith(reason)


@pytest.mark.slow
def test_the_report_has_the_nodes_and_the_record_the_other_machine(run):
    report = (run / "report.md").read_text()
    assert "| nodes |" in report
    assert len(store.read_run(run).other_nodes) == 1


@pytest.mark.slow
def test_a_node_that_is_lost_costs_the_trials_that_need_it_and_no_others(tmp_path):
    asked = command("--nnodes", "1,2", "--only", "time", "--runner", "pytorch", "--blocks", 4)
    with two_nodes(*asked, here=tmp_path, there=tmp_path) as (measures, follows):
        folder = verbs.folder_with_trials(measures, tmp_path / "results", 6)
        follows.kill()
        measured = verbs.ended(measures)
    assert "node 1, " in measured.out
    assert "was lost" in (folder / "report.md").read_text()
    trials = [trial for trial in store.read_trials(folder) if trial.phase == "timing"]
    alone, together = ([t for t in trials if t.cell.nodes == nodes] for nodes in (1, 2))
    assert {trial.status for trial in alone} == {"ok"}
    assert {trial.reason.partition(", ")[0] for trial in together if trial.status != "ok"} == {"node 1"}
    assert len({trial.block for trial in alone}) == 4


def test_a_node_that_follows_is_told_when_the_one_that_measures_is_gone(tmp_path):
    asked = command("--nnodes", "2", "--runner", "pytorch", "--blocks", 40)
    with two_nodes(*asked, here=tmp_path, there=tmp_path) as (measures, follows):
        verbs.folder_with_trials(measures, tmp_path / "results", 1)
        measures.kill()
        followed = verbs.ended(follows)
    assert followed.code == 2
    assert "the node that measures is gone; its run goes on with --resume there" in followed.err


def test_a_node_of_another_command_is_refused_on_both(tmp_path):
    port = free_port()
    asked = ["--device", "cpu", "--nnodes", "2", "--rdzv-endpoint", f"127.0.0.1:{port}", "--runner", "pytorch"]
    with ExitStack() as opened:
        first = opened.enter_context(verbs.started("run", *asked, "--seed", 1, cwd=tmp_path))
        second = opened.enter_context(verbs.started("run", *asked, "--seed", 2, cwd=tmp_path))
        ends = [verbs.ended(first), verbs.ended(second)]
    assert [end.code for end in ends] == [2, 2]
    told = "".join(end.err for end in ends)
    assert told.count("another command than the one that measures: give the same on both.") == 2
    assert list(tmp_path.iterdir()) == []


# A network between them.

ADDRESSES = ("10.77.0.1", "10.77.0.2")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def namespaces() -> Iterator[list[str]]:
    """Two network stacks of Linux with a cable between them: two machines, as far as sockets can tell."""
    names = [f"looptax-{os.getpid()}-{index}" for index in range(len(ADDRESSES))]
    if shutil.which("ip") is None:
        pytest.skip("there is no program ip (Debian's iproute2)")
    with ExitStack() as made:
        try:
            for name in names:
                ip("netns", "add", name)
                made.callback(ip, "netns", "del", name)
            ip("link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns", names[1])
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network can be made here: {error.stderr.strip()}")
        for name, address in zip(names, ADDRESSES, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for interface in ("lo", "eth0"):
                ip("-n", name, "link", "set", interface, "up")
        yield names


@pytest.mark.slow
def test_ranks_train_across_a_network_and_a_cut_cable_costs_the_trials_that_need_it(tmp_path, namespaces):
    asked = ["--device", "cpu", "--batch-size", 4, "--steps", 12, "--warmup", 4, "--blocks", 4, "--only", "time"]
    asked += ["--nnodes", "1,2", "--runner", "pytorch", "--rdzv-endpoint", f"{ADDRESSES[0]}:29400"]
    with ExitStack() as opened:
        measures, follows = (
            opened.enter_context(
                verbs.started(
                    *("run", *asked),
                    within=("ip", "netns", "exec", name),
                    cwd=tmp_path,
                    **verbs.FRESH,
                    GLOO_SOCKET_IFNAME="eth0",
                )
            )
            for name in namespaces
        )
        folder = verbs.folder_with_trials(measures, tmp_path / "results", 6)
        ip("-n", namespaces[1], "link", "set", "eth0", "down")
        followed, measured = verbs.ended(follows), verbs.ended(measures)
    assert (measured.code, followed.code) == (0, 2), (measured.err, followed.err)
    assert "the node that measures is gone" in followed.err
    trials = store.read_trials(folder)
    alone, together = ([t for t in trials if t.cell.nodes == nodes] for nodes in (1, 2))
    assert {trial.status for trial in alone} == {"ok"}
    assert {trial.phase for trial in together if trial.status == "ok"} == {"equivalence", "timing"}
    assert {trial.reason for trial in together if trial.status != "ok"} == {f"node 1, {ADDRESSES[1]}, was lost"}
