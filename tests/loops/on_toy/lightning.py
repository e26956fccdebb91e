"""Lightning, which is told of the device as its documentation has it for those that it does not know."""

import pytorch_lightning as pl
from pytorch_lightning.accelerators import AcceleratorRegistry, CPUAccelerator
from pytorch_lightning.strategies import SingleDeviceStrategy

from trainloops import runners


class ToyAccelerator(CPUAccelerator):
    """The device of `tests.toy_device`."""

    def setup_device(self, device):
        assert device.type == "toy"


AcceleratorRegistry.register("toy", ToyAccelerator)
trainer = pl.Trainer
pl.Trainer = lambda **settings: trainer(**settings | {"strategy": SingleDeviceStrategy(device="toy:0")})
train = runners.load("lightning")
