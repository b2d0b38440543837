"""The bound of the semi-supervised VAE against the integrals that it bounds."""

from collections.abc import Callable
from math import log, pi
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import Tensor, nn

from metassl.data.pool import Pool
from metassl.ssl.generative.decoders import Decoder, ImageDecoder, VectorDecoder, divergence, gaussian
from metassl.ssl.generative.vae import LOG_VAR, VAE
from tests.support.contexts import WAY, D, S, U, context
from tests.support.networks import CHECKS, MAKERS, built
from tests.support.numbers import close, random
from tests.support.objectives import vae

VECTORS = {"input_shape": (D,)}
A, B = random(1, D, seed=30), random(2, D, seed=31)  # mean of x given z and the class: z A + e B
NODES, SHARES = np.polynomial.hermite_e.hermegauss(12)
SHARES = SHARES / SHARES.sum()


class LinearGaussian(Decoder):
    """x = z A + e B + noise: every integral has a closed form."""

    def log_likelihood(self, x: Tensor, code: Tensor) -> Tensor:
        return gaussian(x, code[:, :1] @ A + code[:, 1:] @ B)


class Posterior(nn.Module):
    """The exact q(z|x, y) of LinearGaussian, moved by `off` from the right mean."""

    def __init__(self, off: float) -> None:
        super().__init__()
        self.off = off

    def forward(self, h_and_name: Tensor) -> Tensor:
        x, name = h_and_name[:, :D], h_and_name[:, D:]
        var = 1 / (1 + A.square().sum())
        mean = var * ((x - name @ B) @ A.T) + self.off
        raw = LOG_VAR * torch.atanh(var.log() / LOG_VAR)
        return torch.cat((mean, raw.expand_as(mean)), dim=-1)


def linear_vae(off: float = 0.0) -> Any:
    objective = built(vae, latent=1, label=2, width=5, **VECTORS)
    objective.decoder, objective.encoder = LinearGaussian(), Posterior(off)
    return objective


def log_p(x: np.ndarray, name: np.ndarray) -> float:
    """log p(x|y) by quadrature over z."""
    a, b = A.numpy()[0], name @ B.numpy()

    def joint(z: float) -> float:
        log_x = -0.5 * np.sum((x - z * a - b) ** 2) - 0.5 * D * log(2 * pi)
        return float(np.exp(log_x - 0.5 * z * z) / np.sqrt(2 * pi))

    return log(quad(joint, -12, 12, epsabs=1e-14, epsrel=1e-12)[0])


def expected(objective: VAE, x: Tensor, name: Tensor) -> float:
    """E_ε L(x, y), by Gauss-Hermite quadrature, which is exact for a quadratic in ε."""
    rows, noise = len(NODES), torch.tensor(NODES).unsqueeze(1)
    live = torch.ones(WAY, dtype=torch.bool)
    each = objective.of_class_given(
        x.expand(rows, -1), x.expand(rows, -1), name.expand(rows, -1), noise, live
    )
    return float((torch.tensor(SHARES) * each.detach()).sum())


@pytest.mark.parametrize("off", [0.0, 0.3, -1.0])
def test_bound_against_the_integral(off: float) -> None:
    """L(x, y) - log N is -log p(x|y) for the exact posterior and above it for any other."""
    objective = linear_vae(off)
    gap = 0.5 * off**2 * float(1 + A.square().sum())  # KL between Gaussians of one variance
    for x, name in zip(random(4, D, seed=1), random(4, 2, seed=2), strict=True):
        found = expected(objective, x, name) - log(WAY)
        np.testing.assert_allclose(found, gap - log_p(x.numpy(), name.numpy()), rtol=1e-8)


@pytest.mark.parametrize("exact", [True, False])
def test_marginal_over_classes_against_the_integral(exact: bool) -> None:
    """U(x) is -log Σ_y p(y) p(x|y) for the exact q(y|x), and above it for any other."""
    objective, s = linear_vae(), random(S, D, seed=9)
    means = torch.stack([s[c::WAY].mean(0) for c in range(WAY)])
    names = objective.name(means).detach()
    x = random(2, D, seed=1)
    log_px = torch.tensor([[log_p(h.numpy(), name.numpy()) for name in names] for h in x])

    def logits(z: Tensor, _: object) -> Tensor:
        return log_px.repeat_interleave(len(NODES), 0) * (1.0 if exact else 0.5)

    given = context(
        {"plain": x.repeat_interleave(len(NODES), 0)},
        support=s,
        logits=logits,
        draws=torch.special.ndtr(torch.tensor(NODES)).repeat(2).unsqueeze(1),
    )
    each = objective.of_unlabelled(given).detach().view(2, len(NODES))
    found = (each * torch.tensor(SHARES)).sum(1).numpy()
    true = -(log_px.logsumexp(1).numpy() - log(WAY))
    if exact:
        np.testing.assert_allclose(found, true, rtol=1e-6)
    else:
        assert (found > true + 1e-3).all()


