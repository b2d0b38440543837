"""Graphs, label propagation and Poisson learning; and what holds for all graph and clustering objectives."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.semi_supervised import LabelSpreading
from torch import Tensor
from torch.func import grad

from metassl.data.pool import Pool
from metassl.engine.outer import Unrolled
from metassl.engine.tasks import Loop, Vmap
from metassl.errors import ConfigError
from metassl.graphs import affinity, connected, normalised
from metassl.ssl.base import Context, SSLObjective
from metassl.ssl.gmm import GMM
from metassl.ssl.label_propagation import LabelPropagation
from metassl.ssl.masked_soft_kmeans import MaskedSoftKMeans
from metassl.ssl.poisson import Poisson, potential
from metassl.ssl.random_walk import RandomWalk
from metassl.ssl.sinkhorn import Sinkhorn
from metassl.ssl.soft_kmeans_cluster import SoftKMeansCluster
from tests.engine.test_tasks import TRAIN, episodes, flat, gradient_learner, head_learner
from tests.tasks import WAY, D, S, U, context, make_term, random

OBJECTIVES: dict[str, Callable[[], SSLObjective]] = {
    "label_propagation": lambda: LabelPropagation(0.8, 3, "entropy"),
    "poisson": lambda: Poisson(3, 0.5, 0.01),
    "random_walk": lambda: RandomWalk(2, 0.7, 1.0, 0.1),
    "sinkhorn": lambda: Sinkhorn("uniform", 0.5, 6),
    "sinkhorn_predicted": lambda: Sinkhorn("predicted", 0.5, 6),
    "soft_kmeans_cluster": lambda: SoftKMeansCluster(3.0),
    "masked_soft_kmeans": lambda: MaskedSoftKMeans(20, 0.5),
    "gmm_isotropic": lambda: GMM("isotropic", 2, 1.0, 0.01),
    "gmm_diagonal": lambda: GMM("diagonal", 2, 1.0, 0.01),
}


def made(name: str) -> SSLObjective:
    torch.manual_seed(0)
    return OBJECTIVES[name]().double()


def outcome(objective: SSLObjective, given: Context, count: int = U) -> Tensor:
    """The penalty, or the first rows of the labels with the padding's weight taken out, as one tensor."""
    term = make_term(objective, from_step=0)
    labels = term.label(given)
    if labels is None:
        return torch.as_tensor(term.penalty(given))
    return torch.cat((labels.q, labels.weight.unsqueeze(-1)), dim=-1)[:count]


# --- the graph ---


def naive_affinity(x: np.ndarray, k: int) -> np.ndarray:
    n = len(x)
    d = np.array([[np.linalg.norm(x[i] - x[j]) for j in range(n)] for i in range(n)])
    order = [[j for j in np.argsort(d[i]) if j != i][:k] for i in range(n)]
    sigma = [d[i, order[i][-1]] for i in range(n)]
    w = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if j in order[i] or i in order[j]:
                w[i, j] = np.exp(-(d[i, j] ** 2) / (sigma[i] * sigma[j]))
    return w


@pytest.mark.parametrize("k", [1, 3, 12, 50])
def test_affinity_against_numpy(k: int) -> None:
    x = random(13, D)
    w = affinity(x, torch.ones(13).double(), k)
    torch.testing.assert_close(w, torch.from_numpy(naive_affinity(x.numpy(), k)))
    torch.testing.assert_close(affinity(1e4 * x, torch.ones(13).double(), k), w)


@pytest.mark.parametrize("k", [2, 12])
def test_affinity_leaves_out_points_without_weight(k: int) -> None:
    x, weight = random(13, D), torch.ones(13).double()
    weight[[2, 5, 12]] = 0
    kept = weight > 0
    w = affinity(x, weight, k)
    torch.testing.assert_close(w[kept][:, kept], torch.from_numpy(naive_affinity(x[kept].numpy(), k)))
    assert w[~kept].abs().sum() == w[:, ~kept].abs().sum() == 0
    assert normalised(w).isfinite().all()
    assert (affinity(x, weight * 0, k) == 0).all()


def test_equal_points_and_lonely_points_give_no_nan() -> None:
    x = torch.zeros(5, D).double().requires_grad_()
    w = affinity(x, torch.ones(5).double(), 2)
    assert w.sum() == 20  # all are as near as can be
    slope = torch.autograd.grad(normalised(w).square().sum(), x)[0]
    assert slope.isfinite().all()


# --- label propagation ---


