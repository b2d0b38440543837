"""What is learned inside an objective goes where it should, on U whose labels are known to be right or wrong."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.numerics.geometry import squared_distances
from metassl.outcomes.classification import one_hot
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.meta_learned.learned_hparams import RATE, LearnedHparams
from metassl.ssl.meta_learned.learned_weights import SoftWeighting
from metassl.ssl.meta_learned.reweight import Reweight
from metassl.ssl.none import NoObjective
from metassl.tasks.episode import Episode
from tests.support.calls import TRAIN, observe, outer_gradients
from tests.support.episodes import episodes
from tests.support.learners import Smooth, gradient_learner
from tests.support.terms import make_term

LR = 0.003  # of the default optimiser
PLAIN = make_term(NoObjective())


class Known(SSLObjective):
    """Labels U by the nearest support image in pixels, which is right on these data, but for the wrong ones.

    Args:
        wrong: every so manyth label is the next class's; 0: none, 1: all.
    """

    views: ClassVar = {"plain": "plain"}

    def __init__(self, wrong: int) -> None:
        super().__init__()
        self.wrong = wrong

    def label(self, context: Context) -> SoftLabels:
        q = one_hot((right(context) + self.off(context)) % context.episode.way, context.episode.way)
        return SoftLabels(q, torch.ones_like(context.unlabelled.weight), "plain")

    def off(self, context: Context) -> Tensor:
        """[U] 1 where the label is wrong."""
        place = torch.arange(len(context.unlabelled))
        return (place % self.wrong == 0).long() if self.wrong else torch.zeros_like(place)


def right(context: Context) -> Tensor:
    """[U] the class of the nearest support image."""
    u, s = context.unlabelled.views["plain"].flatten(1), context.episode.support_x.flatten(1)
    return context.episode.support_y[squared_distances(u, s).argmin(-1)]


def taught(learner: Any, tasks: Episode, steps: int, rate: float) -> None:
    """Outer steps on the objective's own parameters alone."""
    objective = learner.ssl.objective
    optimizer = torch.optim.Adam(objective.parameters(), rate)
    for _ in range(steps):
        gradients, _ = outer_gradients(learner, tasks)
        for name, p in objective.named_parameters():
            p.grad = gradients[f"ssl.objective.{name}"]
        optimizer.step()


def of(make: Callable, objective: Callable[[int], SSLObjective], **options: Any) -> Any:
    """A learner with this objective from its first step on."""
    learner = make("group", PLAIN, **options)
    made = objective(learner.backbone.out_dim).double()
    return learner.attach(make_term(made, from_step=0)).double()


def ranking(learner: Any, tasks: Episode, known: Known) -> float:
    """The chance that a right label weighs more than a wrong one of the same task (area under the ROC)."""

    def look(context: Context) -> tuple[Tensor, Tensor]:
        return learner.ssl.objective.label(context).weight.detach(), known.off(context)

    shares = []
    for t in range(tasks.count):
        weight, off = observe(learner, tasks.task(t), TRAIN, look)
        good, bad = weight[off == 0].unsqueeze(1), weight[off == 1]
        shares.append(((good > bad).double() + 0.5 * (good == bad)).mean())
    return float(torch.stack(shares).mean())


@pytest.mark.parametrize(("wrong", "sign"), [(0, 1), (1, -1)])
def test_mechanism_lambda_falls_with_wrong_labels_and_rises_with_right_ones(
    tiny_pool: Pool, wrong: int, sign: int
) -> None:
    """λ starts at 1. In 15 outer steps at its own rate it moves by more than a quarter of its size."""
    learner = of(gradient_learner, lambda features: LearnedHparams(Known(wrong), 2), make_backbone=Smooth)
    tasks = episodes(tiny_pool, learner.ssl, 2, distractors=0)
    taught(learner, tasks, 15, LR * RATE)
    factors = F.softplus(learner.ssl.objective.factors.detach())
    assert (sign * (factors - 1) > 0.25).all(), factors


def test_mechanism_at_the_base_rate_lambda_stays(tiny_pool: Pool) -> None:
    """What the rate of its own is for: at that of the weights λ moves by less than a twentieth in as many."""
    learner = of(gradient_learner, lambda features: LearnedHparams(Known(1), 2), make_backbone=Smooth)
    tasks = episodes(tiny_pool, learner.ssl, 2, distractors=0)
    taught(learner, tasks, 15, LR)
    assert ((F.softplus(learner.ssl.objective.factors.detach()) - 1).abs() < 0.05).all()


def test_mechanism_the_weighting_network_finds_wrong_labels(tiny_pool: Pool) -> None:
    """Every third label is wrong. Trained on 4 tasks, tried on others of the same classes."""
    known = Known(3)
    learner = of(gradient_learner, lambda features: SoftWeighting(known, features), make_backbone=Smooth)
    tasks = episodes(tiny_pool, learner.ssl, 10, distractors=0, unlabelled=4)
    assert ranking(learner, tasks.tasks(4, 10), known) == 0.5
    taught(learner, tasks.tasks(0, 4), 15, 0.05)
    found = ranking(learner, tasks.tasks(4, 10), known)
    assert found > 0.7, found


def test_mechanism_reweighting_finds_wrong_labels(tiny_pool: Pool) -> None:
    """Every third label is wrong; S itself is the clean set."""
    known = Known(3)
    learner = of(gradient_learner, lambda features: Reweight(known), make_backbone=Smooth)
    tasks = episodes(tiny_pool, learner.ssl, 6, distractors=0, unlabelled=4)
    found = ranking(learner, tasks, known)
    assert found > 0.95, found
