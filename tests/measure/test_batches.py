"""Digests of batches, and which loaders feed training."""

from __future__ import annotations

from collections import UserDict
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler

from bench.measure.batches import Batches, Computed, fingerprint, tensors_in

X, Y = torch.arange(12.0).reshape(4, 3), torch.arange(4)


@pytest.mark.parametrize(
    "batch",
    [[X, Y], {"x": X, "y": Y}, UserDict(x=X, y=Y), SimpleNamespace(x=X, y=Y), (X, {"y": [Y, "text", None, 3]})],
    ids=lambda batch: type(batch).__name__,
)
def test_tensors_are_found_in_whatever_a_batch_is(batch):
    assert [id(tensor) for tensor in tensors_in(batch)] == [id(X), id(Y)]


def test_the_parameters_of_a_model_that_is_passed_along_are_no_batch():
    assert list(tensors_in([torch.nn.Linear(2, 2), torch.nn.Linear])) == []


def test_what_a_model_returned_is_computed_as_long_as_it_lives_and_what_it_passed_on_is_not():
    computed, given, output = Computed(), torch.rand(3), torch.rand(3)
    computed.see({"logits": output, "given": given[:1]}, given=((given,), {}))
    assert output.detach()[1:] in computed
    assert given not in computed
    assert torch.rand(3) not in computed


def test_the_names_and_the_order_of_fields_do_not_matter():
    assert fingerprint([X, Y]) == fingerprint([Y, X])


@pytest.mark.parametrize(
    "other",
    [X + torch.tensor([0, 0, 1e-6]), X.double(), X.reshape(3, 4), X.flip(0)],
    ids=["value", "dtype", "shape", "order of rows"],
)
def test_another_batch_has_another_digest(other):
    assert fingerprint([other])["tensors"] != fingerprint([X])["tensors"]


def test_rows_have_digests_that_go_where_they_go():
    order = torch.tensor([2, 0, 3, 1])
    rows = fingerprint([X, Y])["samples"]
    assert len(set(rows)) == 4
    assert fingerprint([X[order], Y[order]])["samples"] == [rows[index] for index in order]


def test_a_number_for_the_whole_batch_belongs_to_no_row():
    assert fingerprint([X, torch.tensor(4)])["samples"] == fingerprint([X])["samples"]
    assert fingerprint([torch.tensor(4)])["samples"] == []


def loader(size: int = 8, **options) -> DataLoader:
    return DataLoader([torch.tensor([float(index)]) for index in range(size)], batch_size=2, **options)


def test_an_evaluation_between_batches_is_not_taken_for_training():
    train, held_out = loader(shuffle=True), loader(4)
    batches = Batches()
    with batches.watching():
        for _epoch in range(2):
            for _ in train:
                batches.fed(training=True)
            for _ in held_out:
                batches.fed(training=False)
    result = batches.result()
    assert [batch["epoch"] for batch in result["batches"]] == [1] * 4 + [2] * 4
    assert [(facts["samples"], facts["shuffle"]) for facts in result["loaders"]] == [(8, True)]


def test_a_check_of_the_evaluation_before_training_is_none():
    train, held_out = loader(), loader(4)
    batches = Batches()
    with batches.watching():
        next(iter(held_out))
        batches.fed(training=False)
        next(iter(train))
        batches.fed(training=True)
    assert [facts["samples"] for facts in batches.result()["loaders"]] == [8]


def test_a_teacher_that_is_asked_first_does_not_hide_the_batch():
    batches = Batches()
    with batches.watching():
        for _ in loader():
            batches.fed(training=False)
            batches.fed(training=True)
    assert len(batches.result()["batches"]) == 4


def test_two_loaders_that_feed_one_step_are_both_seen():
    batches = Batches()
    with batches.watching():
        for _ in zip(loader(), loader(shuffle=True), strict=True):
            batches.fed(training=True)
    result = batches.result()
    assert [batch["loader"] for batch in result["batches"]] == [0, 1] * 4
    assert [facts["shuffle"] for facts in result["loaders"]] == [False, True]


def indices_seen(train: DataLoader) -> list[list[int] | None]:
    batches = Batches()
    with batches.watching():
        for _ in train:
            batches.fed(training=True)
    return [batch["indices"] for batch in batches.result()["batches"]]


def test_what_the_sampler_draws_is_told():
    assert indices_seen(loader()) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert indices_seen(DataLoader(loader().dataset, batch_size=None))[:2] == [[0], [1]]


class Stream(IterableDataset):
    def __iter__(self):
        return iter(torch.arange(4.0).reshape(4, 1))


def test_a_stream_draws_nothing():
    assert indices_seen(DataLoader(Stream(), batch_size=2)) == [None, None]


def test_a_loader_that_is_given_batches_is_told_by_their_sampler():
    data = loader().dataset
    given = DataLoader(data, batch_sampler=BatchSampler(RandomSampler(data), batch_size=4, drop_last=True))
    batches = Batches()
    with batches.watching():
        next(iter(given))
        batches.fed(training=True)
    (facts,) = batches.result()["loaders"]
    assert (facts["batch_size"], facts["shuffle"], facts["drop_last"]) == (4, True, True)


def test_workers_that_live_on_after_a_broken_off_epoch_begin_it_anew():
    train = loader(num_workers=1, persistent_workers=True)
    batches = Batches()
    with batches.watching():
        next(iter(train))
        batches.fed(training=True)
        for _ in train:
            batches.fed(training=True)
    seen = batches.result()["batches"]
    assert [batch["indices"] for batch in seen] == [[0, 1], [0, 1], [2, 3], [4, 5], [6, 7]]
    assert [batch["epoch"] for batch in seen] == [1, 2, 2, 2, 2]
