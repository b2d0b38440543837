"""What makes no difference to any graph or clustering objective, and which options they refuse."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from metassl.errors import ConfigError
from metassl.ssl.base import SSLObjective
from metassl.ssl.graph.label_propagation import LabelPropagation
from metassl.ssl.graph.poisson import Poisson
from metassl.ssl.self_labelling.gmm import GMM
from metassl.ssl.self_labelling.sinkhorn import Sinkhorn
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from metassl.ssl.self_labelling.soft_kmeans_cluster import SoftKMeansCluster
from tests.support.contexts import WAY, D, S, U, context
from tests.support.graph_and_cluster import GRAPH_AND_CLUSTER, made, outcome
from tests.support.numbers import random
from tests.support.terms import make_term


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("alpha", lambda: LabelPropagation(1.0, 3, "one")),
        ("neighbours", lambda: LabelPropagation(0.8, 0, "one")),
        ("neighbours", lambda: Poisson(0, 0.5, 0.01)),
        ("temperature", lambda: Poisson(3, 0.0, 0.01)),
        ("background", lambda: Poisson(3, 0.5, 0.0)),
        ("reg", lambda: Sinkhorn("uniform", 0.0, 5)),
        ("radius", lambda: SoftKMeansCluster(0.0, 1)),
        ("iterations", lambda: SoftKMeansCluster(1.0, 0)),
        ("iterations", lambda: SoftKMeans(0)),
        ("shrinkage", lambda: GMM("diagonal", 1, 0.0, 0.01)),
    ],
)
def test_numbers_that_can_not_work_are_one_line(key: str, make: Callable[[], SSLObjective]) -> None:
    with pytest.raises(ConfigError, match=rf"^ssl.objective.{key}: found [\d.]+, allowed is .*\.$"):
        make()


@pytest.mark.parametrize("name", GRAPH_AND_CLUSTER)
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
@pytest.mark.parametrize("name", GRAPH_AND_CLUSTER)
def test_no_image_at_all_gives_zero_not_nan(name: str, dtype: torch.dtype) -> None:
    objective = made(name).to(dtype)
    u = random(U, D, seed=4).to(dtype).requires_grad_()
    weight, ones = torch.zeros(U, dtype=dtype), torch.ones(S, dtype=dtype)
    given = context({"plain": u}, random(S, D).to(dtype), weight, support_weight=ones, stop_gradient=False)
    loss = make_term(objective, from_step=0, stop_gradient=False).loss(given)
    assert loss == 0
    assert (torch.autograd.grad(loss, u)[0] == 0).all()


@pytest.mark.parametrize("name", GRAPH_AND_CLUSTER)
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
