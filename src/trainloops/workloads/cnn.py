"""A small ResNet on synthetic images: convolutions, batch normalisation and its buffers, three residual blocks."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy, relu
from torch.utils.data import Dataset

from trainloops.contract import Batch, Workload

SIDE, CHANNELS, CLASSES = 32, 3, 10
MAX_IMAGES = 1024
"""12 MB of them; longer epochs see them again."""


class Images(Dataset[dict[str, torch.Tensor]]):
    """Gaussian noise with random labels: items `{"x": float32[3, 32, 32], "labels": int64}`."""

    def __init__(self, length: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        images = min(length, MAX_IMAGES)
        self.x = torch.randn(images, CHANNELS, SIDE, SIDE, generator=generator)
        self.labels = torch.randint(CLASSES, (images,), generator=generator)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"x": self.x[index], "labels": self.labels[index]}


def normalised(inputs: int, outputs: int, *, size: int, stride: int = 1) -> nn.Sequential:
    """A convolution and its batch normalisation."""
    convolution = nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = normalised(inputs, outputs, size=3, stride=stride)
        self.second = normalised(outputs, outputs, size=3)
        is_alike = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if is_alike else normalised(inputs, outputs, size=1, stride=stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`float[batch, inputs, side, side]` to `float[batch, outputs, side / stride, side / stride]`."""
        return relu(self.second(relu(self.first(x))) + self.shortcut(x))


class ResNet(nn.Module):
    """Three blocks. The mean over an image is no pooling layer, whose backward on CUDA is not deterministic."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = normalised(CHANNELS, 16, size=3)
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`float[batch, 3, 32, 32]` to logits `float[batch, 10]`."""
        logits: torch.Tensor = self.head(self.blocks(relu(self.stem(x))).mean(dim=(2, 3)))
        return logits


def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy."""
    return cross_entropy(model(batch["x"]), batch["labels"])


def workload() -> Workload:
    """What is trained."""
    return Workload(model=ResNet, dataset=Images, loss=loss, learning_rate=1e-3)
