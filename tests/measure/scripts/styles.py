"""The same training by hand, by the Trainer, by Lightning and by Accelerate: `styles.py hand`."""

import logging
import sys
import warnings
from tempfile import mkdtemp

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

STYLE, *OPTIONS = sys.argv[1:]
STEPS = 6
warnings.simplefilter("ignore")


class Data(Dataset):
    def __init__(self):
        generator = torch.Generator().manual_seed(3)
        self.x, self.y = torch.rand(64, 4, generator=generator), torch.rand(64, 1, generator=generator)

    def __len__(self):
        return 64

    def __getitem__(self, index):
        return {"x": self.x[index], "labels": self.y[index]}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x, labels):
        return {"loss": (self.layers(x) - labels).square().mean()}


def optimizer_of(model):
    return torch.optim.AdamW(
        model.parameters(), lr=0.02 if "--lr" in OPTIONS else 0.01, weight_decay=0.0, fused="--fused" in OPTIONS
    )


def hand(model, loader):
    optimizer = optimizer_of(model)
    for batch in loader:
        model(**batch)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()


def accelerate(model, loader):
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model, optimizer, loader = accelerator.prepare(model, optimizer_of(model), loader)
    for batch in loader:
        accelerator.backward(model(**batch)["loss"])
        optimizer.step()
        optimizer.zero_grad()


def trainer(model, _):
    from transformers import Trainer, TrainingArguments

    class InOrder(Trainer):
        def _get_train_sampler(self, *args):
            return torch.utils.data.SequentialSampler(self.train_dataset)

    arguments = TrainingArguments(
        output_dir=mkdtemp(),
        per_device_train_batch_size=8,
        max_steps=STEPS,
        learning_rate=0.01,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        use_cpu=True,
        report_to=[],
        optim="adamw_torch_fused" if "--fused" in OPTIONS else "adamw_torch",
    )
    InOrder(model=model, args=arguments, train_dataset=Data()).train()


def lightning(model, loader):
    from pytorch_lightning import LightningModule, Trainer

    class Lit(LightningModule):
        def __init__(self):
            super().__init__()
            self.net = model

        def training_step(self, batch, _):
            return self.net(**batch)["loss"]

        def configure_optimizers(self):
            return optimizer_of(self.net)

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    Trainer(max_steps=STEPS, **options).fit(Lit(), loader)


torch.manual_seed(1)
net = Net()
globals()[STYLE](net, DataLoader(Data(), batch_size=8))
