"""A tiny Llama that predicts the next of random tokens, made of a transformers config.

Its vocabulary of 8,192 makes logits and their loss, and not the layers, what a step costs and what fills memory: 1 MB
of float32 logits a sample.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset
from transformers import LlamaConfig, LlamaForCausalLM

from trainloops.contract import Batch, Workload
from trainloops.workloads.from_config import Logits

VOCABULARY, LENGTH = 8192, 32


class PackedTokens(Dataset[dict[str, torch.Tensor]]):
    """Windows of one stream of random tokens: items `{"input_ids": int64[32], "labels": int64[32]}`.

    The labels are the tokens that follow; nothing is padded.
    """

    def __init__(self, length: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.tokens = torch.randint(VOCABULARY, (length * LENGTH + 1,), generator=generator)

    def __len__(self) -> int:
        return len(self.tokens) // LENGTH

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        window = self.tokens[index * LENGTH : (index + 1) * LENGTH + 1]
        return {"input_ids": window[:-1], "labels": window[1:]}


def model() -> nn.Module:
    """`int64[batch, 32]` to logits `float[batch, 32, 8192]`."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=LENGTH,
        use_cache=False,
    )
    return Logits(LlamaForCausalLM(config))


def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy over all tokens."""
    return cross_entropy(model(batch["input_ids"]).flatten(0, 1), batch["labels"].flatten())


def workload() -> Workload:
    """What is trained."""
    return Workload(model=model, dataset=PackedTokens, loss=loss, learning_rate=1e-3)
