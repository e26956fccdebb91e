"""Lightning Fabric as "Convert PyTorch code to Fabric" has it: `setup` and `backward`, nothing else."""

from __future__ import annotations

from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from torch.utils.data import DataLoader

from trainloops.contract import Job, Parts


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    fabric = Fabric(
        accelerator=job.device_type,
        devices=1,
        plugins=[LightningEnvironment()],  # else it looks for MPI, and fails where that is half installed
    )
    model, optimizer = fabric.setup(parts.model, parts.optimizer)
    loader = fabric.setup_dataloaders(
        DataLoader(
            parts.dataset, batch_size=job.batch_size, sampler=parts.sampler, collate_fn=parts.loader["collate_fn"]
        )
    )
    model.train()
    for epoch in range(job.epochs):
        parts.sampler.set_epoch(epoch)
        for batch in loader:
            optimizer.zero_grad()
            loss = parts.loss(model, batch)
            fabric.backward(loss)
            optimizer.step()
