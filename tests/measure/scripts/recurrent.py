"""A language model whose hidden state goes from batch to batch, detached, as in torch's own example; no loader."""

import sys

import torch
from torch import nn

torch.manual_seed(1)
words = torch.randint(20, (60, 3))
embedding, rnn, decoder = nn.Embedding(20, 4), nn.LSTM(4, 4), nn.Linear(4, 20)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.rnn, self.decoder = embedding, rnn, decoder

    def forward(self, given, hidden):
        output, hidden = self.rnn(self.embedding(given), hidden)
        return self.decoder(output), hidden


model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=float(sys.argv[1]))
hidden = (torch.zeros(1, 3, 4), torch.zeros(1, 3, 4))
for start in range(0, 50, 5):
    hidden = tuple(state.detach() for state in hidden)
    optimizer.zero_grad()
    output, hidden = model(words[start : start + 5], hidden)
    nn.functional.cross_entropy(output.flatten(0, 1), words[start + 1 : start + 6].flatten()).backward()
    optimizer.step()
