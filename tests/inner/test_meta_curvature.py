"""Meta-Curvature against MAML, against its equation in loops, and in training where curvature matters."""

from dataclasses import replace
from functools import partial
from itertools import product
from math import prod

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.data.pool import Pool
from metassl.engine.vmap import Vmap
from metassl.inner.base import MakeInner
from metassl.inner.meta_curvature import MetaCurvature
from metassl.learners.gradient.learner import GradientLearner
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.calls import TRAIN, adapt, outer_gradients
from tests.support.contexts import context
from tests.support.differences import slope_along
from tests.support.episodes import episodes
from tests.support.learners import Flat, Smooth, gradient_learner, sgd
from tests.support.numbers import assert_same, close, random
from tests.support.objectives import OBJECTIVES
from tests.support.terms import term

LOSS = torch.tensor(0.0)


def build(norm: str, ssl: SSLTerm, inner: MakeInner = MetaCurvature) -> GradientLearner:
    """A small network of convolutions, norms and a linear head whose matrices are not the identity."""
    learner = gradient_learner(norm, ssl, make_backbone=Smooth, inner=inner)
    stir(learner.inner)
    return learner


def stir(inner: MetaCurvature) -> None:
    """Matrices that mix everything with everything: the identity and a third of a random one."""
    for k, p in enumerate(inner.parameters()):
        p.data += 0.3 * random(*p.shape, seed=k)


def moved(inner: MetaCurvature, p: Tensor, g: Tensor) -> Tensor:
    return inner.update({"x": g}, None, {"x": p}, 0, LOSS)[0]["x"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (4,), (3, 5), (4, 3, 5), (4, 3, 3, 3), (2, 3, 2, 2, 2)])
