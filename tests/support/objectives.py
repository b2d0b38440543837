"""Objectives with small constants: those that every learner is tried with, and one with a meta-parameter."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from metassl.numerics.losses import gate, weighted_mean
from metassl.numerics.tensors import Tensors
from metassl.outcomes.classification import one_hot
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.consistency.ict import ICT
from metassl.ssl.consistency.mean_teacher import MeanTeacher
from metassl.ssl.consistency.vat import VAT
from metassl.ssl.context import Context, Memory
from metassl.ssl.generative.vae import VAE
from metassl.ssl.meta_learned.learned_critic import LearnedCritic
from metassl.ssl.meta_learned.learned_hparams import LearnedHparams
from metassl.ssl.meta_learned.learned_weights import SoftWeighting
from metassl.ssl.meta_learned.meta_pseudo_labels import MetaPseudoLabels
from metassl.ssl.none import NoObjective
from metassl.ssl.self_labelling.entropy import Entropy
from metassl.ssl.self_labelling.fixmatch import FixMatch
from metassl.ssl.self_labelling.mixmatch import MixMatch
from metassl.ssl.self_labelling.pseudo_label import PseudoLabel
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from metassl.ssl.self_supervised.contrastive import Contrastive
from tests.support.contexts import D
from tests.support.episodes import SPEC

OMEGA = "ssl.objective.omega"  # the meta-parameter of EntropyOfOmega


def pseudo_label(threshold: float = 0.2) -> PseudoLabel:
    """Hard labels where the prediction is sure."""
    return PseudoLabel(threshold=threshold)


def soft_kmeans(iterations: int = 1) -> SoftKMeans:
    """Soft k-means from the class means."""
    return SoftKMeans(iterations=iterations)


def entropy(marginal: float = 1.0, temperature: float = 0.5) -> Entropy:
    """Sure predictions on U, and of every class."""
    return Entropy(marginal_weight=marginal, temperature=temperature)


def fixmatch(rule: str = "fixed", threshold: float = 0.8) -> FixMatch:
    """Labels of the weak view for the strong one, by one of the threshold rules."""
    return FixMatch(rule=rule, threshold=threshold, momentum=0.5).double()


def ict(alpha: float = 0.75, parameters: Tensors | None = None) -> ICT:
    """Interpolation consistency."""
    return ICT(parameters or {}, alpha=alpha, momentum=0.9, outer_momentum=0.9)


def mixmatch(unlabelled_weight: float = 3.0) -> MixMatch:
    """MixUp of S with sharpened guesses for U."""
    return MixMatch(alpha=0.75, temperature=0.5, unlabelled_weight=unlabelled_weight)


def mean_teacher(
    momentum: float = 0.7, outer_momentum: float = 0.9, parameters: Tensors | None = None
) -> MeanTeacher:
    """Consistency with an average of the predictor."""
    return MeanTeacher(parameters or {}, momentum=momentum, outer_momentum=outer_momentum)


def vat(epsilon: float = 0.5, xi: float = 1e-3, iterations: int = 1) -> VAT:
    """Virtual adversarial training."""
    return VAT(epsilon=epsilon, xi=xi, iterations=iterations)


def vae(
    latent: int = 2,
    label: int = 3,
    width: int = 5,
    features: int = D,
    input_shape: tuple[int, ...] = SPEC.input_shape,
) -> VAE:
    """The semi-supervised VAE."""
    return VAE(features, input_shape, latent=latent, label=label, width=width)


def contrastive(temperature: float = 0.5, projection: int = 5, features: int = D) -> Contrastive:
    """NT-Xent."""
    return Contrastive(features, temperature=temperature, projection=projection)


def learned_critic(features: int = D) -> LearnedCritic:
    """The learned loss."""
    return LearnedCritic(features, width=6)


def meta_pseudo_labels(
    parameters: Tensors, threshold: float = 0.0, steps: int = 1, uda_weight: float = 0.5
) -> MetaPseudoLabels:
    """The teacher that hears what its labels did."""
    return MetaPseudoLabels(
        parameters, threshold, steps, 0.2, uda_weight, uda_threshold=0.0, uda_temperature=0.5
    )


def learned_hparams(objective: SSLObjective, steps: int = 2) -> LearnedHparams:
    """λ, τ and T of another objective, learned."""
    return LearnedHparams(objective, steps=steps)


def learned_weights(objective: SSLObjective, features: int = D) -> SoftWeighting:
    """A learned weight for each image of another objective."""
    return SoftWeighting(objective, features, width=5)


class EntropyOfOmega(SSLObjective):
    """exp(ω)·entropy of the predictions on U, ω a meta-parameter."""

    views: ClassVar = {"plain": "plain"}

    def __init__(self) -> None:
        super().__init__()
        self.omega = nn.Parameter(torch.tensor(0.3))

    def penalty(self, context: Context) -> Tensor:
        p = context.logits("plain").log_softmax(-1)
        p = torch.where(context.episode.class_mask, p, torch.zeros_like(p))
        return self.omega.exp() * weighted_mean(-(p.exp() * p).sum(-1), context.weight)


class FollowsConfidence(SSLObjective):
    """Hard labels, weighed by an average of the confidence over the inner steps."""

    views: ClassVar = {"weak": "weak", "strong": "strong"}

    def remember(self, context: Context) -> Memory:
        sure = context.logits("weak").detach().softmax(-1).amax(-1)
        before = context.memory.get("confidence")
        return {"confidence": sure if before is None else (before + sure) / 2}

    def label(self, context: Context) -> SoftLabels:
        q = one_hot(context.logits("weak").argmax(-1), context.episode.way)
        return SoftLabels(q.to(context.weight.dtype), context.memory["confidence"], "strong")


class Sharpened(SSLObjective):
    """softmax(l/T) where it is sure: one objective with a threshold and a temperature."""

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"threshold": "unit", "temperature": "positive"}

    def __init__(self, threshold: float = 0.5, temperature: float = 2.0) -> None:
        super().__init__()
        self.threshold: float | Tensor = threshold
        self.temperature: float | Tensor = temperature

    def label(self, context: Context) -> SoftLabels:
        q = (context.constant(context.logits("plain")) / self.temperature).softmax(-1)
        return SoftLabels(q, gate(q.amax(-1), self.threshold), "plain")


# of every way to enter: none, hard labels, a penalty, soft labels; and a penalty that learns
OBJECTIVES: dict[str, Callable[[], SSLObjective]] = {
    "none": NoObjective,
    "pseudo_label": pseudo_label,
    "consistency": Consistency,
    "soft_kmeans": soft_kmeans,
}
