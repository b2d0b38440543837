"""The set encoders against loops."""

import pytest
import torch
from torch import Tensor

from metassl.learners.amortised.set_encoder import (
    AttentionPool,
    MeanPool,
    RelationEncoder,
    SetEncoder,
    TaskSet,
)
from metassl.learners.amortised.set_encoder import Pool as SetPool
from metassl.outcomes.regression import Regression
from metassl.tasks.spec import TaskSpec
from tests.support.numbers import random


def encoder(pool: SetPool) -> SetEncoder:
    torch.manual_seed(0)
    return SetEncoder(4, 6, 5, pool).double()


def items(seed: int = 0) -> TaskSet:
    """Four labelled items of three classes, one of them half in two classes, and three unlabelled ones."""
    q = torch.zeros(7, 3).double()
    q[0, 0] = q[1, 1] = q[2, 2] = 1
    q[3, 0] = q[3, 2] = 0.5
    return task(random(7, 4, seed=seed), q, torch.tensor([1, 1, 1, 0.5, 1, 1, 0.3]).double())


def task(z: Tensor, q: Tensor, w: Tensor) -> TaskSet:
    """With the rows of zeros as those without a label."""
    return TaskSet(z, q, w, (q.sum(1) > 0).to(w.dtype))


POOLS = [MeanPool, lambda: AttentionPool(6, 3)]


@pytest.mark.parametrize("make_pool", POOLS)
def test_encoder_against_loops(make_pool) -> None:
    made, (z, q, w, _) = encoder(make_pool()), items()
    found = made(task(z, q, w))
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
    whole = made.task(torch.cat((pooled(range(4)), pooled(range(4, 7)), counts)))
    torch.testing.assert_close(found.task, whole)
    first = (e[0] + 0.25 * e[3]) / 1.25
    torch.testing.assert_close(found.outputs, torch.stack((first, e[1], (e[2] + 0.25 * e[3]) / 1.25)))


def test_values_are_read_with_their_items() -> None:
    """e_j = MLP([z_j, y_j]) with y = 0 in U; the embedding of an output is the mean over S."""
    torch.manual_seed(0)
    spec = TaskSpec(way=2, input_shape=(4,), outcome=Regression())
    made = SetEncoder(4, 6, 5, task=spec).double()
    z, known = random(7, 4), torch.tensor([1, 1, 1, 1, 0, 0, 0]).double()
    y, w = random(7, 2, seed=1) * known.unsqueeze(1), torch.tensor([1, 1, 1, 0.5, 1, 1, 0.3]).double()
    found = made(TaskSet(z, y, w, known))
    e = [made.item(torch.cat(pair)) for pair in zip(z, y, strict=True)]
    s, u = (sum(w[j] * e[j] for j in rows) / sum(w[j] for j in rows) for rows in (range(4), range(4, 7)))
    counts = torch.tensor([1 + 3.5, 1 + 2.3, torch.e]).double().log()
    torch.testing.assert_close(found.task, made.task(torch.cat((s, u, counts))))
    torch.testing.assert_close(found.outputs, s.expand(2, -1))


@pytest.mark.parametrize("make_pool", POOLS)
def test_order_names_and_rows_without_weight(make_pool) -> None:
    made, (z, q, w, _) = encoder(make_pool()), items()
    found = made(task(z, q, w))
    order, names = torch.randperm(7, generator=torch.Generator().manual_seed(0)), torch.tensor([1, 2, 0])
    mixed = made(task(z[order], q[order], w[order]))
    torch.testing.assert_close(mixed.task, found.task)
    torch.testing.assert_close(mixed.outputs, found.outputs)
    renamed = made(task(z, q[:, names], w))
    torch.testing.assert_close(renamed.task, found.task)
    torch.testing.assert_close(renamed.outputs, found.outputs[names])
    more = task(torch.cat((z, 1e3 * random(2, 4))), torch.cat((q, q[[0, 6]])), torch.cat((w, 0 * w[:2])))
    torch.testing.assert_close(made(more).task, found.task)
    torch.testing.assert_close(made(more).outputs, found.outputs)


@pytest.mark.parametrize("make_pool", POOLS)
def test_no_unlabelled_items_are_zeros_and_a_flag(make_pool) -> None:
    made, (z, q, w, _) = encoder(make_pool()), items()
    seen: list[Tensor] = []
    made.task.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    without, absent = made(task(z[:4], q[:4], w[:4])), made(task(z, q, w * (q.sum(1) > 0)))
    torch.testing.assert_close(without.task, absent.task)
    for given in seen:
        assert (given[6:12] == 0).all()
        assert given[13:].tolist() == [0, 0]


def test_nothing_at_all_is_finite() -> None:
    for make_pool in POOLS:
        made, (z, q, w, _) = encoder(make_pool()), items()
        found = made(task(z.requires_grad_(), q, 0 * w))
        (slope,) = torch.autograd.grad(found.task.sum() + found.outputs.sum(), z)
        assert slope.isfinite().all()


def test_relations_against_loops() -> None:
    torch.manual_seed(0)
    made, (z, q, w, _) = RelationEncoder(4, 3, 0.1).double(), items()
    found = made(task(z, q, w), 4)
    e = [made.item(row) for row in z]
    code = [sum(w[j] * made.relation(torch.cat((e[i], e[j]))) for j in range(7)) / w.sum() for i in range(4)]
    classes = torch.stack([(code[0] + 0.25 * code[3]) / 1.25, code[1], (code[2] + 0.25 * code[3]) / 1.25])
    torch.testing.assert_close(found.mean, classes[:, :3])
    torch.testing.assert_close(found.std, 0.1 * classes[:, 3:].exp())
