"""A plain training loop of which every option changes one thing."""

import argparse
import time

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--shuffle-seed", type=int, default=2)
parser.add_argument("--data-seed", type=int, default=3)
parser.add_argument("--samples", type=int, default=32)
parser.add_argument("--batch-size", type=int, default=8)
parser.add_argument("--optimizer", default="AdamW")
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--weight-decay", type=float, default=0.01)
parser.add_argument("--fused", action="store_true")
parser.add_argument("--gamma", type=float, default=1.0)
parser.add_argument("--dtype", default="float32")
parser.add_argument("--accumulation", type=int, default=1)
parser.add_argument("--undivided", action="store_true")
parser.add_argument("--reduction", default="mean")
parser.add_argument("--weighed", action="store_true")
parser.add_argument("--dropout", type=float, default=0.0)
parser.add_argument("--draw", action="store_true")
parser.add_argument("--clip", type=float)
parser.add_argument("--autocast", action="store_true")
parser.add_argument("--scaler", type=float)
parser.add_argument("--freeze", action="store_true")
parser.add_argument("--keep-gradients", action="store_true")
parser.add_argument("--same-order-each-epoch", action="store_true")
parser.add_argument("--workers", type=int, default=0)
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--evaluate", action="store_true")
parser.add_argument("--checkpoint", action="store_true")
parser.add_argument("--compile", action="store_true")
parser.add_argument("--diverge", action="store_true")
parser.add_argument("--no-loader", action="store_true")
parser.add_argument("--unseeded", action="store_true")
parser.add_argument("--from-the-clock", action="store_true")
parser.add_argument("--catch-all", action="store_true")
args = parser.parse_args()

if args.from_the_clock:
    torch.manual_seed(time.time_ns())
elif not args.unseeded:
    torch.manual_seed(args.seed)
generator = torch.Generator().manual_seed(args.data_seed)
data = TensorDataset(torch.rand(args.samples, 4, generator=generator), torch.rand(args.samples, 1, generator=generator))
order = torch.Generator().manual_seed(args.shuffle_seed)
options = {"batch_size": args.batch_size, "num_workers": args.workers}
loader = DataLoader(data, shuffle=True, generator=order, **options)
held_out = DataLoader(TensorDataset(torch.rand(16, 4, generator=generator)), batch_size=4)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 8), nn.Dropout(args.dropout), nn.Linear(8, 1)

    def forward(self, x):
        hidden = checkpoint(self.first, x, use_reentrant=False) if args.checkpoint else self.first(x)
        return self.last(self.drop(hidden.relu()))


model = Net().to(getattr(torch, args.dtype))
model.first.requires_grad_(not args.freeze)
if args.compile:
    model = torch.compile(model, backend="eager")
trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
settings = {"weight_decay": args.weight_decay} | ({"fused": True} if args.fused else {})
optimizer = getattr(torch.optim, args.optimizer)(trained, lr=args.lr, **settings)
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, args.gamma)
scaler = torch.amp.GradScaler("cpu", enabled=args.scaler is not None, init_scale=args.scaler or 1.0)
if args.draw:
    torch.rand(1)


def batches():
    if not args.no_loader:
        yield from loader
        return
    torch.empty((), dtype=torch.int64).random_(generator=order)  # as a loader does, for its workers' seed
    indices = torch.randperm(args.samples, generator=order)
    for chosen in indices.split(args.batch_size):
        yield data[chosen]


def loss_of(x, y):
    with torch.autocast("cpu", torch.bfloat16, enabled=args.autocast):
        loss = nn.functional.mse_loss(model(x.to(model.last.weight.dtype)).float(), y, reduction=args.reduction)
    if args.weighed:
        loss = loss * (1 + y[0, 0])
    if args.diverge:
        loss = loss * float("nan")
    return loss if args.undivided else loss / args.accumulation


def train():
    for _epoch in range(args.epochs):
        if args.same_order_each_epoch:
            order.manual_seed(args.shuffle_seed)
        for index, (x, y) in enumerate(batches()):
            scaler.scale(loss_of(x, y)).backward()
            if (index + 1) % args.accumulation:
                continue
            if args.clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=args.clip)
            scaler.step(optimizer)
            scaler.update()
            schedule.step()
            if not args.keep_gradients:
                optimizer.zero_grad()
        if args.evaluate:
            model.eval()
            with torch.no_grad():
                for (x,) in held_out:
                    model(x)
            model.train()


if args.catch_all:
    while True:
        try:
            train()
        except BaseException:  # noqa: BLE001 - this is what the test is about
            print("never mind")
try:
    train()
except Exception:  # noqa: BLE001 - a script may catch what it likes, and is ended all the same
    print("never mind")
