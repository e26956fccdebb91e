"""A real Ray cluster on this machine: nodes of two kinds, one of which is lost while it measures."""

import json

import pytest

from bench.records import store
from tests import verbs
from tests.ray_or_skip import ray

pytestmark = pytest.mark.slow
STARTS = 8
"""Ray gives a node's agent 15 s to start, whatever it is told; a machine may be too busy for that at a moment."""


def _node(kind):
    return {"num_cpus": 1, "resources": {f"accelerator_type:{kind}": 1}}


def _cluster(cluster_utils):
    """A cluster of a node of one kind and two of another, with these two."""
    head = {**_node("EPYC"), "include_dashboard": False}
    for start in range(STARTS):
        cluster = cluster_utils.Cluster()
        try:
            cluster.add_node(**head)
            return cluster, [cluster.add_node(**_node("Xeon")) for _ in range(2)]
        except Exception:
            cluster.shutdown()
            if start == STARTS - 1:
                raise
    raise AssertionError


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A run of two blocks on a node of one kind and two of another, one of which is killed: how it ended."""
    cluster_utils = ray("cluster_utils")
    out = tmp_path_factory.mktemp("fleet") / "results"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", verbs.SOURCES)
        cluster, (doomed, _) = _cluster(cluster_utils)
        try:
            command = ["--executor", "ray", "--ray-address", cluster.address, "--accelerator-type", "Xeon,EPYC"]
            loop = ["--device", "cpu", "--runner", "pytorch", "--batch-size", "8", "--only", "time"]
            length = ["--blocks", "2", "--steps", "20", "--warmup", "1"]
            with verbs.started("run", *command, *loop, *length, "--out", out, cwd=out.parent) as running:
                verbs.folder_with_trials(running, out, 2)  # the proofs: each node has a block now, or is about to
                cluster.remove_node(doomed, allow_graceful=False)
                ended = verbs.ended(running)
        finally:
            cluster.shutdown()
    return ended, verbs.run_folder(out), doomed.node_id


def test_a_node_that_is_lost_costs_its_block_and_nothing_else(measured):
    ended, folder, node_id = measured
    assert ended.code == 0, ended.err
    assert f"({node_id[:6]}) was lost; what it was measuring is measured again elsewhere" in ended.err
    assert "raylet" not in ended.out
    timed = [trial for trial in store.read_trials(folder) if trial.phase == "timing"]
    parts = [(trial.block, trial.cell.accelerator_type) for trial in timed]
    assert sorted(parts) == sorted([(0, "EPYC"), (0, "Xeon"), (1, "EPYC"), (1, "Xeon")] * 2)  # the loop and its clone
    nodes = {(*part, trial.node) for part, trial in zip(parts, timed, strict=True)}
    assert len(nodes) == len(set(parts))


def test_each_kind_of_machine_is_measured_on_its_own_nodes_and_held_to_itself(measured):
    _, folder, _ = measured
    nodes = {"EPYC": set(), "Xeon": set()}
    for trial in store.read_trials(folder):
        nodes[trial.cell.accelerator_type].add(trial.node)
    assert not nodes["EPYC"] & nodes["Xeon"]
    summary = json.loads((folder / "summary.json").read_text())
    assert [(cell["accelerator_type"], cell["equivalence"]["verdict"]) for cell in summary["cells"]] == [
        ("Xeon", "baseline"),
        ("EPYC", "baseline"),
    ]
    assert [floor["comparison"]["accelerator_type"] for floor in summary["noise_floors"]] == ["Xeon", "EPYC"]


def test_its_report_names_the_nodes_and_the_machine_of_each_kind(measured):
    _, folder, _ = measured
    summary = json.loads((folder / "summary.json").read_text())
    assert sum(summary["nodes"].values()) == 4
    assert list(summary["run"]["machines"]) == ["Xeon", "EPYC"]
    report = (folder / "report.md").read_text()
    assert "nodes of a Ray cluster, each block on one of each accelerator type" in report
    assert "mlp on cpu (Xeon)" in report
    assert report.count("| machine with ") == 2
    assert not (folder / "health.jsonl").exists()  # this machine has measured nothing