def test_penalty_against_a_loop() -> None:
    """Eq. 6 to 8 image by image and class by class, with the networks as given."""
    objective = built(vae, **VECTORS)
    x, s, u = random(U, D), random(S, D, seed=9), 0.05 + 0.9 * torch.rand(U, 2).double()
    weight = torch.linspace(0.2, 1, U).double()
    found = objective.penalty(context({"plain": x}, support=s, draws=u, weight=weight))
    names = [objective.name(s[c::WAY].mean(0)) for c in range(WAY)]

    def bound_of(h: Tensor, c: int, noise: Tensor) -> float:
        mean, raw = objective.encoder(torch.cat((h, names[c]))).chunk(2)
        std = (LOG_VAR * torch.tanh(raw / LOG_VAR) / 2).exp()
        q = torch.distributions.Normal(mean, std)
        prior = torch.distributions.Normal(torch.zeros(2).double(), torch.ones(2).double())
        code = torch.cat((mean + std * noise, names[c]))
        log_x = torch.distributions.Normal(objective.decoder.mean(code), 1.0).log_prob(h).sum()
        return float((torch.distributions.kl_divergence(q, prior).sum() - log_x).detach()) + log(WAY)

    noise = torch.special.ndtri(u)
    total = 0.0
    for j in range(U):
        p = x[j, :WAY].softmax(0).tolist()
        parts = [p[c] * (bound_of(x[j], c, noise[j]) + log(p[c])) for c in range(WAY)]
        total += float(weight[j] / weight.sum()) * sum(parts)
    shared = (weight.unsqueeze(1) * noise).sum(0) / weight.square().sum().sqrt()
    total += sum(bound_of(s[k], k % WAY, shared) for k in range(S)) / S
    close(found.detach(), total / D)


def test_divergence_against_torch() -> None:
    mean, log_var = random(5, 3), random(5, 3, seed=1)
    q = torch.distributions.Normal(mean, (log_var / 2).exp())
    p = torch.distributions.Normal(torch.zeros(5, 3).double(), torch.ones(5, 3).double())
    close(divergence(mean, log_var), torch.distributions.kl_divergence(q, p).sum(1))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 15, 18)])
def test_image_decoder_is_bernoulli(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    decoder, code = ImageDecoder(4, shape, 6).double(), random(5, 4)
    x = (random(5, *shape, seed=1) > 0).double()
    pixels = torch.distributions.Bernoulli(logits=decoder(code))
    assert decoder(code).shape == x.shape
    close(decoder.log_likelihood(x, code).detach(), pixels.log_prob(x).flatten(1).sum(1).detach())


def test_vector_decoder_is_gaussian() -> None:
    torch.manual_seed(0)
    decoder, code, x = VectorDecoder(4, (3,), 6).double(), random(5, 4), random(5, 3, seed=1)
    expected = torch.distributions.Normal(decoder(code), 1.0).log_prob(x).sum(1)
    close(decoder.log_likelihood(x, code).detach(), expected.detach())


def test_decoder_follows_the_inputs_shape() -> None:
    assert isinstance(built(vae).decoder, ImageDecoder)
    assert isinstance(built(vae, **VECTORS).decoder, VectorDecoder)


def test_own_networks_learn_to_describe_the_inputs() -> None:
    """Descent on the penalty alone brings the bound below that of a decoder that knows the mean only."""
    objective = built(vae, width=16, **VECTORS)
    corners = torch.tensor([[4.0, 0, 0, 0], [0, 4, 0, 0], [0, 0, 4, 0]]).double()
    y = torch.arange(9) % WAY
    x = corners[y] + 0.1 * random(9, D)
    u = torch.linspace(0.05, 0.95, 18).double().view(9, 2)
    given = context({"plain": x}, support=corners, support_y=torch.arange(WAY), draws=u)
    optimizer = torch.optim.Adam(objective.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        loss = objective.penalty(given)
        loss.backward()
        optimizer.step()
    blind = -gaussian(x, x.mean(0)).mean() - gaussian(corners, corners.mean(0)).mean()
    assert loss < 0.7 * blind / D


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", MAKERS)
def test_in_a_learner(tiny_pool: Pool, make: Callable, check: Callable) -> None:
    check(tiny_pool, make, lambda features: vae(features=features))
