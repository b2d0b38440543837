"""What holds of the plainest objectives: padding has no part in them, and the context computes once."""

import pytest
import torch
from torch import Tensor

from metassl.ssl.base import SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from tests.support.contexts import WAY, D, U, context
from tests.support.numbers import close, random
from tests.support.objectives import pseudo_label, soft_kmeans
from tests.support.terms import make_term


def test_no_objective_has_neither() -> None:
    given = context({"plain": random(U, D)})
    assert NoObjective().label(given) is None
    assert NoObjective().penalty(given) is None
    assert not NoObjective.views


@pytest.mark.parametrize("objective", [Consistency(), pseudo_label(0.5), soft_kmeans(), soft_kmeans(3)])
def test_padding_of_u_has_no_influence(objective: SSLObjective) -> None:
    """Rows of weight 0 change neither the others' labels nor the loss."""
    term = make_term(objective, from_step=0)
    views = {name: random(U, D, seed=k) for k, name in enumerate(objective.views)}
    padded = {name: torch.cat((v, 5 * random(3, D, seed=7))) for name, v in views.items()}
    weight = torch.cat((torch.ones(U), torch.zeros(3))).double()
    plain, wide = context(views), context(padded, weight=weight)
    close(term.loss(wide), float(term.loss(plain)))
    labels, wide_labels = term.label(plain), term.label(wide)
    assert (labels is None) == (wide_labels is None)
    if labels is not None and wide_labels is not None:
        close(wide_labels.q[:U], labels.q)
        close(wide_labels.weight, torch.cat((labels.weight, torch.zeros(3))))


def test_all_padding_gives_zero_not_nan() -> None:
    for objective in (Consistency(), pseudo_label(0.0), soft_kmeans(2)):
        term = make_term(objective, from_step=0)
        views = {name: random(U, D) for name in objective.views}
        assert term.loss(context(views, weight=torch.zeros(U).double())) == 0


def test_context_computes_once() -> None:
    calls: list[str] = []

    def logits(z: Tensor, params: object) -> Tensor:
        calls.append("classify")
        return z[:, :WAY]

    given = context({"plain": random(U, D)}, logits=logits)
    for _ in range(2):
        given.logits("plain"), given.features("plain"), given.support_logits(), given.support_features()
    assert calls == ["classify"] * 2
