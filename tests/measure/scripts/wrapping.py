"""An optimizer that steps another one within its own step."""

import torch


class Twice(torch.optim.Optimizer):
    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 0.1})
        self.inner = torch.optim.SGD(self.param_groups, lr=0.1)

    def step(self, closure=None):
        self.inner.step()
        self.inner.step()


model = torch.nn.Linear(4, 1)
optimizer = Twice(model.parameters())
while True:
    model(torch.ones(8, 4)).mean().backward()
    optimizer.step()
