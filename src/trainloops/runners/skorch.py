"""skorch: a `NeuralNet` whose batches are dicts, and whose module and optimizer are there already.

It keeps its history of losses, for which it reads each one back from the device, as it does for
everybody; nothing is split off for validation, and nothing is printed.
"""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch.nn.utils import clip_grad_norm_

from trainloops.contract import Batch, Job, Parts


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    loader = {f"iterator_train__{name}": value for name, value in parts.loader.items()}
    net = Net(
        parts.model,
        criterion=torch.nn.Module,  # the workload's loss is asked instead
        max_epochs=job.epochs,
        device=job.device,
        compile=job.compile,
        train_split=None,
        verbose=0,
        callbacks=[("epoch", SetsEpoch())],
        iterator_train__sampler=parts.sampler,
        job=job,
        parts=parts,
        **loader,
    )
    net.fit(parts.dataset, y=None)


class SetsEpoch(Callback):
    """Tells the sampler which epoch begins."""

    def on_epoch_begin(self, net: NeuralNet, **_: Any) -> None:
        """The epochs that have ended are in the history; the one that begins has its row already."""
        net.parts.sampler.set_epoch(len(net.history) - 1)


class Net(NeuralNet):
    """A net of ready parts; accumulates gradients as skorch's own questions and answers propose."""

    def __init__(self, *args: Any, job: Job, parts: Parts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.job, self.parts, self.batches = job, parts, 0
        self.loss_of = parts.autocast(parts.loss)

    def initialize_optimizer(self, *_: Any, **__: Any) -> Net:
        """Take the optimizer as it is."""
        self.optimizer_ = self.parts.optimizer
        return self

    def get_dataset(self, X: Any, y: Any = None) -> Any:  # noqa: N803, ARG002 - skorch's names
        """Take any map-style dataset as it is; skorch would wrap one that is not derived from torch's."""
        return X

    def train_step_single(self, batch: Batch, **_: Any) -> dict[str, torch.Tensor]:
        """Gradients of one micro-batch."""
        self._set_training(True)
        batch = {key: value.to(self.device, non_blocking=self.job.pins_memory) for key, value in batch.items()}
        loss = self.loss_of(self.module_, batch)
        (loss / self.job.grad_accumulation if self.job.grad_accumulation > 1 else loss).backward()
        return {"loss": loss, "y_pred": loss.detach()}

    def train_step(self, batch: Batch, **fit_params: Any) -> Any:
        """One optimizer step every so many micro-batches; a step of one is skorch's own."""
        if self.job.grad_accumulation == 1 and self.job.grad_clip is None:
            return super().train_step(batch, **fit_params)
        step = self.train_step_single(batch, **fit_params)
        self.batches += 1
        if self.batches % self.job.grad_accumulation == 0:
            if self.job.grad_clip is not None:
                clip_grad_norm_(self.module_.parameters(), self.job.grad_clip)
            self.optimizer_.step()
            self.optimizer_.zero_grad()
        return step
