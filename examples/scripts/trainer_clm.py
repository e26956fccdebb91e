"""Train a small causal language model on a text file with the Trainer, as `run_clm`-like scripts do.

python trainer_clm.py --output_dir out --per_device_train_batch_size 8 --max_steps 200
"""

import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
    set_seed,
)

logger = logging.getLogger(__name__)


@dataclass
class ModelArguments:
    model_type: str = field(default="llama", metadata={"help": "Such as llama or gpt2."})
    hidden_size: int = field(default=64, metadata={"help": "Width of the model."})
    num_hidden_layers: int = field(default=2)
    max_position_embeddings: int = field(default=256)
    model_dtype: str = field(default="float32", metadata={"help": "Of the weights: float32 or bfloat16."})


@dataclass
class DataArguments:
    train_file: str = field(default=str(Path(__file__).parent / "text.txt"))
    block_size: int = field(default=64)
    repeats: int = field(default=20, metadata={"help": "How often the text is repeated."})


class Blocks(torch.utils.data.Dataset):
    """A text as blocks of characters."""

    def __init__(self, text, vocabulary, block_size):
        tokens = torch.tensor([vocabulary[character] for character in text])
        self.blocks = tokens[: len(tokens) // block_size * block_size].view(-1, block_size)

    def __len__(self):
        return len(self.blocks)

    def __getitem__(self, index):
        block = self.blocks[index]
        return {"input_ids": block, "attention_mask": torch.ones_like(block), "labels": block.clone()}


def main():
    parser = HfArgumentParser((ModelArguments, DataArguments, TrainingArguments))
    model_args, data_args, training_args = parser.parse_args_into_dataclasses()
    logging.basicConfig(level=logging.INFO, handlers=[logging.StreamHandler(sys.stdout)])
    set_seed(training_args.seed)

    text = Path(data_args.train_file).read_text(encoding="utf-8") * data_args.repeats
    vocabulary = {character: index for index, character in enumerate(sorted(set(text)))}
    dataset = Blocks(text, vocabulary, data_args.block_size)
    logger.info("%d blocks, %d different characters", len(dataset), len(vocabulary))

    config = AutoConfig.for_model(
        model_args.model_type,
        vocab_size=len(vocabulary),
        hidden_size=model_args.hidden_size,
        intermediate_size=4 * model_args.hidden_size,
        num_hidden_layers=model_args.num_hidden_layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=model_args.max_position_embeddings,
        use_cache=False,
    )
    model = AutoModelForCausalLM.from_config(config).to(getattr(torch, model_args.model_dtype))

    trainer = Trainer(model=model, args=training_args, train_dataset=dataset)
    result = trainer.train()
    trainer.save_model()
    trainer.log_metrics("train", result.metrics)
    trainer.save_metrics("train", result.metrics)
    trainer.save_state()


if __name__ == "__main__":
    main()
