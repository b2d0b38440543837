"""iMAML against the gradient of an inner loop unrolled to its end."""

from functools import partial

import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.learners.base import Scores
from metassl.learners.gradient.imaml import ImplicitMAML
from metassl.learners.gradient.learner import GradientLearner
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.calls import TRAIN, outer_gradient, outer_loss
from tests.support.episodes import episodes
from tests.support.learners import WHOLE, Smooth, gradient_learner, sgd
from tests.support.numbers import flat
from tests.support.objectives import OBJECTIVES, OMEGA, EntropyOfOmega
from tests.support.terms import term


class UnrolledMAML(ImplicitMAML):
    """The same inner problem, differentiated through every step."""

    def order_at(self, stage: Stage) -> int:
        return 2

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        return GradientLearner.outer_loss(self, episode, stage)


def build(
    norm: str,
    ssl: SSLTerm,
    kind: type[ImplicitMAML] = ImplicitMAML,
    steps: int = 3,
    cg_steps: int = 3,
    adapt: tuple[str, ...] = WHOLE,
    make_backbone=Smooth,
    rate: float = 0.012,
    proximity: float = 60.0,
    cg_shift: float = 0.0,
    cg_damping: float = 0.0,
) -> ImplicitMAML:
    return gradient_learner(
        norm, ssl, None, make_backbone, kind=kind, inner=sgd(rate, 1, learned=False), steps=steps,
        adapt=adapt, proximity=proximity, cg_steps=cg_steps, cg_shift=cg_shift, cg_damping=cg_damping,
    )  # fmt: skip


@pytest.mark.parametrize("at", ["inner", "both"])
@pytest.mark.parametrize("adapt", [("backbone.", "head."), ("head.",)])
def test_implicit_gradient_is_that_of_the_unrolled_loop(
    tiny_pool: Pool, adapt: tuple[str, ...], at: str
) -> None:
    """In φ's own start, in the backbone that stays, and in the objective's meta-parameter.

    ρ = 200 makes the inner problem convex and its gradient descent converge; 60 does not on every task.
    """
    ssl = term(EntropyOfOmega(), at=at)
    task = episodes(tiny_pool, ssl, 1).task(0)
    make = partial(build, "group", ssl, steps=50, cg_steps=20, adapt=adapt, rate=1 / 300, proximity=200.0)
    found, expected = (outer_gradient(make(kind), task) for kind in (ImplicitMAML, UnrolledMAML))
    assert set(found) == set(expected)
    assert expected[OMEGA].abs() > 1e-5
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-6, atol=1e-10)


def test_damping_is_added_to_the_system(tiny_pool: Pool) -> None:
    """((1 + c) I + H/(ρ + δ)) v = g, with H from the whole matrix; φ and g as without it."""
    ssl = term(NoObjective(), at="inner")
    task = episodes(tiny_pool, ssl, 1).task(0)
    make = partial(build, "group", ssl, steps=4, cg_steps=25, adapt=("head.",), proximity=3.0, rate=0.02)
    plain, damped = make(cg_steps=40), make(cg_shift=1.5, cg_damping=7.0, cg_steps=40)
    names = ("head.weight", "head.bias")
    ours, exact = (flat({n: outer_gradient(m, task)[n] for n in names}) for m in (damped, plain))
    start = plain.start(task, plain.anchor(task, TRAIN), TRAIN)
    inner = plain.inner_task(start, task, TRAIN)
    *_, end = plain.loop(inner).run(start)
    shapes = {n: end.phi[n].shape for n in sorted(names)}

    def loss(vector: Tensor) -> Tensor:
        parts = vector.split([s.numel() for s in shapes.values()])
        phi = {n: p.view(s) for (n, s), p in zip(shapes.items(), parts, strict=True)}
        return plain._inner(inner, end, phi)

    hessian = torch.autograd.functional.hessian(loss, flat(end.phi).detach())
    eye = torch.eye(len(exact)).double()
    g = (eye + hessian / 3) @ exact
    torch.testing.assert_close((2.5 * eye + hessian / 10) @ ours, g, rtol=1e-6, atol=1e-9)


def test_mechanism_curvature_matters_in_the_converged_inner_problem(tiny_pool: Pool) -> None:
    """Where the inner problem is solved, the implicit gradient is the unrolled loop's, and the first-order one
    (no conjugate-gradient step knows the curvature) is a tenth of its length off."""
    ssl = term(NoObjective(), at="inner")
    task = episodes(tiny_pool, ssl, 1).task(0)
    make = partial(build, "group", ssl, steps=200, adapt=("head.",), proximity=2.0, rate=0.1)
    unrolled = flat(outer_gradient(make(UnrolledMAML), task))
    exact, flat_space = (flat(outer_gradient(make(cg_steps=n), task)) for n in (20, 1))
    assert (exact - unrolled).norm() < 1e-3 * unrolled.norm()
    assert (flat_space - unrolled).norm() > 0.1 * unrolled.norm()


def test_what_is_left_of_the_inner_gradient_is_logged(tiny_pool: Pool) -> None:
    """It falls with the steps, and to 0 in the convex problem of the head."""
    ssl = term(NoObjective(), at="inner")
    task = episodes(tiny_pool, ssl, 1).task(0)
    make = partial(build, "group", ssl, adapt=("head.",), proximity=2.0, rate=0.1)
    left = [float(outer_loss(make(steps=n), task, TRAIN)[1]["inner_gradient"]) for n in (0, 4, 200)]
    assert left[0] > left[1] > left[2]
    assert left[2] < 1e-6 * left[0]


def test_the_path_leaves_no_graph(tiny_pool: Pool) -> None:
    """Memory doesn't grow with the steps: the graph of the loss has as many nodes for 1 as for 6."""
    ssl = term(OBJECTIVES["consistency"](), at="inner")
    task = episodes(tiny_pool, ssl, 1).task(0)

    def nodes(steps: int, make: type[ImplicitMAML]) -> int:
        learner = build("batch", ssl, make, steps=steps)
        seen, todo = set(), [outer_loss(learner, task, TRAIN)[0].grad_fn]
        while todo:
            node = todo.pop()
            if node is not None and node not in seen:
                seen.add(node)
                todo += [next_node for next_node, _ in node.next_functions]
        return len(seen)

    assert nodes(1, ImplicitMAML) == nodes(6, ImplicitMAML)
    assert nodes(1, UnrolledMAML) < nodes(6, UnrolledMAML)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    assert_engines_agree(build, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")
