"""A real Ray cluster of several nodes on this machine, one of which is lost while it measures."""

import json

import pytest

from bench.records import store
from tests import verbs
from tests.ray_or_skip import ray


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A run of four blocks on two nodes, one of which is killed while it measures: how it ended."""
    cluster_utils = ray("cluster_utils")
    out = tmp_path_factory.mktemp("fleet") / "results"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", verbs.SOURCES)
        cluster = cluster_utils.Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
        )
        try:
            doomed = cluster.add_node(num_cpus=1)
            command = ["--executor", "ray", "--ray-address", cluster.address, "--device", "cpu", "--runner", "pytorch"]
            length = ["--batch-size", "8", "--blocks", "4", "--max-blocks", "4", "--steps", "20", "--warmup", "1"]
            with verbs.started("run", *command, *length, "--only", "time", "--out", out, cwd=out.parent) as running:
                verbs.folder_with_trials(running, out, 2)  # the proof, and the first of a block: another one is on now
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
    assert sorted(trial.key[2] for trial in timed) == sorted([0, 1, 2, 3] * 2)  # the loop and its clone
    assert all(len({trial.node for trial in timed if trial.block == block}) == 1 for block in range(4))


def test_its_report_names_the_nodes(measured):
    _, folder, node_id = measured
    summary = json.loads((folder / "summary.json").read_text())
    assert sum(summary["nodes"].values()) == 4
    assert all(node_id[:6] in name or blocks > 1 for name, blocks in summary["nodes"].items())
    assert "of a Ray cluster" in (folder / "report.md").read_text()
    assert not (folder / "health.jsonl").exists()  # this machine has measured nothing
