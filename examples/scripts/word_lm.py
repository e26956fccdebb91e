"""A recurrent word model whose update is written by hand: there is no optimizer.

python word_lm.py --epochs 6

With looptax, a step is a call of `update`: --tick-on __main__:update
"""

import argparse
import math
import time
from pathlib import Path

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--emsize", type=int, default=48)
parser.add_argument("--nhid", type=int, default=48)
parser.add_argument("--lr", type=float, default=5.0)
parser.add_argument("--clip", type=float, default=0.25)
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--batch_size", type=int, default=8)
parser.add_argument("--bptt", type=int, default=20)
parser.add_argument("--repeats", type=int, default=20)
parser.add_argument("--log-interval", type=int, default=50)
parser.add_argument("--save", default="word_lm.pt")
args = parser.parse_args()

torch.manual_seed(1111)
words = ((Path(__file__).parent / "text.txt").read_text(encoding="utf-8") * args.repeats).split()
dictionary = {word: index for index, word in enumerate(dict.fromkeys(words))}
tokens = torch.tensor([dictionary[word] for word in words])
per_column = len(tokens) // args.batch_size
train_data = tokens[: per_column * args.batch_size].view(args.batch_size, -1).t().contiguous()


class RNNModel(nn.Module):
    def __init__(self, ntoken):
        super().__init__()
        self.encoder = nn.Embedding(ntoken, args.emsize)
        self.rnn = nn.LSTM(args.emsize, args.nhid)
        self.decoder = nn.Linear(args.nhid, ntoken)

    def forward(self, source, hidden):
        output, hidden = self.rnn(self.encoder(source), hidden)
        return self.decoder(output).view(-1, self.decoder.out_features), hidden


model = RNNModel(len(dictionary))
criterion = nn.CrossEntropyLoss()


def update(lr):
    torch.nn.utils.clip_grad_norm_(model.parameters(), args.clip)
    for p in model.parameters():
        p.data.add_(p.grad, alpha=-lr)


def train(epoch, lr):
    model.train()
    total_loss, start = 0.0, time.time()
    hidden = tuple(torch.zeros(1, args.batch_size, args.nhid) for _ in range(2))
    for batch, i in enumerate(range(0, train_data.size(0) - 1, args.bptt)):
        length = min(args.bptt, len(train_data) - 1 - i)
        data, targets = train_data[i : i + length], train_data[i + 1 : i + 1 + length].view(-1)
        model.zero_grad()
        hidden = tuple(state.detach() for state in hidden)
        output, hidden = model(data, hidden)
        loss = criterion(output, targets)
        loss.backward()
        update(lr)
        total_loss += loss.item()
        if batch % args.log_interval == 0 and batch > 0:
            mean = total_loss / args.log_interval
            print(f"| epoch {epoch} | {batch} batches | {time.time() - start:.1f} s | loss {mean:.2f} | ppl {math.exp(mean):.2f}")
            total_loss = 0.0


for epoch in range(1, args.epochs + 1):
    train(epoch, args.lr)
    torch.save(model.state_dict(), args.save)
