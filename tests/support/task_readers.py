"""What every learner that reads the task by a set encoder has to pass."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch.utils._pytree import tree_map

from metassl.data.pool import Pool
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.ssl.base import SSLObjective
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import CONTROL, TEST
from tests.support.agreement import assert_agree, assert_cut_is_same
from tests.support.calls import adapt, outer_gradients, predict, query_logits
from tests.support.episodes import meta_batch, narrow, tasks_of
from tests.support.learners import shaken
from tests.support.numbers import flat
from tests.support.objectives import soft_kmeans
from tests.support.terms import full

Make = Callable[[SSLTerm], MetaLearner]


def check_engines_agree(make: Make, pool: Pool, objective: SSLObjective) -> None:
    """Loop and vmap give one gradient, and it is finite."""
    learner = shaken(make(full(objective, "both")))
    assert_agree(learner, tasks_of(pool, learner), (Vmap(2),))


def check_every_parameter_learns(make: Make, pool: Pool) -> None:
    """Each parameter that is to be trained has a gradient where U is read."""
    learner = shaken(make(full(soft_kmeans())))
    gradients, _ = outer_gradients(learner, tasks_of(pool, learner))
    still = [name for name, g in gradients.items() if not g.abs().max() > 0]
    assert not still


def check_order_and_names(make: Make, pool: Pool) -> None:
    """The order of S and U changes nothing; other names of the classes permute the logits."""
    learner = shaken(make(full(soft_kmeans())))
    task = tasks_of(pool, learner, 1, shot=2).task(0)
    logits = query_logits(learner, task, TEST)
    s = torch.randperm(len(task.support_y), generator=torch.Generator().manual_seed(0))
    u = torch.randperm(len(task.unlabelled), generator=torch.Generator().manual_seed(1))
    mixed = replace(
        task,
        support_x=task.support_x[s], support_y=task.support_y[s], support_weight=task.support_weight[s],
        unlabelled=tree_map(lambda x: x[u], task.unlabelled),
    )  # fmt: skip
    torch.testing.assert_close(query_logits(learner, mixed, TEST), logits, rtol=1e-8, atol=1e-9)
    names = torch.tensor([2, 0, 1])  # class c is called names[c] now
    renamed = replace(task, support_y=names[task.support_y], query_y=names[task.query_y])
    other = query_logits(learner, renamed, TEST)
    torch.testing.assert_close(other[:, names], logits, rtol=1e-8, atol=1e-9)
    assert logits.std(0).min() > 1e-6


def check_padding(make: Make, pool: Pool) -> None:
    """A padded task gives the gradient of the task with its padding cut off; one without U a finite one."""
    learner = shaken(make(full(soft_kmeans())))
    task = narrow(tasks_of(pool, learner, 8, way=[2, 3], shot=[1, 2], distractors=0))
    assert_cut_is_same(learner, task, 1e-7, 1e-9)
    empty = replace(task, unlabelled=replace(task.unlabelled, weight=0 * task.unlabelled.weight))
    none, _ = outer_gradients(learner, meta_batch(empty))
    assert flat(none).isfinite().all()


def check_inductive(make: Make, pool: Pool) -> None:
    """With a norm that sees one image, a query is classified alone as it is among others."""
    learner = shaken(make(full(soft_kmeans())))
    task = tasks_of(pool, learner, 1).task(0)
    adapted = adapt(learner, task, TEST)
    each = torch.cat([predict(learner, adapted, x[None]) for x in task.query_x])
    torch.testing.assert_close(each, query_logits(learner, task, TEST), rtol=1e-9, atol=1e-9)


def check_unlabelled_is_read(make: Make, pool: Pool) -> None:
    """U alone, without labels or penalty, changes the prediction; without U it is that of the twin."""
    learner = shaken(make(full(Descriptor())))
    task = tasks_of(pool, learner, 1).task(0)
    other = replace(
        task, unlabelled=replace(task.unlabelled, views={"plain": task.unlabelled.views["plain"].flip(-1)})
    )
    read, control = (query_logits(learner, task, stage) for stage in (TEST, CONTROL))
    assert (read - control).abs().max() > 1e-6
    assert (query_logits(learner, other, TEST) - read).abs().max() > 1e-7
    assert torch.equal(query_logits(learner, other, CONTROL), control)
    twin = shaken(make(full(NoObjective())))
    bare = replace(task, unlabelled=replace(task.unlabelled, views={}))
    assert torch.equal(query_logits(twin, bare, TEST), control)


CHECKS = (
    check_every_parameter_learns,
    check_order_and_names,
    check_padding,
    check_inductive,
    check_unlabelled_is_read,
)
