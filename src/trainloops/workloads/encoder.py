"""A tiny BERT that classifies sentences of random tokens, made of a transformers config; without dropout."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification

from trainloops.contract import Batch, Workload
from trainloops.workloads.from_config import Logits

VOCABULARY, LENGTH, CLASSES = 1024, 32, 2


class Sentences(Dataset[dict[str, torch.Tensor]]):
    """Random tokens with random labels: items `{"input_ids": int64[32], "labels": int64}`."""

    def __init__(self, length: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        # From 1: 0 is BERT's padding, and nothing is padded.
        self.input_ids = torch.randint(1, VOCABULARY, (length, LENGTH), generator=generator)
        self.labels = torch.randint(CLASSES, (length,), generator=generator)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.input_ids[index], "labels": self.labels[index]}


def model() -> nn.Module:
    """`int64[batch, 32]` to logits `float[batch, 2]`."""
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=LENGTH,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        num_labels=CLASSES,
    )
    return Logits(BertForSequenceClassification(config))


def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy."""
    return cross_entropy(model(batch["input_ids"]), batch["labels"])


def workload() -> Workload:
    """What is trained."""
    return Workload(model=model, dataset=Sentences, loss=loss, learning_rate=1e-3)
