"""The semi-supervised variational autoencoder (M2), with the task's predictor as q(y|x).

Legend: N way, S support, U unlabelled, n items of either, D features, L latent numbers, E of a class.
"""

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import torch
from torch import Tensor, nn

from metassl.numerics.geometry import class_means
from metassl.numerics.losses import weighted_mean
from metassl.outcomes.classification import one_hot
from metassl.schema.ranges import Count
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.generative.decoders import divergence, make_decoder

RATE = 3.0  # of the outer rate
LOG_VAR = 6.0  # bound of |log σ²|, far outside of what is useful


class VAE(SSLObjective):
    """Fits a generative model in which every image comes from a class and a latent code.

    penalty = [mean_U (Σ_y q(y|x)·L(x, y) - H(q(y|x))) + mean_S L(x, y)] / (numbers of an input).

    L(x, y) = -log p(x|y, z) - log p(y) + KL(q(z|x, y) ‖ N(0, I)), z = μ + σ·ε one sample of q(z|x, y), a
    Gaussian whose μ and log σ² are a network of the features of x and of y; p(y) = 1/N; q(y|x) is the task's
    predictor. Encoder and decoder are the objective's own and learned over the tasks by this penalty.
    The division makes the penalty O(1); beside CE(S) it stands for Kingma's α = (numbers of an input) / λ.
    All of S shares one ε, so that its order makes no difference.

    Differs from the paper: the classes of each task are others, so y enters as its prototype (mean support
    feature) on E numbers and not as a one-hot; encoder and decoder are shared by all tasks.

    Source: Kingma et al. 2014, eq. 6 to 9.

    Args:
        features: D; input_shape: of one input.
        latent: L.
        label: E.
        width: of the hidden layers.
    """

    views: ClassVar = {"plain": "plain"}
    rates: ClassVar = {"": RATE}

    def __init__(
        self,
        features: int,
        input_shape: tuple[int, ...],
        latent: Count = 8,
        label: Count = 8,
        width: Count = 32,
    ) -> None:
        super().__init__()
        self.latent = latent
        self.name = nn.Linear(features, label)
        self.encoder = nn.Sequential(
            nn.Linear(features + label, width), nn.SiLU(), nn.Linear(width, 2 * latent)
        )
        self.decoder = make_decoder(latent + label, input_shape, width)

    def draws(self, input_shape: Sequence[int]) -> int:
        """L for each image."""
        return self.latent

    def own_parameters(self) -> Sequence[str]:
        """All of it."""
        return [name for name, _ in self.named_parameters()]

    def penalty(self, context: Context) -> Tensor:
        """The negative bound for each number of an input."""
        episode, x = context.episode, context.unlabelled.views["plain"]
        unlabelled = weighted_mean(self.of_unlabelled(context), context.weight)
        support = weighted_mean(self.of_labelled(context), episode.support_weight)
        return (unlabelled + support) / prod(x.shape[1:])

    def of_unlabelled(self, context: Context) -> Tensor:
        """[U] U(x) of eq. 7."""
        live, h = context.episode.class_mask, context.features("plain")
        log_q = context.logits("plain").log_softmax(-1).masked_fill(~live, 0.0)
        q = log_q.exp().masked_fill(~live, 0.0)
        names, noise = self.names(context), torch.special.ndtri(context.random)
        x = context.unlabelled.views["plain"]
        each = [self.of_class_given(x, h, name.expand(len(h), -1), noise, live) for name in names.unbind(0)]
        return (q * (torch.stack(each, dim=-1) + log_q)).sum(-1)

    def of_labelled(self, context: Context) -> Tensor:
        """[S] L(x, y) of eq. 6."""
        episode, weight = context.episode, context.unlabelled.weight
        # Σ_j w_j ε_j / sqrt(Σ_j w_j²) is standard normal, whatever the order of U and its padding
        noise = weight @ torch.special.ndtri(context.random)
        noise = noise * torch.rsqrt(weight.square().sum().clamp(min=1e-12))
        y = one_hot(episode.support_y, episode.way).to(weight.dtype)
        h = context.support_features()
        return self.of_class_given(
            episode.support_x, h, y @ self.names(context), noise.expand(len(h), -1), episode.class_mask
        )

    def names(self, context: Context) -> Tensor:
        """[N, E] what stands for each class: its prototype, projected."""
        episode = context.episode
        labels = one_hot(episode.support_y, episode.way)
        return self.name(class_means(context.support_features(), labels, episode.support_weight))

    def of_class_given(self, x: Tensor, h: Tensor, name: Tensor, noise: Tensor, live: Tensor) -> Tensor:
        """[n] L(x, y) for x [n, ...] with features h [n, D], class name [n, E] and noise ε [n, L]."""
        mean, raw = self.encoder(torch.cat((h, name), dim=-1)).chunk(2, dim=-1)
        log_var = LOG_VAR * torch.tanh(raw / LOG_VAR)
        z = mean + torch.exp(0.5 * log_var) * noise
        log_x = self.decoder.log_likelihood(x, torch.cat((z, name), dim=-1))
        return divergence(mean, log_var) - log_x + live.to(h.dtype).sum().log()
