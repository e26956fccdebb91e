"""What keeps a run from its cluster is one sentence, before anything is measured."""

import socket
import sys
from types import ModuleType

import pytest

from bench.errors import UsageError
from bench.execute.fleet.connection import connect
from bench.plan.settings import Flags, from_flags
from tests import ray_or_skip
from tests.execute.fleet.conftest import RUN


def test_without_ray_it_is_one_sentence_even_beside_a_folder_of_that_name(monkeypatch):
    for module in (None, ModuleType("ray")):
        monkeypatch.setitem(sys.modules, "ray", module)
        with pytest.raises(UsageError, match=r"^--executor ray needs Ray: pip install 'looptax\[ray\]'\.$"):
            connect(None)


def test_an_address_where_nobody_listens_is_refused_at_once():
    ray_or_skip.ray("util")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        UsageError, match=rf"^--ray-address 127\.0\.0\.1:{port}: no Ray cluster answers there \(.*refused"
    ):
        connect(f"127.0.0.1:{port}")
    assert not sys.modules["ray"].is_initialized()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"executor": "slurm"}, "--executor 'slurm' is not one of local, ray."),
        ({"ray_address": "auto"}, "--ray-address is that of --executor ray: give both, or leave it out."),
        ({"accelerator_type": "A100"}, "--accelerator-type is that of --executor ray: give both, or leave it out."),
        (
            {"executor": "ray", "accelerator_type": "A100,A100"},
            "--accelerator-type names A100 more than once; name each value once.",
        ),
        ({"executor": "ray", "trace": True}, "--executor ray does not do --trace: leave one of them out."),
    ],
)
def test_a_wrong_flag_is_one_sentence(flags, sentence):
    with pytest.raises(UsageError) as caught:
        from_flags(Flags(device="cpu", **flags), RUN.machine)
    assert str(caught.value) == sentence
