"""A run, and nodes of a cluster that could measure it."""

from bench.execute.fleet.nodes import Node
from tests import factories

RUN = factories.run(runners=["pytorch", "floor"], blocks=4)


def node(name, kind=None, **packages):
    return Node(
        ray_id=name,
        name=name,
        cards=2,
        accelerator_type=kind,
        machine=RUN.machine,
        packages={"torch": "2.13.0", **packages},
    )