def test_the_identity_is_sgd_to_the_last_digit(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    p, g = (random(prod(shape), seed=k).reshape(shape).to(dtype) for k in range(2))
    found = moved(MetaCurvature({"x": p}, 0.1), p, g)
    assert found.dtype == dtype
    assert torch.equal(found, p - 0.1 * g)


def test_the_identity_is_mamls_adaptation_to_the_last_digit(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    ours = gradient_learner("batch", ssl, inner=MetaCurvature)
    maml = gradient_learner("batch", ssl, inner=sgd(0.1, 1))
    maml.inner.rates.data.fill_(0.1)  # 0.1 in float64
    theta = {n: p for n, p in ours.theta().items() if not n.startswith("inner.")}
    expected = adapt(maml, task, TRAIN, theta={**maml.theta(), **theta}).overlay
    assert_same(adapt(ours, task, TRAIN).overlay, expected, 0.0)


def test_sixteen_bits_do_not_round_the_gradient() -> None:
    p, g = random(4, 3, 3, 3).float(), random(4, 3, 3, 3, seed=1).float()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(moved(MetaCurvature({"x": p}, 0.1), p, g), p - 0.1 * g)


def test_a_convolution_against_loops() -> None:
    """MC(G)_oihw = Σ M_o,oa M_i,ib M_f,(hw)(uv) G_abuv, one number after the other."""
    shape = (3, 2, 2, 3)
    p, g = random(*shape), random(*shape, seed=1)
    inner = MetaCurvature({"x": p}, 0.5)
    stir(inner)
    outputs, inputs, places = (m["x"].detach().numpy() for m in (inner.outputs, inner.inputs, inner.places))
    assert (outputs.shape, inputs.shape, places.shape) == ((3, 3), (2, 2), (6, 6))
    expected = p.numpy().copy()
    for o, i, h, w in product(*map(range, shape)):
        for a, b, u, v in product(*map(range, shape)):
            factor = outputs[o, a] * inputs[i, b] * places[3 * h + w, 3 * u + v]
            expected[o, i, h, w] -= 0.5 * factor * float(g[a, b, u, v])
    close(moved(inner, p, g), expected)
    assert np.abs(expected - (p - 0.5 * g).numpy()).max() > 0.1


def test_a_linear_layer_has_two_matrices_and_a_vector_has_factors() -> None:
    params = {"head.weight": random(3, 5), "head.bias": random(3)}
    inner = MetaCurvature(params, 0.5)
    stir(inner)
    assert {name: tuple(p.shape) for name, p in inner.named_parameters()} == {
        "outputs.head/weight": (3, 3), "inputs.head/weight": (5, 5), "factors.head/bias": (3,),
    }  # fmt: skip
    found, _ = inner.update(params, None, params, 0, LOSS)
    weight, bias = params["head.weight"], params["head.bias"]
    mixed = inner.outputs["head.weight"] @ weight @ inner.inputs["head.weight"].T
    close(found["head.weight"].detach(), (weight - 0.5 * mixed).detach())
    close(found["head.bias"].detach(), ((1 - 0.5 * inner.factors["head.bias"]) * bias).detach())


def test_outer_gradient_of_the_matrices_against_differences(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    learner = build("batch", ssl)
    tasks = episodes(tiny_pool, ssl, 2)
    for kind in ("outputs", "inputs", "places", "factors"):
        found, expected, gradients = slope_along(
            learner, tasks, lambda name, kind=kind: name.startswith(f"inner.{kind}.")
        )
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
        assert gradients
        assert all(g.any() for g in gradients.values())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    assert_engines_agree(build, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")


# Where curvature matters: four of five features tell the classes apart, and the first is ten times as large, all noise.
FEATURES, ROWS, TASKS, STEPS = 5, 6, 8, 60
UNITS = torch.tensor([10.0, 1, 1, 1, 1]).double()
KNOWN = torch.tensor([0.0, 1, 1, 1, 1]).double()


def uneven_tasks(first: int, count: int) -> Episode:
    """A meta-batch of tasks with two supports and two queries of each of three classes."""
    y, made = torch.arange(ROWS) % 3, []
    for seed in range(first, first + count):
        centres, noise = random(3, FEATURES, seed=2 * seed), random(2, ROWS, FEATURES, seed=2 * seed + 1)
        support, query = (KNOWN * centres[y] + 0.5 * noise) * UNITS
        given = context({"plain": support}, support=support, support_y=y)
        made.append(replace(given.episode, query_x=query))
    return tree_map(lambda *parts: torch.stack(parts), *made)


def trained(rate: float, learned: bool) -> GradientLearner:
    """ANIL on these tasks after 60 steps of Adam, which moves the matrices or leaves them the identity."""
    learner = gradient_learner(
        "group", term(NoObjective(), "inner"), make_backbone=lambda norm: Flat(FEATURES, norm), steps=3,
        inner=partial(MetaCurvature, rate=rate), adapt=("head.",),
    )  # fmt: skip
    taught = {n: p for n, p in learner.theta().items() if learned or not n.startswith("inner.")}
    adam = torch.optim.Adam(taught.values(), 0.02)
    for k in range(STEPS):
        gradients, _ = outer_gradients(learner, uneven_tasks(TASKS * k, TASKS), TRAIN, Vmap(TASKS))
        for name, p in taught.items():
            p.grad = gradients[name]
        adam.step()
    return learner


def query_loss(learner: GradientLearner) -> float:
    """Over 200 tasks that training has not met."""
    _, scores = outer_gradients(learner, uneven_tasks(10_000, 200), TRAIN, Vmap(50))
    return float(scores["loss"])


def test_learned_matrices_help_where_curvature_is_uneven() -> None:
    """After 60 outer steps the query loss is 0.64 (ln 3 = 1.10 knows nothing); the same seeds with the identity
    reach 1.07, and 1.06 with the rate that suits them best. M_i of the large feature went from 1 to 0.0, of
    the others to 2.2: the step that the data ask for, not one rate for all."""
    learner = trained(0.03, learned=True)
    found = query_loss(learner)
    assert found < 0.75
    for rate in (0.03, 0.1):
        twin = trained(rate, learned=False)
        assert query_loss(twin) > found + 0.3
        assert torch.equal(twin.inner.inputs["head.weight"], torch.eye(FEATURES).double())
    diagonal = learner.inner.inputs["head.weight"].detach().diagonal()
    assert diagonal[0].abs() < 0.1
    assert diagonal[1:].min() > 2.0
