"""Fabric, which is told of the device as its documentation has it for those that it does not know."""

from lightning_fabric.accelerators import ACCELERATOR_REGISTRY, CPUAccelerator
from lightning_fabric.strategies import SingleDeviceStrategy

from trainloops.runners import fabric


class ToyAccelerator(CPUAccelerator):
    """The device of `tests.toy_device`."""

    def setup_device(self, device):
        assert device.type == "toy"


ACCELERATOR_REGISTRY.register("toy", ToyAccelerator)
Fabric = fabric.Fabric
fabric.Fabric = lambda **settings: Fabric(**settings | {"strategy": SingleDeviceStrategy(device="toy:0")})
train = fabric.train