def spread_by(objective: LabelPropagation, s: Tensor, u: Tensor) -> Tensor:
    return objective.label(context({"plain": u}, support=s)).q


@pytest.mark.parametrize("alpha", [0.2, 0.8])
def test_label_propagation_against_scikit_learn(alpha: float) -> None:
    s, u = random(S, D, seed=3), random(12, D, seed=4)
    q = spread_by(LabelPropagation(alpha, 5, "one"), s, u)
    x, y = np.concatenate((s.numpy(), u.numpy())), np.array([*(np.arange(S) % WAY), *[-1] * 12])
    other = LabelSpreading(kernel=lambda a, b: naive_affinity(a, 5), alpha=alpha, max_iter=2000, tol=1e-14)
    other.fit(x, y)
    torch.testing.assert_close(q, torch.from_numpy(other.label_distributions_[S:]), rtol=1e-9, atol=1e-9)


def test_label_propagation_against_its_series() -> None:
    """(I - αA)⁻¹ Y = Σ_t α^t A^t Y; and the weight is 1 - H/log N."""
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    w = naive_affinity(np.concatenate((s.numpy(), u.numpy())), 4)
    a = w / np.sqrt(np.outer(w.sum(0), w.sum(0)))
    f = y = np.concatenate((np.eye(WAY)[np.arange(S) % WAY], np.zeros((U, WAY))))
    for _ in range(400):
        f = 0.8 * a @ f + y
    q = f[S:] / f[S:].sum(1, keepdims=True)
    labels = LabelPropagation(0.8, 4, "entropy").label(context({"plain": u}, support=s))
    torch.testing.assert_close(labels.q, torch.from_numpy(q))
    torch.testing.assert_close(labels.weight, torch.from_numpy(1 + (q * np.log(q)).sum(1) / np.log(WAY)))
    assert not labels.q.requires_grad


def test_an_image_that_no_label_reaches_is_worth_nothing() -> None:
    s = random(S, D, seed=3)
    u = torch.cat((random(3, D, seed=4), 1e3 + 0.1 * random(4, D, seed=5)))
    labels = LabelPropagation(0.9, 2, "one").label(context({"plain": u}, support=s))
    assert labels.weight.tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert (labels.q[3:] == 1 / WAY).all()


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("alpha", lambda: LabelPropagation(1.0, 3, "one")),
        ("neighbours", lambda: LabelPropagation(0.8, 0, "one")),
        ("neighbours", lambda: Poisson(0, 0.5, 0.01)),
        ("temperature", lambda: Poisson(3, 0.0, 0.01)),
        ("background", lambda: Poisson(3, 0.5, 0.0)),
        ("reg", lambda: Sinkhorn("uniform", 0.0, 5)),
        ("radius", lambda: SoftKMeansCluster(0.0)),
        ("shrinkage", lambda: GMM("diagonal", 1, 0.0, 0.01)),
    ],
)
def test_numbers_that_can_not_work_are_one_line(key: str, make: Callable[[], SSLObjective]) -> None:
    with pytest.raises(ConfigError, match=rf"^ssl.objective.{key}: found [\d.]+, allowed: .*\.$"):
        make()


def test_an_unknown_confidence_is_one_line() -> None:
    with pytest.raises(
        ConfigError, match=r"^ssl.objective.confidence: found 'entropi'. Did you mean 'entropy'"
    ):
        LabelPropagation(0.8, 3, "entropi")


# --- Poisson learning ---


def poisson_graph(x: Tensor, k: int, share: float) -> np.ndarray:
    w = naive_affinity(x.numpy(), k)
    n = len(w)
    return w + share * w.sum() / n**2 * (1 - np.eye(n))


def naive_potential(w: np.ndarray, y: np.ndarray) -> np.ndarray:
    degree = w.sum(1)
    source = np.zeros((len(w), WAY))
    for j, label in enumerate(y):
        source[j] = np.eye(WAY)[label] - np.eye(WAY)[y].mean(0)
    u = np.linalg.pinv(np.diag(degree) - w) @ source
    return u - (degree[:, None] * u).sum(0) / degree.sum()


