"""An autoencoder of small images by LightningCLI.

python lightning_autoencoder.py fit --trainer.max_epochs 3 --model.hidden_dim 64
"""

import torch
import torch.nn.functional as F
from pytorch_lightning import LightningDataModule, LightningModule
from pytorch_lightning.cli import LightningCLI
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class LitAutoEncoder(LightningModule):
    """Encodes images of 16 by 16 to three numbers and back."""

    def __init__(self, hidden_dim: int = 64, learning_rate: float = 1e-3):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.Sequential(nn.Linear(256, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, 3))
        self.decoder = nn.Sequential(nn.Linear(3, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, 256))

    def forward(self, x):
        return self.decoder(self.encoder(x.flatten(1)))

    def training_step(self, batch, batch_idx):
        return self._step(batch, "train")

    def validation_step(self, batch, batch_idx):
        self._step(batch, "val")

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.learning_rate)

    def _step(self, batch, stage):
        (x,) = batch
        loss = F.mse_loss(self(x), x.flatten(1))
        self.log(f"{stage}_loss", loss, on_step=stage == "train")
        return loss


class Images(LightningDataModule):
    """Made-up images."""

    def __init__(self, batch_size: int = 32, size: int = 4096):
        super().__init__()
        images = torch.rand(size, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        held_out = size // 8
        parts = random_split(TensorDataset(images), [size - held_out, held_out], torch.Generator().manual_seed(1))
        self.train, self.val = parts
        self.batch_size = batch_size

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.val, batch_size=self.batch_size)


def cli_main():
    LightningCLI(LitAutoEncoder, Images, seed_everything_default=1234, save_config_kwargs={"overwrite": True})


if __name__ == "__main__":
    cli_main()
