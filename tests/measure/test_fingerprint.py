"""What a deterministic run computed, and that its loop made the optimizer steps of its job."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.optim.optimizer import _global_optimizer_post_hooks

from bench.measure.fingerprint import Recorder, WrongStepCountError
from trainloops import parts, runners
from trainloops.contract import Job, Parts

JOB = Job(workload="mlp", batch_size=4, epochs=2, steps_per_epoch=3, optimizer="sgd")


def recorded(steps: int = JOB.steps, *, optimizers: int = 1) -> Recorder:
    """Of a loop that makes so many steps, in each of which so many optimizers tick."""
    recorder = Recorder(parts.build(JOB))
    with recorder.counting_steps():
        for _ in range(steps):
            for _ in range(optimizers):
                recorder.parts.optimizer.step()
    return recorder


def trained(seed: int = 0) -> tuple[Recorder, Parts]:
    job = Job(workload="mlp", batch_size=4, epochs=2, steps_per_epoch=3, grad_accumulation=2, seed=seed)
    built = parts.build(job)
    recorder = Recorder(built)
    with recorder.counting_steps():
        runners.load("pytorch")(job, recorder.parts)
    recorder.refuse_other_than(job.steps)
    return recorder, built


def test_as_many_steps_as_the_job_says_are_no_reason_to_refuse():
    recorded(6).refuse_other_than(6)


@pytest.mark.parametrize("made", [0, 5, 7, 13])
def test_another_number_of_steps_than_the_job_says_is_refused(made):
    with pytest.raises(WrongStepCountError) as caught:
        recorded(made).refuse_other_than(6)
    assert str(caught.value) == f"the loop made {made} optimizer steps, its job says 6"


@pytest.mark.parametrize("optimizers", [2, 3])
def test_where_several_optimizers_tick_in_each_step_the_refusal_says_so(optimizers):
    with pytest.raises(WrongStepCountError) as caught:
        recorded(optimizers=optimizers).refuse_other_than(6)
    assert str(caught.value) == (
        f"the loop made {6 * optimizers} optimizer steps, its job says 6; "
        f"{optimizers} optimizers tick that often per step"
    )


def test_steps_count_whoever_makes_them_and_only_meanwhile():
    recorder = Recorder(parts.build(JOB))
    of_its_own = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    of_its_own.step()
    with recorder.counting_steps():
        of_its_own.step()
    of_its_own.step()
    recorder.refuse_other_than(1)
    assert not _global_optimizer_post_hooks


def test_a_loop_that_raised_leaves_no_hook_behind():
    recorder = Recorder(parts.build(JOB))
    with pytest.raises(ZeroDivisionError), recorder.counting_steps():
        raise ZeroDivisionError
    assert not _global_optimizer_post_hooks


def test_the_losses_are_those_of_every_micro_batch_and_the_weights_those_it_ended_with():
    recorder, built = trained()
    result = recorder.result()
    assert len(result["losses"]) == 6 * 2
    assert len(set(result["losses"])) > 6
    norms = [parameter.detach().double().norm().item() for parameter in built.model.parameters()]
    assert result["parameter_norms"] == norms
    assert trained()[0].result() == result
    with torch.no_grad():
        next(built.model.parameters()).view(-1)[0].add_(1.0)
    assert recorder.result()["weights_sha256"] != result["weights_sha256"]


def test_buffers_that_training_moves_are_a_part_of_what_it_ended_with():
    built = parts.build(replace(JOB, workload="cnn"))
    recorder = Recorder(built)
    before = recorder.result()
    batch = built.loader["collate_fn"]([built.dataset[0], built.dataset[1]])
    recorder.parts.loss(built.model.train(), batch)  # no step: batch normalisation alone has seen it
    after = recorder.result()
    assert after["weights_sha256"] != before["weights_sha256"]
    assert after["parameter_norms"] == before["parameter_norms"]
    built.model.register_buffer("a_table", torch.arange(3), persistent=False)
    assert recorder.result() == after


def test_another_seed_is_another_fingerprint():
    first, second = trained(seed=0)[0].result(), trained(seed=1)[0].result()
    assert first["weights_sha256"] != second["weights_sha256"]
    assert first["losses"] != second["losses"]
