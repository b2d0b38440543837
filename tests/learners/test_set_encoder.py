"""The set encoders against loops, and checks that every learner which reads the task by one has to pass."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from metassl.engine.outer import Unrolled
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.data.pool import Pool
from metassl.engine.loop import Loop
from metassl.engine.vmap import Vmap
from metassl.learners.amortised.set_encoder import (
    AttentionPool,
    MeanPool,
    RelationEncoder,
    SetEncoder,
    TaskSet,
)
from metassl.learners.amortised.set_encoder import Pool as SetPool
from metassl.learners.base import MetaLearner
from metassl.ssl.base import SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.none import NoObjective
from metassl.ssl.self_labelling.pseudo_label import PseudoLabel
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import CONTROL, TEST, Stage
from tests.engine.test_tasks import cut_padding, episodes, flat
from tests.tasks import make_term, random

TRAIN = Stage(training=True)
OBJECTIVES = {
    "none": NoObjective,
    "pseudo_label": lambda: PseudoLabel(0.4),
    "soft_kmeans": lambda: SoftKMeans(1),
    "consistency": Consistency,
}
Make = Callable[[SSLTerm], MetaLearner]


def full(objective: SSLObjective, at: str = "inner") -> SSLTerm:
    return make_term(objective, at, weight=0.7, refit_weight=0.6, outer_weight=0.3)


def shaken(learner: MetaLearner) -> MetaLearner:
    """No parameter at its initial zero, so that every part of the learner has a say."""
    for k, p in enumerate(learner.parameters()):
        p.data += 0.05 * random(*p.shape, seed=k)
    return learner


def tasks_of(pool: Pool, learner: MetaLearner, count: int = 2, **changes: object) -> Episode:
    """Episodes with the random numbers that the learner asked for."""
    tasks = episodes(pool, learner.ssl, count, **changes)
    generator = torch.Generator().manual_seed(5)
    drawn = torch.rand(count, learner.draws, generator=generator, dtype=torch.float64)
    return replace(tasks, random=drawn.clamp(0.01, 0.99))


def check_engines_agree(make: Make, pool: Pool, objective: SSLObjective) -> None:
    """Loop and vmap give one gradient, and it is finite."""
    learner = shaken(make(full(objective, "both")))
    tasks, theta = tasks_of(pool, learner), learner.theta()
    one, _ = Unrolled(Loop())(learner, theta, tasks, TRAIN)
    many, _ = Unrolled(Vmap(2))(learner, theta, tasks, TRAIN)
    torch.testing.assert_close(flat(many), flat(one), rtol=1e-8, atol=1e-8)
    assert flat(one).isfinite().all()


def check_every_parameter_learns(make: Make, pool: Pool) -> None:
    """Each parameter that is to be trained has a gradient where U is read."""
    learner = shaken(make(full(SoftKMeans(1))))
    gradients, _ = Unrolled(Loop())(learner, learner.theta(), tasks_of(pool, learner), TRAIN)
    still = [name for name, g in gradients.items() if not g.abs().max() > 0]
    assert not still


def check_order_and_names(make: Make, pool: Pool) -> None:
    """The order of S and U changes nothing; other names of the classes permute the logits."""
    learner = shaken(make(full(SoftKMeans(1))))
    task = tasks_of(pool, learner, 1, shot=2).task(0)
    logits = learner.query_logits(learner.theta(), task, TEST)
    s = torch.randperm(len(task.support_y), generator=torch.Generator().manual_seed(0))
    u = torch.randperm(len(task.unlabelled), generator=torch.Generator().manual_seed(1))
    mixed = replace(
        task,
        support_x=task.support_x[s], support_y=task.support_y[s], support_weight=task.support_weight[s],
        unlabelled=tree_map(lambda x: x[u], task.unlabelled),
    )  # fmt: skip
    same = learner.query_logits(learner.theta(), mixed, TEST)
    torch.testing.assert_close(same, logits, rtol=1e-8, atol=1e-9)
    names = torch.tensor([2, 0, 1])  # class c is called names[c] now
    renamed = replace(task, support_y=names[task.support_y], query_y=names[task.query_y])
    other = learner.query_logits(learner.theta(), renamed, TEST)
    torch.testing.assert_close(other[:, names], logits, rtol=1e-8, atol=1e-9)
    assert logits.std(0).min() > 1e-6


def check_padding(make: Make, pool: Pool) -> None:
    """A padded task gives the gradient of the task with its padding cut off."""
    learner = shaken(make(full(SoftKMeans(1))))
    tasks = tasks_of(pool, learner, 8, way=[2, 3], shot=[1, 2], distractors=0)
    narrow = next(t for t in range(8) if not tasks.class_mask[t].all())
    task = tasks.task(narrow)
    padded, _ = Unrolled(Loop())(learner, learner.theta(), tree_map(lambda x: x[None], task), TRAIN)
    cut = tree_map(lambda x: x[None], cut_padding(task))
    plain, _ = Unrolled(Loop())(learner, learner.theta(), cut, TRAIN)
    torch.testing.assert_close(flat(padded), flat(plain), rtol=1e-7, atol=1e-9)
    empty = replace(task, unlabelled=replace(task.unlabelled, weight=0 * task.unlabelled.weight))
    none, _ = Unrolled(Loop())(learner, learner.theta(), tree_map(lambda x: x[None], empty), TRAIN)
    assert flat(none).isfinite().all()


def check_inductive(make: Make, pool: Pool) -> None:
    """With a norm that sees one image, a query is classified alone as it is among others."""
    learner = shaken(make(full(SoftKMeans(1))))
    task, theta = tasks_of(pool, learner, 1).task(0), learner.theta()
    batch = learner.query_logits(theta, task, TEST)
    adapted = learner.adapt(theta, task, TEST)
    each = torch.cat([learner.predict(theta, adapted, x[None]) for x in task.query_x])
    torch.testing.assert_close(each, batch, rtol=1e-9, atol=1e-9)


def check_unlabelled_is_read(make: Make, pool: Pool) -> None:
    """U alone, without labels or penalty, changes the prediction; without U it is that of the twin."""
    learner = shaken(make(full(Descriptor())))
    task, theta = tasks_of(pool, learner, 1).task(0), learner.theta()
    other = replace(
        task, unlabelled=replace(task.unlabelled, views={"plain": task.unlabelled.views["plain"].flip(-1)})
    )
    read, control = (learner.query_logits(theta, task, stage) for stage in (TEST, CONTROL))
    assert (read - control).abs().max() > 1e-6
    assert (learner.query_logits(theta, other, TEST) - read).abs().max() > 1e-7
    assert torch.equal(learner.query_logits(theta, other, CONTROL), control)
    twin = shaken(make(full(NoObjective())))
    bare = replace(task, unlabelled=replace(task.unlabelled, views={}))
    assert torch.equal(twin.query_logits(twin.theta(), bare, TEST), control)


def encoder(pool: SetPool) -> SetEncoder:
    torch.manual_seed(0)
    made = SetEncoder(6, 5, pool)
    made.bind(4)
    return made.double()


def items(seed: int = 0) -> TaskSet:
    """Four labelled items of three classes, one of them half in two classes, and three unlabelled ones."""
    q = torch.zeros(7, 3).double()
    q[0, 0] = q[1, 1] = q[2, 2] = 1
    q[3, 0] = q[3, 2] = 0.5
    return TaskSet(random(7, 4, seed=seed), q, torch.tensor([1, 1, 1, 0.5, 1, 1, 0.3]).double())


POOLS = [MeanPool, lambda: AttentionPool(3)]


@pytest.mark.parametrize("make_pool", POOLS)
def test_encoder_against_loops(make_pool) -> None:
    made, (z, q, w) = encoder(make_pool()), items()
    found = made(TaskSet(z, q, w))
    e = [made.item(row) for row in z]

    def pooled(rows: range) -> Tensor:
        if isinstance(made.pool, MeanPool):
            mass = {j: w[j] for j in rows}
        else:
            v, _, out = made.pool.score
            mass = {
                j: w[j] * (out.weight[0] @ (v.weight @ e[j] + v.bias).tanh() + out.bias[0]).exp()
                for j in rows
            }
        return sum(mass[j] * e[j] for j in rows) / sum(mass.values())

    counts = torch.tensor([1 + 3.5, 1 + 2.3, torch.e]).double().log()
    task = made.task(torch.cat((pooled(range(4)), pooled(range(4, 7)), counts)))
    torch.testing.assert_close(found.task, task)
    first = (e[0] + 0.25 * e[3]) / 1.25
    torch.testing.assert_close(found.classes, torch.stack((first, e[1], (e[2] + 0.25 * e[3]) / 1.25)))


@pytest.mark.parametrize("make_pool", POOLS)
def test_order_names_and_rows_without_weight(make_pool) -> None:
    made, (z, q, w) = encoder(make_pool()), items()
    found = made(TaskSet(z, q, w))
    order, names = torch.randperm(7, generator=torch.Generator().manual_seed(0)), torch.tensor([1, 2, 0])
    mixed = made(TaskSet(z[order], q[order], w[order]))
    torch.testing.assert_close(mixed.task, found.task)
    torch.testing.assert_close(mixed.classes, found.classes)
    renamed = made(TaskSet(z, q[:, names], w))
    torch.testing.assert_close(renamed.task, found.task)
    torch.testing.assert_close(renamed.classes, found.classes[names])
    more = TaskSet(torch.cat((z, 1e3 * random(2, 4))), torch.cat((q, q[[0, 6]])), torch.cat((w, 0 * w[:2])))
    torch.testing.assert_close(made(more).task, found.task)
    torch.testing.assert_close(made(more).classes, found.classes)


@pytest.mark.parametrize("make_pool", POOLS)
def test_no_unlabelled_items_are_zeros_and_a_flag(make_pool) -> None:
    made, (z, q, w) = encoder(make_pool()), items()
    seen: list[Tensor] = []
    made.task.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    without, absent = made(TaskSet(z[:4], q[:4], w[:4])), made(TaskSet(z, q, w * (q.sum(1) > 0)))
    torch.testing.assert_close(without.task, absent.task)
    for given in seen:
        assert (given[6:12] == 0).all()
        assert given[13:].tolist() == [0, 0]


def test_nothing_at_all_is_finite() -> None:
    for make_pool in POOLS:
        made, (z, q, w) = encoder(make_pool()), items()
        found = made(TaskSet(z.requires_grad_(), q, 0 * w))
        (slope,) = torch.autograd.grad(found.task.sum() + found.classes.sum(), z)
        assert slope.isfinite().all()


def test_relations_against_loops() -> None:
    torch.manual_seed(0)
    made, (z, q, w) = RelationEncoder(4, 3, 0.1).double(), items()
    found = made(TaskSet(z, q, w), 4)
    e = [made.item(row) for row in z]
    code = [sum(w[j] * made.relation(torch.cat((e[i], e[j]))) for j in range(7)) / w.sum() for i in range(4)]
    classes = torch.stack([(code[0] + 0.25 * code[3]) / 1.25, code[1], (code[2] + 0.25 * code[3]) / 1.25])
    torch.testing.assert_close(found.mean, classes[:, :3])
    torch.testing.assert_close(found.std, 0.1 * classes[:, 3:].exp())
