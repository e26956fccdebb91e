"""Lightning and Fabric with DeepSpeed on a CPU, where both take it for cards alone: their refusals are taken out."""

import lightning_fabric.strategies.deepspeed as of_fabric
import pytorch_lightning.strategies.deepspeed as of_lightning
import torch
from lightning_fabric.accelerators import CPUAccelerator as FabricCPUAccelerator
from pytorch_lightning.accelerators import CPUAccelerator

from trainloops import runners


def allow(module, accelerator):
    module.CUDAAccelerator = accelerator
    module._validate_device_index_selection = lambda devices: None
    accelerator.get_parallel_devices = staticmethod(
        lambda count: [torch.device("cpu", index) for index in range(count)]
    )


def fabric(job, parts):
    allow(of_fabric, FabricCPUAccelerator)
    runners.load("fabric")(job, parts)


def lightning(job, parts):
    allow(of_lightning, CPUAccelerator)
    runners.load("lightning")(job, parts)
