"""Nodes of a cluster are alike, or it measures nothing."""

import pytest

from bench.errors import DeviceError
from bench.execute.fleet import nodes
from tests.execute.fleet.conftest import node


def test_nodes_with_other_versions_are_named():
    with pytest.raises(DeviceError) as refused:
        nodes._refuse_unlike([node("a", accelerate="1.15.0"), node("b", accelerate="1.14.0")])
    assert str(refused.value) == (
        "--executor ray: node b has accelerate 1.14.0, and node a accelerate 1.15.0: install the same on both, or "
        "leave one of them out of the cluster."
    )
    with pytest.raises(DeviceError, match=r"node b has no accelerate, and node a accelerate 1\.15\.0"):
        nodes._refuse_unlike([node("a", accelerate="1.15.0"), node("b")])


def test_for_what_torch_is_built_may_differ_from_kind_to_kind_alone():
    cuda, rocm = node("a", "H100", torch="2.13.0+cu130"), node("b", "MI300X", torch="2.13.0+rocm7.0")
    nodes._refuse_unlike([cuda, rocm])
    with pytest.raises(DeviceError, match=r"node b has torch 2\.13\.0\+rocm7\.0, and node a torch 2\.13\.0\+cu130"):
        nodes._refuse_unlike([cuda, node("b", "H100", torch="2.13.0+rocm7.0")])
    with pytest.raises(DeviceError, match=r"node b has torch 2\.12\.0\+rocm7\.0"):
        nodes._refuse_unlike([cuda, node("b", "MI300X", torch="2.12.0+rocm7.0")])


def entry(name, *kinds):
    """A node as Ray describes it."""
    resources = {"CPU": 8.0, **{f"accelerator_type:{kind}": 1.0 for kind in kinds}}
    return {"NodeID": f"{name}12345", "NodeName": name, "Resources": resources}


CLUSTER = [entry("one", "H100"), entry("two", "A100"), entry("three", "A100", "SXM"), entry("four")]


def test_the_nodes_of_a_kind_are_those_that_have_its_resource():
    wanted = nodes._of_types(CLUSTER, ["A100", "H100"])
    assert [(node["NodeName"], kind) for node, kind in wanted] == [
        ("one", "H100"),
        ("two", "A100"),
        ("three", "A100"),
    ]


@pytest.mark.parametrize(
    ("cluster", "kinds", "sentence"),
    [
        (
            CLUSTER,
            ["H100", "B200"],
            "--accelerator-type B200: no node of the cluster has Ray's resource accelerator_type:B200 (there are A100, "
            "H100, SXM); ray start --resources='{\"accelerator_type:B200\": 1}' gives it to one.",
        ),
        (
            [entry("four")],
            ["EPYC"],
            "--accelerator-type EPYC: no node of the cluster has Ray's resource accelerator_type:EPYC (none of them "
            "has any); ray start --resources='{\"accelerator_type:EPYC\": 1}' gives it to one.",
        ),
        (
            CLUSTER,
            ["SXM", "A100"],
            "--accelerator-type: node three (three1) is SXM and A100 to Ray: name one of them, so that nothing else is "
            "measured there at the same time.",
        ),
    ],
)
def test_a_kind_that_cannot_be_measured_is_one_sentence(cluster, kinds, sentence):
    with pytest.raises(DeviceError) as refused:
        nodes._of_types(cluster, kinds)
    assert str(refused.value) == sentence
