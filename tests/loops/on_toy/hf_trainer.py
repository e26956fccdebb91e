"""Trainer, whose list of devices is its own, beside Accelerate's: ours is put in front of both."""

import torch
from accelerate.state import PartialState
from transformers import TrainingArguments

from trainloops import runners

PartialState.default_device = property(lambda _: torch.device("toy", 0))
TrainingArguments.device = property(lambda self: self._setup_devices and torch.device("toy", 0))
train = runners.load("hf-trainer")
