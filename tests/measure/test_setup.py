"""How a loop has set itself up is read from its objects, and from nothing that it was told."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from tqdm import tqdm

from bench.analyse.cells import equivalence
from bench.measure import setup
from tests import factories


def train(optimizer, *, loader=None, schedule=None, bar=None):
    """A loop that holds its objects, as loops do."""
    held = DataLoader([1, 2, 3, 4], **loader) if loader is not None else None
    scheduler = StepLR(optimizer, 1) if schedule else None
    progress = tqdm(range(2), disable=True) if bar else range(2)
    for _ in progress:
        optimizer.step()
    return held, scheduler


def seen(optimizer, **objects):
    with setup.reading(train) as facts:
        train(optimizer, **objects)
    return facts


def parameters(count):
    return [torch.nn.Parameter(torch.zeros(2)) for _ in range(count)]


def test_the_optimizer_and_its_groups_tell_of_themselves():
    groups = [{"params": parameters(2), "weight_decay": 0.5}, {"params": parameters(1), "weight_decay": 0}]
    facts = seen(torch.optim.AdamW(groups, lr=3e-4, foreach=True))
    assert facts == {
        "optimizer": "AdamW, foreach",
        "parameter groups": "of 2 and 1 tensors",
        "lr": "0.0003",
        "betas": "(0.9, 0.999)",
        "eps": "1e-08",
        "weight_decay": "0.5 and 0",
        "dtype": "float32",
    }


def test_what_the_loop_holds_tells_the_rest():
    optimizer = torch.optim.SGD(parameters(3), lr=0.1, momentum=0.9)
    facts = seen(optimizer, loader={"drop_last": True, "batch_size": 2}, schedule=True, bar=True)
    assert facts["momentum"] == "0.9"
    assert (facts["loader"], facts["schedule"], facts["progress bar"]) == ("drop_last", "StepLR", "tqdm")


def test_what_a_loop_does_not_have_is_no_fact():
    facts = seen(torch.optim.SGD(parameters(1), lr=0.1), loader={})
    assert not facts.keys() & {"loader", "schedule", "progress bar", "clipping"}


def test_facts_are_those_of_the_first_step():
    optimizer = torch.optim.SGD(parameters(1), lr=0.1)
    with setup.reading(train) as facts:
        train(optimizer)
        optimizer.param_groups[0]["lr"] = 0.7
        train(optimizer)
    assert facts["lr"] == "0.1"


def test_what_a_release_does_not_say_is_unknown_and_fails_no_proof():
    """Trainer 4.49 has no loader yet where later ones have it, at the first step."""
    handler = SimpleNamespace(callbacks=[], train_dataloader=None)
    trainer = type("Trainer", (), {"__module__": "transformers.trainer", "callback_handler": handler})()

    def train(optimizer):
        held = trainer
        optimizer.step()
        return held

    with setup.reading(train) as facts:
        train(torch.optim.SGD(parameters(1), lr=0.1))
    assert (facts["loader"], facts["schedule"]) == (equivalence.UNKNOWN, equivalence.UNKNOWN)
    assert "callbacks" not in facts


def test_what_one_release_does_not_say_has_not_changed():
    before, after = (
        factories.trial(phase="equivalence", setup={"loader": loader, "schedule": "linear", "clipping": clipping})
        for loader, clipping in (("unknown", "norm 1"), ("drop_last", "norm 2"))
    )
    changed = equivalence.changed_setup(after, before, names=("old", "new"))
    assert changed == ["clipping: norm 1 in old, norm 2 in new"]
