"""UDA against a loop, and what its views and its sharpening do."""

import pytest
import torch

from metassl.data.pool import Pool
from metassl.ssl.self_labelling.uda import UDA
from tests.support.contexts import WAY, given_task
from tests.support.numbers import close, softmax
from tests.support.objectives import fixmatch
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing
from tests.support.terms import make_term


def uda(threshold: float = 0.6, temperature: float = 0.4) -> UDA:
    return UDA(threshold=threshold, temperature=temperature)


@pytest.mark.parametrize("temperature", [0.4, 1.0])
def test_against_loops(temperature: float) -> None:
    given = given_task(uda())
    labels = uda(0.6, temperature).label(given)
    for p, q, w in zip(softmax(given.logits("weak").numpy()), labels.q, labels.weight, strict=True):
        powers = [float(x) ** (1 / temperature) for x in p]
        close(q, [x / sum(powers) for x in powers])
        assert float(w) == (max(p) >= 0.6)
    assert labels.view == "strong"


def test_a_low_temperature_is_fixmatch() -> None:
    given = given_task(uda())
    ours, theirs = uda(0.6, 1e-3).label(given), fixmatch("fixed", 0.6).label(given)
    torch.testing.assert_close(ours.q, theirs.q.double())
    assert torch.equal(ours.weight, theirs.weight)


def test_mechanism_labels_of_the_weak_view_are_learned_on_the_strong_one() -> None:
    """Only the strong view has a slope, and it goes towards the label; T = 1 without views asks for nothing."""
    given = given_task(uda())
    z = {name: x.clone().requires_grad_() for name, x in given.unlabelled.views.items()}
    from dataclasses import replace

    seen = replace(given, predictor=replace(given.predictor, views=z), _known={})
    loss = torch.as_tensor(make_term(uda(0.0), from_step=0).loss(seen))
    weak, strong = torch.autograd.grad(loss, (z["weak"], z["strong"]), allow_unused=True)
    assert weak is None
    q = uda(0.0).label(given).q
    away = q - given.logits("strong").softmax(-1)
    close(strong[:, :WAY], -away / len(q))
    same = replace(
        seen,
        predictor=replace(given.predictor, views={**z, "strong": z["weak"].detach().requires_grad_()}),
        _known={},
    )
    flat = torch.as_tensor(make_term(uda(0.0, 1.0), from_step=0).loss(same))
    (slope,) = torch.autograd.grad(flat, same.predictor.views["strong"])
    assert slope.abs().max() < 1e-12


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(uda())
    assert no_weight(uda()) == 0
    engines_agree(tiny_pool, lambda: uda(0.4))
