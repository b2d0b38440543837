"""What every objective without networks has to pass: padding is nothing, no U is no NaN, the engines agree."""

from collections.abc import Callable

import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.numerics.tensors import Tensors
from metassl.ssl.base import SSLObjective
from metassl.ssl.none import NoObjective
from metassl.tasks.stage import Stage
from tests.support.agreement import assert_agree
from tests.support.calls import outer_gradients
from tests.support.contexts import D, U, advanced, context, draws_of, given_task, two_classes
from tests.support.episodes import episodes
from tests.support.learners import gradient_learner, head_learner
from tests.support.numbers import close, flat, random
from tests.support.terms import full, make_term

Objective = SSLObjective | Callable[[Tensors], SSLObjective]
"""An objective, or what makes one of the learner's parameters."""


def padding_is_nothing(objective: SSLObjective) -> None:
    """Rows of weight 0 change neither the loss nor the others' labels; a missing class is no NaN."""
    term = make_term(objective, from_step=0)
    plain, wide = given_task(objective), given_task(objective, padding=3)
    close(term.loss(wide), float(term.loss(plain)))
    labels, wide_labels = term.label(plain), term.label(wide)
    if labels is not None:
        close(wide_labels.q[:U], labels.q)
        close(wide_labels.weight, torch.cat((labels.weight, torch.zeros(3))))
    narrow = {"class_mask": torch.tensor([True, True, False]), "logits": two_classes}
    narrow |= {"support_weight": torch.tensor([1.0, 1, 0, 1, 1, 0]).double()}
    assert torch.isfinite(torch.as_tensor(term.loss(given_task(objective, 2, **narrow))))


def no_weight(objective: SSLObjective) -> Tensor:
    """The loss of a task without U, after a check that it and its gradient are finite."""
    shift = random(D).requires_grad_()
    views = {name: random(U, D, seed=k) + shift for k, name in enumerate(objective.views)}
    given = context(views, weight=torch.zeros(U).double(), draws=draws_of(objective, U))
    given = advanced(objective, given)
    loss = torch.as_tensor(make_term(objective, from_step=0).loss(given))
    if loss.requires_grad:
        assert torch.isfinite(
            torch.autograd.grad(loss, shift, allow_unused=True, materialize_grads=True)[0]
        ).all()
    return loss


def learner_with(
    objective: Objective,
    make: Callable[..., MetaLearner],
    norm: str,
    at: str = "both",
) -> MetaLearner:
    """A small learner with this objective, or with one that is made of the learner's parameters."""
    learner = make(norm, full(NoObjective()))
    if not isinstance(objective, SSLObjective):
        objective = objective({n: p for n, p in learner.named_parameters() if not n.startswith("ssl.")})
    return learner.attach(full(objective, at)).double()


def engines_agree(pool: Pool, make_objective: Callable[[], Objective]) -> None:
    """One gradient by loop, vmap and threads: of MAML (second order) and of prototypes, padded or not."""
    for make, norm, changes in (
        (gradient_learner, "batch", {}),
        (head_learner, "support", {"way": [2, 3], "distractors": 0}),
    ):
        learner = learner_with(make_objective(), make, norm)
        tasks = episodes(pool, learner.ssl, 3, **changes)
        one, _ = assert_agree(learner, tasks, (Vmap(2), Threads(2)), atol=1e-10)
        alone, _ = outer_gradients(learner, tasks, Stage(training=True, unlabelled=False))
        assert (flat(alone) - flat(one)).abs().max() > 1e-9  # U had a part in it
