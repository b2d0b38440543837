"""Mini-batches of a task: what is drawn, how often, and that padding is never drawn."""

import torch

from metassl.learners.gradient.mini_batches import draw_batches
from tests.support.numbers import uniform


def test_every_image_is_seen_once_before_any_is_seen_again() -> None:
    """7 images in batches of 3: 21 draws are three rounds, each in another order."""
    found = draw_batches(torch.ones(7).double(), uniform(7, 3), 3)
    assert (found.weight == 1).all()
    rounds = found.rows.flatten().view(3, 7)
    assert rounds.sort(-1).values.tolist() == [list(range(7))] * 3
    assert len({tuple(r) for r in rounds.tolist()}) == 3


def test_padding_is_never_drawn_and_changes_nothing() -> None:
    weight = torch.tensor([1, 0, 1, 1, 0, 1, 1.0]).double()
    numbers = uniform(6, 3, seed=1)
    padded, plain = draw_batches(weight, numbers, 3), draw_batches(torch.ones(5).double(), numbers, 3)
    kept = weight.nonzero().flatten()
    assert torch.equal(padded.rows, kept[plain.rows])
    assert (padded.weight == 1).all()


def test_a_task_with_fewer_images_than_a_batch_has_each_once() -> None:
    weight = torch.tensor([1, 0, 1, 0.0]).double()
    found = draw_batches(weight, uniform(5, 3), 3)
    for rows, used in zip(found.rows, found.weight, strict=True):
        assert sorted(rows[used > 0].tolist()) == [0, 2]


def test_every_order_is_as_likely() -> None:
    """The first of 4 images, over 400 draws: each a quarter, ± 3 standard deviations."""
    first = torch.stack([draw_batches(torch.ones(4), u, 1).rows[0, 0] for u in uniform(400, 1, 1).float()])
    share = torch.bincount(first, minlength=4) / len(first)
    assert (share - 0.25).abs().max() < 3 * (0.25 * 0.75 / len(first)) ** 0.5


def test_the_largest_number_below_one_is_within_the_images() -> None:
    ones = torch.full((2, 30), 1 - 2**-24)
    assert draw_batches(torch.ones(30), ones, 30).rows[0].tolist() == list(range(29, -1, -1))
