"""iMAML against the gradient of an inner loop unrolled to its end, and CG against a dense solver."""

from functools import partial

import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.inner.sgd import SGD
from metassl.learners.base import Scores, Theta
from metassl.learners.gradient.imaml import ImplicitMAML
from metassl.learners.gradient.learner import GradientLearner
from metassl.numerics.implicit import conjugate_gradient, hessian, mixed
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage
from tests.engine.test_tasks import Smooth, episodes, term
from tests.learners.agreement import (
    OBJECTIVES,
    OMEGA,
    TRAIN,
    Entropy,
    assert_engines_agree,
    assert_padding_is_harmless,
)
from tests.learners.test_gradient import outer_gradient
from tests.tasks import SPEC, random


class UnrolledMAML(ImplicitMAML):
    """The same inner problem, differentiated through every step."""

    def order_at(self, stage: Stage) -> int:
        return 2

    def outer_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        return GradientLearner.outer_loss(self, theta, episode, stage)


def build(
    norm: str,
    ssl: SSLTerm,
    make: type[ImplicitMAML] = ImplicitMAML,
    steps: int = 3,
    cg_steps: int = 3,
    adapt: tuple[str, ...] = ("backbone.", "head."),
    make_backbone=Smooth,
    rate: float = 0.012,
    proximity: float = 60.0,
) -> ImplicitMAML:
    torch.manual_seed(0)
    inner = SGD(rate, 1, learned=False)
    return make(make_backbone(norm), ssl, SPEC, inner, steps, None, adapt, proximity, cg_steps).double()


@pytest.mark.parametrize("at", ["inner", "both"])
@pytest.mark.parametrize("adapt", [("backbone.", "head."), ("head.",)])
def test_implicit_gradient_is_that_of_the_unrolled_loop(
    tiny_pool: Pool, adapt: tuple[str, ...], at: str
) -> None:
    """In φ's own start, in the backbone that stays, and in the objective's meta-parameter.

    ρ = 200 makes the inner problem convex and its gradient descent converge; 60 does not on every task.
    """
    ssl = term(Entropy(), at=at)
    task = episodes(tiny_pool, ssl, 1).task(0)
    make = partial(build, "group", ssl, steps=50, cg_steps=20, adapt=adapt, rate=1 / 300, proximity=200.0)
    found, expected = (outer_gradient(make(kind), task) for kind in (ImplicitMAML, UnrolledMAML))
    assert set(found) == set(expected)
    assert expected[OMEGA].abs() > 1e-5
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-6, atol=1e-10)


def test_the_path_leaves_no_graph(tiny_pool: Pool) -> None:
    """Memory doesn't grow with the steps: the graph of the loss has as many nodes for 1 as for 6."""
    ssl = term(OBJECTIVES["consistency"](), at="inner")
    task = episodes(tiny_pool, ssl, 1).task(0)

    def nodes(steps: int, make: type[ImplicitMAML]) -> int:
        learner = build("batch", ssl, make, steps=steps)
        seen, todo = set(), [learner.outer_loss(learner.theta(), task, TRAIN)[0].grad_fn]
        while todo:
            node = todo.pop()
            if node is not None and node not in seen:
                seen.add(node)
                todo += [next_node for next_node, _ in node.next_functions]
        return len(seen)

    assert nodes(1, ImplicitMAML) == nodes(6, ImplicitMAML)
    assert nodes(1, UnrolledMAML) < nodes(6, UnrolledMAML)


def system(size: int = 9) -> tuple[Tensor, dict[str, Tensor]]:
    root = random(size, size)
    matrix = root @ root.T / size + torch.eye(size)
    return matrix, {"a": random(4, seed=1), "b": random(size - 4, seed=2)}


def test_conjugate_gradient_against_a_dense_solver() -> None:
    matrix, b = system()

    def product(v: dict[str, Tensor]) -> dict[str, Tensor]:
        out = matrix @ torch.cat((v["a"], v["b"]))
        return {"a": out[:4], "b": out[4:]}

    expected = torch.linalg.solve(matrix, torch.cat((b["a"], b["b"])))
    for steps in (9, 15):  # more steps than needed do no harm
        x = conjugate_gradient(product, b, steps)
        torch.testing.assert_close(torch.cat((x["a"], x["b"])), expected, rtol=1e-9, atol=1e-9)
    zero = {name: torch.zeros_like(v) for name, v in b.items()}
    assert all((v == 0).all() for v in conjugate_gradient(product, zero, 3).values())


def test_hessian_and_mixed_derivative_by_hand() -> None:
    """loss = ω·Σ x⁴: ∇² = 12ωx², ∂_ω ∇ = 4x³."""
    x, v, omega = {"x": random(5)}, {"x": random(5, seed=1)}, torch.tensor(0.7).double().requires_grad_()

    def loss(at: dict[str, Tensor]) -> Tensor:
        return omega * (at["x"] ** 4).sum()

    torch.testing.assert_close(hessian(loss, x)(v)["x"], 12 * omega * x["x"] ** 2 * v["x"])
    (slope,) = torch.autograd.grad(mixed(torch.func.grad(loss)(x), v), omega)
    torch.testing.assert_close(slope, (4 * x["x"] ** 3 * v["x"]).sum())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    assert_engines_agree(build, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")
