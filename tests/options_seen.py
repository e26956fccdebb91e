"""Trains a runner with each of its options, each in a fork that writes to a terminal, and prints as JSON what was seen.

python -m tests.options_seen RUNNER
"""

import fcntl
import json
import os
import pty
import struct
import sys
import tempfile
import termios
import traceback
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench.measure.hooks import after_each_step
from trainloops import options, parts, runners
from trainloops.contract import Job

STEPS_PER_EPOCH, EPOCHS, BATCH_SIZE = 8, 2, 4
ARGUMENTS = ("logging_steps", "logging_strategy", "logging_nan_inf_filter", "warmup_steps")


class Ops(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.seen = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.seen[str(function.overloadpacket)] += 1
        return function(*args, **kwargs or {})


def installed(option):
    try:
        return all(version(name) for name in option.needs)
    except PackageNotFoundError:
        return False


def noting_calls(owner, name, calls):
    original = getattr(owner, name)

    def noted(*args, **kwargs):
        calls.append((name, args))
        return original(*args, **kwargs)

    setattr(owner, name, noted)


def of_trainer(trainer):
    loader = trainer.get_train_dataloader()
    optimizer = getattr(trainer.optimizer, "optimizer", trainer.optimizer)
    return {
        "logs": [sorted(entry) for entry in trainer.state.log_history],
        "tokens": trainer.state.num_input_tokens_seen,
        "arguments": {name: str(getattr(trainer.args, name)) for name in ARGUMENTS},
        "optimizer": type(optimizer).__name__,
        "fused": optimizer.param_groups[0].get("fused"),
        "weight_decay": [group["weight_decay"] for group in optimizer.param_groups],
        "lr": optimizer.param_groups[0]["lr"],
        "smoothing": getattr(trainer.label_smoother, "epsilon", None),
        "callbacks": [type(callback).__name__ for callback in trainer.callback_handler.callbacks],
        "precision": trainer.accelerator.mixed_precision,
        "collate": type(loader.collate_fn).__name__,
        "workers": [loader.num_workers, loader.persistent_workers],
    }


def of_lightning(trainer):
    return {
        "callbacks": [type(callback).__name__ for callback in trainer.callbacks],
        "loggers": [type(logger).__name__ for logger in trainer.loggers],
        "metrics": {name: value.item() for name, value in trainer.callback_metrics.items()},
        "bar": sorted(trainer.progress_bar_metrics),
        "precision": trainer.precision,
        "profiler": type(trainer.profiler).__name__,
        "anomalies": trainer._detect_anomaly,
        "rates": [callback.lrs for callback in trainer.callbacks if type(callback).__name__ == "LearningRateMonitor"],
    }


def seen(train, runner, option):
    calls, steps, ops = [], [], Ops()
    scratch = Path(tempfile.mkdtemp())
    os.chdir(scratch)
    torch.manual_seed(0)
    job = Job(workload="mlp", batch_size=BATCH_SIZE, epochs=EPOCHS, steps_per_epoch=STEPS_PER_EPOCH, output_dir=".")
    built = parts.build(job)
    forwards = []
    built.model.register_forward_hook(lambda _, inputs, output: forwards.append([len(inputs[0]), str(output.dtype)]))
    trained = []
    if runner == "hf-trainer":
        import transformers

        noting_calls(transformers.Trainer, "train", trained)
        noting_calls(transformers.Trainer, "_save_checkpoint", calls)
    if runner == "lightning":
        import pytorch_lightning

        noting_calls(pytorch_lightning.Trainer, "fit", trained)
    if runner in ("hf-trainer", "accelerate"):
        import accelerate

        noting_calls(accelerate.Accelerator, "clip_grad_norm_", calls)
        noting_calls(accelerate.utils, "gather", calls)
        noting_calls(accelerate.Accelerator, "log", calls)
    if runner == "fabric":
        import lightning_fabric

        noting_calls(lightning_fabric.Fabric, "log", calls)
        noting_calls(lightning_fabric.Fabric, "clip_gradients", calls)
    noting_calls(torch.nn.utils, "clip_grad_norm_", calls)
    noting_calls(torch.nn.utils, "clip_grad_value_", calls)
    noting_calls(torch.autograd, "set_detect_anomaly", calls)
    with after_each_step(steps.append), ops:
        (options.switched_on(train, option) if option else train)(job, built)
    traces = {
        "steps": len(steps),
        "forwards": forwards,
        "ops": ops.seen,
        "calls": Counter(name for name, _ in calls),
        "clipped_to": [
            norm
            for name, arguments in calls
            for norm in arguments
            if name == "clip_grad_norm_" and isinstance(norm, float)
        ],
        "files": {str(path): path.stat().st_size for path in Path().rglob("*") if path.is_file()},
        "csv": [path.read_text() for path in Path().rglob("metrics.csv")],
    }
    if trained:
        trainer = trained[0][1][0]
        traces |= of_trainer(trainer) if runner == "hf-trainer" else of_lightning(trainer)
    return traces


def in_a_terminal(train, runner, option):
    """What was seen in a fork, what it wrote to its terminal with it."""
    ours, theirs = os.pipe()
    pid, terminal = pty.fork()
    if pid == 0:
        os.close(ours)
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))  # else a bar has no room
        try:
            answer = seen(train, runner, option)
        except BaseException:  # noqa: BLE001 - whatever it is, the test tells it
            answer = {"failed": traceback.format_exc()}
        with os.fdopen(theirs, "w") as file:
            json.dump(answer, file)
        os._exit(0)
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(terminal, 1 << 16):
            written += chunk
    except OSError:
        pass  # the end of a terminal
    os.close(terminal)
    with os.fdopen(ours) as file:
        answer = json.load(file)
    os.waitpid(pid, 0)
    return answer | {"terminal": written.decode(errors="replace")}


def main():
    runner = sys.argv[1]
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # frameworks print
    torch.set_num_threads(1)
    train = runners.load(runner)
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)  # brings torch's compiler along, for all forks
    package = version(runners.REGISTRY[runner].needs[0])
    here = [
        option for option in options.of(runner) if options.has(option, package) and option.usual and installed(option)
    ]
    by_option = {None: in_a_terminal(train, runner, None)}
    by_option |= {each.name: in_a_terminal(train, runner, each) for each in here}
    json.dump([[name, what] for name, what in by_option.items()], answer)


if __name__ == "__main__":
    main()
