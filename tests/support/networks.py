"""What every objective with networks of its own has to pass inside a learner."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from metassl.data.pool import Pool
from metassl.engine.vmap import Vmap
from metassl.ssl.base import SSLObjective
from metassl.ssl.none import NoObjective
from tests.support.agreement import assert_agree, assert_cut_is_same
from tests.support.calls import meta_loss, outer_gradients
from tests.support.episodes import episodes, narrow
from tests.support.learners import conv4, gradient_learner, head_learner, scramble
from tests.support.numbers import flat
from tests.support.terms import full

Objective = SSLObjective | Callable[[int], SSLObjective]
MAKERS = (gradient_learner, head_learner)


def built(make: Callable[..., Any], **options: Any) -> Any:
    """An objective with networks of its own, the same weights each time, in float64."""
    torch.manual_seed(1)
    return make(**options).double()


def learner_of(
    make: Callable,
    objective: Objective,
    make_backbone: Any = conv4,
    at: str = "both",
) -> Any:
    """A small learner with this objective, its weights random, with a norm that looks at one input alone.

    An objective with networks of its own is given as what makes it for the number of features.
    """
    learner = make("group", full(NoObjective()), make_backbone=make_backbone)
    torch.manual_seed(3)
    if not isinstance(objective, SSLObjective):
        objective = objective(learner.backbone.out_dim)
    scramble(objective)
    return learner.attach(full(objective, at, from_step=0)).double()


def check_engines_agree(pool: Pool, make: Callable, objective: Objective, at: str = "both") -> None:
    """Loop and vmap give the same gradients, and the objective's own parameters get one."""
    learner = learner_of(make, objective, at=at)
    one, _ = assert_agree(learner, episodes(pool, learner.ssl, 2), (Vmap(2),))
    for name in learner.ssl.objective.own_parameters():
        assert one[f"ssl.objective.{name}"].abs().max() > 0, name


def check_padding(pool: Pool, make: Callable, objective: Objective) -> None:
    """A padded task gives the gradient of the same task with the padding cut off."""
    learner = learner_of(make, objective)
    tasks = episodes(pool, learner.ssl, 8, way=[2, 3], shot=[1, 2], distractors=0)
    assert_cut_is_same(learner, narrow(tasks))


def check_names_of_classes(pool: Pool, make: Callable, objective: Objective) -> None:
    """Other names for the classes (and for the outputs of a linear head) change no loss."""
    learner = learner_of(make, objective)
    task, order = episodes(pool, learner.ssl, 1).task(0), torch.tensor([2, 0, 1])
    back = order.argsort()  # class c is now called back[c]
    renamed = replace(
        task,
        support_y=back[task.support_y],
        query_y=back[task.query_y],
        class_mask=task.class_mask[order],
        classes=task.classes[order],
    )
    other = {n: p[order] if n.startswith("head.") else p for n, p in learner.theta().items()}
    one, two = meta_loss(learner, task)[0], meta_loss(learner, renamed, theta=other)[0]
    torch.testing.assert_close(two, one, rtol=1e-9, atol=1e-9)


def check_nothing_without_weight(pool: Pool, make: Callable, objective: Objective) -> None:
    """All of U padding: no NaN in the loss or in a gradient."""
    learner = learner_of(make, objective)
    tasks = episodes(pool, learner.ssl, 1, way=[2, 3], distractors=0)
    empty = [
        replace(u, weight=torch.zeros_like(u.weight)) for u in (tasks.unlabelled, tasks.outer_unlabelled)
    ]
    tasks = replace(tasks, unlabelled=empty[0], outer_unlabelled=empty[1])
    gradient, scores = outer_gradients(learner, tasks)
    assert torch.isfinite(flat(gradient)).all()
    assert torch.isfinite(scores["loss"])


CHECKS = (check_engines_agree, check_padding, check_names_of_classes, check_nothing_without_weight)
