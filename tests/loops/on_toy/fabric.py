"""Fabric, which is told of the device as its documentation has it for those that it does not know."""

import lightning_fabric
from lightning_fabric.accelerators import ACCELERATOR_REGISTRY, CPUAccelerator
from lightning_fabric.strategies import SingleDeviceStrategy

from trainloops import runners


class ToyAccelerator(CPUAccelerator):
    """The device of `tests.toy_device`."""

    def setup_device(self, device):
        assert device.type == "toy"


ACCELERATOR_REGISTRY.register("toy", ToyAccelerator)
fabric = lightning_fabric.Fabric
lightning_fabric.Fabric = lambda **settings: fabric(**settings | {"strategy": SingleDeviceStrategy(device="toy:0")})
train = runners.load("fabric")
