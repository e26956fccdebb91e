"""Whether figures of two runs may stand side by side: the same machine, the same software."""

from __future__ import annotations

from bench.records.schema import Run

PACKAGES = ("torch", "transformers", "accelerate", "pytorch-lightning", "numpy")


def differences(first: Run, second: Run) -> list[str]:
    """What differs between two runs, each as a phrase that names the key and both values."""
    pairs = {
        "cpu": (first.machine.cpu, second.machine.cpu),
        "accelerators": (_names(first), _names(second)),
        "torch build": (first.machine.torch_build, second.machine.torch_build),
        "python": (first.machine.python, second.machine.python),
        **{name: (first.packages.get(name), second.packages.get(name)) for name in PACKAGES},
    }
    return [f"{key}: {before} then, {now} now" for key, (before, now) in pairs.items() if before != now]


def _names(run: Run) -> str:
    return ", ".join(accelerator.name for accelerator in run.machine.accelerators) or "none"