def test_poisson_against_the_pseudo_inverse() -> None:
    s, u = random(S, D, seed=3), random(12, D, seed=4)
    y = np.array([0, 1, 2, 0, 0, 1])  # unequal shots
    w = poisson_graph(torch.cat((s, u)), 4, 0.01)
    expected = naive_potential(w, y)
    rows = torch.cat((torch.eye(WAY)[y], torch.zeros(12, WAY))).double()
    found = potential(torch.from_numpy(w), rows, torch.ones(S + 12).double(), torch.ones(S).double())
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-8, atol=1e-10)
    given = context({"plain": u}, support=s, support_y=torch.from_numpy(y))
    p = np.exp(expected[S:] / 0.4 / np.sqrt((expected[S:] ** 2).mean()))
    labels = Poisson(4, 0.4, 0.01).label(given)
    torch.testing.assert_close(labels.q, torch.from_numpy(p / p.sum(1, keepdims=True)))
    sharp = Poisson(4, 1e-4, 0.01).label(given).q
    assert (sharp.argmax(-1).numpy() == expected[S:].argmax(1)).all()
    assert sharp.amax(-1).min() > 0.99


def test_poisson_is_the_limit_of_the_papers_iteration() -> None:
    """Algorithm 1: U ← U + D⁻¹(B - L U), whose steps keep Σ d u = 0."""
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    w = poisson_graph(torch.cat((s, u)), 4, 0.05)
    y = np.arange(S) % WAY
    degree, b, found = w.sum(1, keepdims=True), np.zeros((S + U, WAY)), np.zeros((S + U, WAY))
    b[:S] = np.eye(WAY)[y] - 1 / WAY
    for _ in range(3000):
        found = found + (b - (degree * found - w @ found)) / degree
    np.testing.assert_allclose(found, naive_potential(w, y), atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_poisson_on_a_graph_in_pieces(dtype: torch.dtype) -> None:
    """A far piece without labels is undecided, a far piece with a label has it; nothing explodes."""
    s = torch.cat((random(S - 1, D, seed=3), 1e3 + random(1, D, seed=6)))  # the last has label 2
    alone = -1e3 + 0.1 * random(4, D, seed=5)
    u = torch.cat((1e3 + 0.1 * random(3, D, seed=4), alone))
    given = context({"plain": u.to(dtype)}, support=s.to(dtype))
    q = Poisson(2, 0.5, 0.01).label(given).q
    assert (q[:3].argmax(-1) == 2).all()
    assert (q[:3].amax(-1) > q[3:].amax(-1).max()).all()
    w = connected(affinity(torch.cat((s, u)), torch.ones(13).double(), 2), torch.ones(13).double(), 0.01)
    assert np.linalg.eigvalsh(torch.diag(w.sum(1)).numpy() - w.numpy())[1] > 1e-3


# --- what holds for all objectives of the two families ---


@pytest.mark.parametrize("name", OBJECTIVES)
def test_padding_has_no_influence(name: str) -> None:
    """Rows of weight 0 in U and S, and a class that the task lacks."""
    objective = made(name)
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    y = torch.tensor([0, 1, 0, 1, 0, 1])
    mask = torch.tensor([True, True, False])
    wide = {
        "views": {"plain": torch.cat((u, 5 * random(3, D, seed=7)))},
        "support": torch.cat((s, 9 * random(2, D, seed=8))),
        "support_y": torch.cat((y, torch.tensor([2, 0]))),
        "weight": torch.cat((torch.ones(U), torch.zeros(3))).double(),
        "support_weight": torch.cat((torch.ones(S), torch.zeros(2))).double(),
        "class_mask": mask,
    }

    def logits(z: Tensor, params: object) -> Tensor:
        return z[:, :WAY].masked_fill(~mask, torch.finfo(z.dtype).min / 8)

    plain = outcome(objective, context({"plain": u}, s, class_mask=mask, support_y=y, logits=logits))
    padded = outcome(objective, context(**wide, logits=logits))
    torch.testing.assert_close(padded, plain)
    if plain.dim():
        assert (plain[:, 2] == 0).all()
        torch.testing.assert_close(plain[:, :WAY].sum(-1), torch.ones(U).double())
        rest = make_term(objective).label(context(**wide, logits=logits))
        assert rest.q.isfinite().all()
        assert (rest.weight[U:] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_image_at_all_gives_zero_not_nan(name: str, dtype: torch.dtype) -> None:
    objective = made(name).to(dtype)
    u = random(U, D, seed=4).to(dtype).requires_grad_()
    weight, ones = torch.zeros(U, dtype=dtype), torch.ones(S, dtype=dtype)
    given = context({"plain": u}, random(S, D).to(dtype), weight, support_weight=ones, stop_gradient=False)
    loss = make_term(objective, from_step=0, stop_gradient=False).loss(given)
    assert loss == 0
    assert (torch.autograd.grad(loss, u)[0] == 0).all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_order_and_names_mean_nothing(name: str) -> None:
    objective = made(name)
    s, u, y = random(S, D, seed=3), random(U, D, seed=4), torch.arange(S) % WAY
    order, names, back = torch.randperm(S), torch.tensor([2, 0, 1]), torch.tensor([1, 2, 0])
    rows = torch.randperm(U)
    plain = outcome(objective, context({"plain": u}, s))

    def renamed(z: Tensor, params: object) -> Tensor:
        return z[:, :WAY][:, back]

    found = outcome(
        objective, context({"plain": u[rows]}, s[order], support_y=names[y[order]], logits=renamed)
    )
    if plain.dim():
        plain = torch.cat((plain[:, :WAY][:, back], plain[:, WAY:]), dim=-1)[rows]
    torch.testing.assert_close(found, plain)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_loss_is_smooth_twice(name: str) -> None:
    """With no stop-gradient, the term's loss has the slopes of differences, of both orders."""
    objective = made(name)
    for p in objective.parameters():
        p.data.zero_()  # the masks' networks read constants: with other weights they hide a slope
    views, s = random(4, 2, seed=4).requires_grad_(), random(S, 2, seed=3).requires_grad_()

    def loss(u: Tensor, s: Tensor) -> Tensor:
        def logits(z: Tensor, params: object) -> Tensor:
            return torch.stack((z[:, 0], z[:, 1], z[:, 0] * z[:, 1]), dim=-1)

        given = context({"plain": u}, s, stop_gradient=False, logits=logits)
        return make_term(objective, from_step=0, stop_gradient=False).loss(given)

    assert torch.autograd.gradcheck(loss, (views, s))
    assert torch.autograd.gradgradcheck(loss, (views, s))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_options_may_be_learned(name: str) -> None:
    """Each option that `hparams` names works as a tensor, gives the same value and has a gradient."""
    objective = made(name)
    given = context({"plain": random(U, D, seed=4)}, random(S, D, seed=3))
    term = make_term(objective, from_step=0)
    plain = term.loss(given)
    for option in objective.hparams:
        number = getattr(objective, option)
        value = torch.tensor(number).double().requires_grad_()
        setattr(objective, option, value)
        loss = term.loss(given)
        torch.testing.assert_close(loss, plain)
        assert torch.autograd.grad(loss, value)[0].abs() > 1e-8
        setattr(objective, option, number)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_float32_is_enough_in_many_dimensions(name: str) -> None:
    objective = made(name)
    x, s = 2 * random(25, 64, seed=4), random(5, 64, seed=3)
    x[:, 40:], s[:, 40:] = 0, 0  # dead features
    y = torch.tensor([0, 1, 2, 0, 1])
    ones = torch.ones(25)
    single = context({"plain": x.float()}, s.float(), ones, support_weight=ones[:5], support_y=y)
    found = outcome(objective.float(), single, 25)
    exact = outcome(objective.double(), context({"plain": x}, support=s, support_y=y), 25)
    assert found.isfinite().all()
    torch.testing.assert_close(found.double(), exact, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_loop_and_vmap_agree(tiny_pool: Pool, make, name: str) -> None:
    ssl = make_term(made(name), "both", weight=0.7, refit_weight=0.6, outer_weight=0.3)
    learner = make("support", ssl)
    tasks = episodes(tiny_pool, ssl, 2)
    one, _ = Unrolled(Loop())(learner, learner.theta(), tasks, TRAIN)
    many, _ = Unrolled(Vmap(2))(learner, learner.theta(), tasks, TRAIN)
    torch.testing.assert_close(flat(many), flat(one), rtol=1e-8, atol=1e-8)
    assert flat(one).isfinite().all()


def test_grad_is_there_for_vmap() -> None:
    """The linear systems have second derivatives under torch.func, too."""
    x, y = random(6, 2), torch.cat((torch.eye(3), torch.zeros(3, 3))).double()

    def loss(x: Tensor) -> Tensor:
        w = connected(affinity(x, torch.ones(6).double(), 3), torch.ones(6).double(), 0.1)
        return potential(w, y, torch.ones(6).double(), torch.ones(3).double()).square().sum()

    slope = grad(lambda x: grad(loss)(x).square().sum())(x)
    h, way = 1e-5, random(6, 2, seed=5)
    ahead, behind = (grad(loss)(x + sign * h * way).square().sum() for sign in (1, -1))
    torch.testing.assert_close((slope * way).sum(), (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-6)
