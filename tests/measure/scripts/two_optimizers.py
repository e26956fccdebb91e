"""Two models that are trained against each other, as in a GAN."""

import torch

torch.manual_seed(0)
first, second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 1)
optimizers = torch.optim.SGD(second.parameters(), lr=0.1), torch.optim.Adam(first.parameters(), lr=0.01)
while True:
    noise = torch.rand(8, 4)
    second(first(noise).detach()).mean().backward()
    (second(noise).mean() * 2).backward()
    optimizers[0].step()
    first.zero_grad()
    second(first(noise)).square().mean().backward()
    optimizers[1].step()
    second.zero_grad()
