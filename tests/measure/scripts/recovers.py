"""An optimizer whose second step raises, which the script survives."""

import torch


class Moody(torch.optim.SGD):
    steps = 0

    def step(self, closure=None):
        self.steps += 1
        if self.steps == 2:
            raise RuntimeError
        return super().step(closure)


model = torch.nn.Linear(4, 1)
optimizer = Moody(model.parameters(), lr=0.1)
while True:
    try:
        model(torch.ones(8, 4)).mean().backward()
        optimizer.step()
    except RuntimeError:
        pass
