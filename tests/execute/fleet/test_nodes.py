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
