"""What ICT and MixMatch share: sharpening, Beta numbers, partners and mixtures."""

import numpy as np
import pytest
import torch
from scipy import stats

from metassl.ssl.mixing import for_support, mix, random_partners, sharpen, symmetric_beta
from tests.support.contexts import WAY
from tests.support.numbers import close, random, softmax, uniform


def test_sharpening_against_numpy_and_at_its_ends() -> None:
    p = softmax(random(5, WAY).numpy())
    whole = torch.ones(WAY, dtype=torch.bool)
    power = p ** (1 / 0.3)
    close(sharpen(torch.from_numpy(p), 0.3, whole), power / power.sum(1, keepdims=True))
    close(sharpen(torch.from_numpy(p), 1.0, whole), p)
    close(sharpen(torch.from_numpy(p), 1e-3, whole), np.eye(WAY)[p.argmax(1)])


def test_sharpening_gives_nothing_to_missing_classes_and_has_a_slope_in_t() -> None:
    p = torch.tensor([[0.7, 0.3, 0.0], [0.2, 0.8, 0.0]], dtype=torch.float64)
    mask = torch.tensor([True, True, False])
    for start in (0.02, 0.5, 3.0):
        temperature = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        q = sharpen(p, temperature, mask)
        assert (q[:, 2] == 0).all()
        (slope,) = torch.autograd.grad(q[0, 0], temperature)
        h = 1e-6 * start
        low, high = (sharpen(p, start + k * h, mask)[0, 0] for k in (-1, 1))
        torch.testing.assert_close(slope, (high - low) / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.75, 1.0, 4.0])
def test_symmetric_beta_has_its_distribution(alpha: float) -> None:
    found = symmetric_beta(uniform(5000, 4, seed=3), alpha)
    assert stats.kstest(found.numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.05
    extremes = torch.tensor([2**-24, 1 - 2**-24])
    corners = symmetric_beta(torch.cartesian_prod(*[extremes] * 4), alpha)
    assert torch.isfinite(corners).all()


def test_partners_are_a_uniform_permutation_of_those_with_weight() -> None:
    weight = torch.tensor([0, 1, 1, 0, 0.5, 1, 0])
    present = [1, 2, 4, 5]
    counts = np.zeros((4, 4))
    for seed in range(800):
        partner = random_partners(uniform(7, seed=seed), weight)[present]
        assert sorted(partner.tolist()) == present
        for i, j in enumerate(partner.tolist()):
            counts[i, present.index(j)] += 1
    assert stats.chisquare(counts.ravel()).pvalue > 0.01


def test_mix_is_the_line_between_two() -> None:
    x, partner, share = random(3, 2, 2), torch.tensor([2, 0, 1]), torch.tensor([1.0, 0.0, 0.25]).double()
    close(mix(x, partner, share), np.stack([x[0], x[0], 0.25 * x[2] + 0.75 * x[1]]))


def test_numbers_for_more_support_images_than_unlabelled_are_uniform_and_differ() -> None:
    few = uniform(50, 2)
    found = for_support(few, 400)
    close(found[:50], few)
    assert len(found.unique(dim=0)) == 400
    assert stats.kstest(found[:, 0].numpy(), "uniform").pvalue > 0.01
    assert for_support(few, 3).shape == (3, 2)
