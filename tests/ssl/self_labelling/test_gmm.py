"""EM against scikit-learn, its likelihood, and soft k-means as a special case."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor

from metassl.errors import ConfigError
from metassl.ssl.self_labelling.gmm import GMM, Mixture, log_joint, responsibilities
from tests.support.contexts import WAY, D, S, U, context
from tests.support.numbers import random
from tests.support.objectives import soft_kmeans

LIVE = torch.ones(WAY, dtype=torch.bool)
FORMS = ["isotropic", "diagonal"]


def points() -> tuple[Tensor, Tensor, Tensor]:
    """S, then 30 points of U near the same centres; labels; the start's means."""
    centres = 2 * torch.eye(WAY, D).double()
    x = torch.cat((centres.repeat(2, 1), centres.repeat(10, 1))) + 0.7 * random(36, D)
    y = torch.cat((torch.eye(WAY).repeat(2, 1), torch.zeros(30, WAY))).double()
    return x, y, torch.stack([x[c:S:WAY].mean(0) for c in range(WAY)])


@pytest.mark.parametrize(("form", "name"), [("isotropic", "spherical"), ("diagonal", "diag")])
def test_steps_against_scikit_learn(form: str, name: str) -> None:
    """No labels, no prior of the variances: the same E and M steps."""
    x, _, means = points()
    other = GaussianMixture(
        WAY, covariance_type=name, means_init=means.numpy(), weights_init=np.full(WAY, 1 / WAY),
        precisions_init=np.full(WAY, 1.0) if name == "spherical" else np.ones((WAY, D)),
        reg_covar=0, max_iter=200, tol=1e-12,
    ).fit(x.numpy())  # fmt: skip
    objective, ones = GMM(form, 1, 1e-12, 0.0), torch.ones(36).double()
    mixture = Mixture(torch.full((WAY,), 1 / WAY).double(), means, torch.ones(WAY, D).double())
    for _ in range(other.n_iter_):
        mixture = objective.maximise(
            x, responsibilities(x, mixture, LIVE), ones, torch.ones(D).double(), LIVE
        )
    torch.testing.assert_close(mixture.prior, torch.from_numpy(other.weights_), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(mixture.means, torch.from_numpy(other.means_), rtol=1e-6, atol=1e-6)
    variances = other.covariances_[:, None] if name == "spherical" else other.covariances_
    torch.testing.assert_close(
        mixture.variances, torch.from_numpy(variances).expand(WAY, D), rtol=1e-5, atol=1e-6
    )
    expected = torch.from_numpy(other.score_samples(x.numpy()))
    torch.testing.assert_close(log_joint(x, mixture).logsumexp(-1), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("supports", [3, 6])
def test_every_step_raises_the_penalised_likelihood(form: str, supports: int) -> None:
    """With labels held fast; the start is far from the top, so that the first steps have much to gain."""
    x, y, _ = points()
    y[supports:] = 0
    x[:6] += 1.5 * random(6, D, seed=7)
    w = torch.cat((torch.ones(supports), torch.linspace(0.2, 1, 36 - supports))).double()

    def height(iterations: int) -> float:
        objective = GMM(form, iterations, 2.0, 0.01)
        _, scale = objective.start(x, y, w, LIVE)
        mixture = objective.fit(x, y, w, LIVE, supports)
        joint = log_joint(x, mixture)
        labelled = (w[:supports] * (joint * y)[:supports].sum(-1)).sum()
        rest = (w[supports:] * joint[supports:].logsumexp(-1)).sum()
        prior = (mixture.variances.log() + scale / mixture.variances).sum()
        return float(labelled + rest - objective.shrinkage / 2 * prior)

    heights = [height(k) for k in range(25)]
    assert (np.diff(heights) > -1e-9).all()
    assert heights[1] - heights[0] > 1
    assert heights[-1] - heights[-2] < 0.01


def test_one_e_step_with_variance_one_half_is_soft_kmeans() -> None:
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    means = torch.stack([s[c::WAY].mean(0) for c in range(WAY)])
    mixture = Mixture(torch.full((WAY,), 1 / WAY).double(), means, torch.full((WAY, D), 0.5).double())
    expected = soft_kmeans().label(context({"plain": u}, s)).q
    torch.testing.assert_close(responsibilities(u, mixture, LIVE), expected)


@pytest.mark.parametrize("form", FORMS)
def test_the_scale_of_the_features_means_nothing(form: str) -> None:
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    labels = [GMM(form, 4, 1.0, 0.01).label(context({"plain": c * u}, c * s)).q for c in (1.0, 1e3)]
    torch.testing.assert_close(labels[0], labels[1])


def test_diagonal_variances_find_the_feature_that_tells() -> None:
    """One feature separates the classes, three are loud noise: only `diagonal` sees through it."""
    y = torch.arange(60) % WAY
    u = 4 * random(60, D, seed=4)
    u[:, 0] = 3.0 * y + 0.1 * random(60, seed=5)
    s = torch.zeros(WAY, D).double()
    s[:, 0] = 3.0 * torch.arange(WAY)
    right = {}
    for form in FORMS:
        given = context({"plain": u}, s, support_y=torch.arange(WAY))
        q = GMM(form, 10, 1.0, 0.0).label(given).q
        right[form] = float((q.argmax(-1) == y).double().mean())
    assert right["diagonal"] == 1
    assert right["isotropic"] < 0.9


@pytest.mark.parametrize("form", FORMS)
def test_one_shot_and_equal_points_give_finite_labels(form: str) -> None:
    s = random(WAY, D)
    for u in (s.repeat(2, 1), torch.zeros(6, D).double()):
        given = context(
            {"plain": u.float()},
            s.float(),
            torch.ones(6),
            support_weight=torch.ones(WAY),
            support_y=torch.arange(WAY),
        )
        q = GMM(form, 20, 0.5, 0.01).label(given).q
        assert q.isfinite().all()
    zero = context(
        {"plain": torch.zeros(6, D)},
        torch.zeros(WAY, D),
        torch.ones(6),
        support_weight=torch.ones(WAY),
        support_y=torch.arange(WAY),
    )
    torch.testing.assert_close(GMM(form, 5, 1.0, 0.01).label(zero).q, torch.full((6, WAY), 1 / WAY))


def test_uniform_weights_stay_equal_and_a_missing_class_has_none() -> None:
    x, y, _ = points()
    live = torch.tensor([True, True, False])
    y[:, 2] = 0
    mixture = GMM("isotropic", 3, 1.0, 0.01, "uniform").fit(x, y, torch.ones(36).double(), live, S)
    torch.testing.assert_close(mixture.prior, torch.tensor([0.5, 0.5, 0]).double())


def test_an_unknown_covariance_is_one_line() -> None:
    with pytest.raises(
        ConfigError, match=r"^ssl.objective.covariance: found 'full'. Allowed: diagonal, isotropic.$"
    ):
        GMM("full", 1, 1.0, 0.01)
