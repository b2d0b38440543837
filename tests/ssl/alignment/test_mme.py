"""Minimax entropy: its value, and the sign of each of its gradients."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.ssl.alignment.mme import MinimaxEntropy, reversed_gradient
from tests.support.contexts import WAY, D, U, context, two_classes
from tests.support.numbers import close, random, softmax
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing

W, B = random(WAY, D, seed=5), random(WAY, seed=6)


def linear(z: Tensor, params: object = None) -> Tensor:
    return z @ W.T + B


def entropy(z: np.ndarray, temperature: float) -> np.ndarray:
    """Of the paper's classifier, W ẑ / T, without the bias."""
    p = softmax(z / np.linalg.norm(z, axis=1, keepdims=True) @ W.numpy().T / temperature)
    return -(p * np.log(p)).sum(1)


def test_against_numpy() -> None:
    u, weight = random(U, D), torch.arange(U).double()
    found = MinimaxEntropy(0.3).penalty(context({"plain": u}, weight=weight, logits=linear))
    close(found, -(entropy(u.numpy(), 0.3) * weight.numpy()).sum() / weight.sum().item())


def test_of_prototypes_it_is_the_cosine() -> None:
    u, p = random(U, D), F.normalize(random(WAY, D, seed=5), dim=-1)
    found = MinimaxEntropy(0.3).penalty(context({"plain": u}, logits=lambda z, _: -(torch.cdist(z, p) ** 2)))
    cosine = F.normalize(u, dim=-1) @ p.T
    q = softmax((2 * cosine / 0.3).numpy())
    close(found, (q * np.log(q)).sum(1).mean())


def test_the_head_climbs_and_the_features_descend() -> None:
    """d penalty is -dH in the head and +dH in the features: one step down each changes H so."""
    u, w = random(U, D).requires_grad_(), W.clone().requires_grad_()

    def of(z: Tensor, params: object = None) -> Tensor:
        return z @ w.T

    penalty = MinimaxEntropy(0.5).penalty(context({"plain": u}, logits=of))
    slopes = torch.autograd.grad(penalty, (u, w))
    logits = F.normalize(u, dim=-1) @ w.T / 0.5
    h = -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1).mean()
    plain = torch.autograd.grad(h, (u, w))
    torch.testing.assert_close(slopes[0], plain[0])
    torch.testing.assert_close(slopes[1], -plain[1])


def test_the_gradient_alone_is_turned_around() -> None:
    z = random(3).requires_grad_()
    torch.testing.assert_close(reversed_gradient(z), z)
    (slope,) = torch.autograd.grad((reversed_gradient(z) ** 2).sum(), z)
    torch.testing.assert_close(slope, -2 * z)


def test_a_missing_class_has_no_part() -> None:
    u = random(U, D)
    given = context({"plain": u}, class_mask=torch.tensor([True, True, False]), logits=two_classes)
    p = softmax((F.normalize(u, dim=-1)[:, :2] / 0.05).numpy())
    close(MinimaxEntropy(0.05).penalty(given), (p * np.log(p)).sum(1).mean())


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(MinimaxEntropy(0.5))
    assert no_weight(MinimaxEntropy(0.5)) == 0
    engines_agree(tiny_pool, lambda: MinimaxEntropy(0.5))
