"""Builders of synthetic price lists: a loop whose options cost what they are made to."""

import numpy as np

from bench.analyse.summary import summarise
from bench.plan import comparison_groups
from bench.plan import length as lengths
from bench.records.cells import SCRIPT
from bench.records.schema import Count, Counters, Length, PricedOption, Script, Scripts
from tests import factories

STEP_US = 1000.0
BLOCKS = 8
EVERY = 7
EPOCH_END_US = 300.0


def counters(**changes):
    usual = dict.fromkeys(("python_calls", "c_calls", "ops", "syncs", "tensor_bytes"), 100) | {"syncs": 0}
    counts = {name: Count(value=value, share=1.0) for name, value in (usual | changes.pop("counts", {})).items()}
    on_a_device = dict.fromkeys(("kernels", "device_syncs", "allocations"), "the cpu launches none")
    return Counters(
        steady_steps=3,
        unavailable=on_a_device,
        ops_by_name={},
        tensor_bytes_by_category={},
        **{"functions": []} | counts | changes,
    )


def steps(step_us, *, event_us=0.0, every=None, epoch_end_us=EPOCH_END_US, lead, cycles=60):
    """The steps of a trial, of which those after `every` take longer, and those that begin an epoch."""
    place = lead + np.arange(factories.TURN.steps * cycles)
    steps_us = np.full(len(place), step_us) + np.where(place % lengths.EPOCH_STEPS == 0, epoch_end_us, 0.0)
    return (steps_us + (np.where(place % every == 0, event_us, 0.0) if every else 0.0)).tolist()


def a_run(*options):
    run = factories.run(runners=("fabric",), blocks=BLOCKS)
    changes = {"design": "options", "options": list(options), "passes": ["counting", "timing"]}
    return run.model_copy(update={"verb": "prices", "settings": run.settings.model_copy(update=changes)})


def an_option(name="asked", **changes):
    return PricedOption(**{"runner": "fabric", "name": name, "setting": f"{name}=True"} | changes)


def trials_of(run, made, *, noise=0.0, waver=0.1, counted=None, startup_ns=None, seed=0):
    """One trial of every cell in every block; `made` gives the steps of an option by (name, block's factor, lead)."""
    random = np.random.default_rng(seed)
    trials = []
    for block in range(BLOCKS):
        weather = float(np.exp(random.normal(0, waver)))
        for group in comparison_groups.planned_groups(run.settings):
            for member in group.members:
                lead = 10 + int(random.integers(50))
                mine = weather * float(np.exp(random.normal(0, noise)))
                took = np.asarray(made(None if member.clone else member.option, lead)) * mine
                timing = factories.timing(took.tolist())
                if startup_ns and member.option in startup_ns:
                    timing = timing.model_copy(update={"startup_ns": startup_ns[member.option]})
                length = Length(epochs=9, steps_per_epoch=lengths.EPOCH_STEPS, warmup_steps=lead)
                trials.append(
                    factories.trial(cell=member, block=block, replicate=group.number, timing=timing, length=length)
                )
    for cell in comparison_groups.cells(run.settings):
        seen = (counted or {}).get(cell.option, counters())
        trials.append(factories.trial(cell=cell, phase="counting", block=-1, timing=None, counters=seen))
    return trials


def a_list():
    """A list of one option that costs, one whose event does, one that costs nothing and one that cannot be had."""
    run = a_run(
        an_option("costs"),
        an_option("free"),
        an_option("saves", event="checkpoint", every=EVERY),
        an_option("lacking", missing="needs a package: pip install a-package"),
    )

    def made(name, lead):
        event_us = 9000.0 if name == "saves" else 0.0
        return steps(STEP_US + (150 if name == "costs" else 0), event_us=event_us, every=EVERY, lead=lead)

    return summarise(run, trials_of(run, made, noise=0.002, waver=0.0))


def a_script(*options):
    """A run of a script's price list: it has these options on."""
    run = a_run(*(option.model_copy(update={"runner": "train.py"}) for option in options))
    scripts = Scripts(each=[Script(name="train.py", file="/home/user/train.py")], folder="/home/user")
    comparisons = [factories.comparison(workload=SCRIPT, batch_size=0)]
    changes = {"runners": ["train.py"], "scripts": scripts, "comparisons": comparisons}
    return run.model_copy(update={"settings": run.settings.model_copy(update=changes)})


def of_script(run, made, **changes):
    """The trials of a script, whose epochs end nobody knows where."""
    trials = trials_of(run, made, **changes)
    endless = {"epochs": 1, "steps_per_epoch": lengths.EPOCHS}
    return [trial.model_copy(update={"length": trial.length.model_copy(update=endless)}) for trial in trials]


def a_list_of_a_script():
    """One that logs every few steps, clips, has a callback that costs nothing, and whose checkpoints are too rare."""
    run = a_script(
        an_option("logging", setting="logging_steps=7", off="logging_strategy='no'", event="log line", every=EVERY),
        an_option("max-grad-norm", setting="max_grad_norm=1.0", off="max_grad_norm=0", changes_arithmetic=True),
        an_option("callback-Mine", setting="Mine", off="no Mine"),
        an_option("checkpoint", setting="save_steps=5000", off="save_strategy='no'", event="checkpoint", every=5000),
        an_option("debug", setting="unknown", off="debug=[]", missing="the release does not tell whether it is on"),
    )
    saved_us = {"max-grad-norm": 200}

    def made(name, lead):
        event_us = 0.0 if name == "logging" else 900.0
        return steps(STEP_US - saved_us.get(name, 0), event_us=event_us, every=EVERY, epoch_end_us=0.0, lead=lead)

    varying = counters().model_copy(update={"python_calls": Count(value=91, share=0.4)})
    counted = {"max-grad-norm": counters(counts={"python_calls": 60, "ops": 92}), "callback-Mine": varying}
    return summarise(run, of_script(run, made, noise=0.002, waver=0.0, counted=counted))
