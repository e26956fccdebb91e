"""Tell whether two sentences mean the same, in the shape of Accelerate's NLP example, on made-up sentences.

python accelerate_pairs.py --mixed_precision no
"""

import argparse

import torch
from accelerate import Accelerator
from torch.optim import AdamW
from torch.utils.data import DataLoader
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup, set_seed

MAX_GPU_BATCH_SIZE = 16
EVAL_BATCH_SIZE = 32
WORDS = 500


def make_pairs(count, seed):
    """Pairs of 8 to 24 words; of half of them the second repeats the first in another order."""
    generator = torch.Generator().manual_seed(seed)
    pairs = []
    for number in range(count):
        length = int(torch.randint(8, 25, (1,), generator=generator))
        first = torch.randint(3, WORDS, (length,), generator=generator)
        same = number % 2
        shuffled = first[torch.randperm(length, generator=generator)]
        second = shuffled if same else torch.randint(3, WORDS, (length,), generator=generator)
        tokens = torch.cat([torch.tensor([1]), first, torch.tensor([2]), second, torch.tensor([2])])
        pairs.append({"input_ids": tokens, "label": same})
    return pairs


def get_dataloaders(accelerator, batch_size):
    def collate(examples):
        longest = max(len(example["input_ids"]) for example in examples)
        if accelerator.mixed_precision != "no":
            longest = (longest + 7) // 8 * 8
        ids = torch.zeros(len(examples), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, example in enumerate(examples):
            ids[row, : len(example["input_ids"])] = example["input_ids"]
            mask[row, : len(example["input_ids"])] = 1
        labels = torch.tensor([example["label"] for example in examples])
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}

    train = DataLoader(make_pairs(1600, 0), shuffle=True, collate_fn=collate, batch_size=batch_size, drop_last=True)
    evaluation = DataLoader(make_pairs(320, 1), shuffle=False, collate_fn=collate, batch_size=EVAL_BATCH_SIZE)
    return train, evaluation


def training_function(config, args):
    accelerator = Accelerator(cpu=args.cpu, mixed_precision=args.mixed_precision)
    batch_size = config["batch_size"]
    accumulation = 1
    if batch_size > MAX_GPU_BATCH_SIZE:
        accumulation = batch_size // MAX_GPU_BATCH_SIZE
        batch_size = MAX_GPU_BATCH_SIZE

    set_seed(config["seed"])
    train_loader, eval_loader = get_dataloaders(accelerator, batch_size)
    model = BertForSequenceClassification(
        BertConfig(vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128)
    )
    model = model.to(accelerator.device)
    optimizer = AdamW(params=model.parameters(), lr=config["lr"])
    schedule = get_linear_schedule_with_warmup(
        optimizer=optimizer,
        num_warmup_steps=100,
        num_training_steps=(len(train_loader) * config["num_epochs"]) // accumulation,
    )
    model, optimizer, train_loader, eval_loader, schedule = accelerator.prepare(
        model, optimizer, train_loader, eval_loader, schedule
    )

    for epoch in range(config["num_epochs"]):
        model.train()
        for step, batch in enumerate(train_loader):
            loss = model(**batch).loss / accumulation
            accelerator.backward(loss)
            if step % accumulation == 0:
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()

        model.eval()
        right = total = 0
        for batch in eval_loader:
            with torch.no_grad():
                predictions = model(**batch).logits.argmax(dim=-1)
            predictions, references = accelerator.gather_for_metrics((predictions, batch["labels"]))
            right += int((predictions == references).sum())
            total += len(references)
        accelerator.print(f"epoch {epoch}: accuracy {right / total:.3f}")


def main():
    parser = argparse.ArgumentParser(description="Simple example of training script.")
    parser.add_argument("--mixed_precision", default="no", choices=["no", "fp16", "bf16", "fp8"])
    parser.add_argument("--cpu", action="store_true")
    args = parser.parse_args()
    training_function({"lr": 2e-5, "num_epochs": 3, "seed": 42, "batch_size": 16}, args)


if __name__ == "__main__":
    main()
