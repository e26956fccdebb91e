"""The hand-written loop in a file that computes on the accelerator while it is imported, so that no fork can use it."""

import torch

from trainloops import runners

if torch.cuda.is_available():
    torch.ones(1, device="cuda")
train = runners.load("pytorch")
