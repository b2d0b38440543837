"""What every head must do with rows, classes, tasks and engines."""

import pytest
import torch

from metassl.data.pool import Pool
from metassl.engine.vmap import Vmap
from metassl.heads.prototypes import Prototypes
from tests.support.agreement import assert_agree, assert_cut_is_same
from tests.support.contexts import D
from tests.support.episodes import episodes, narrow
from tests.support.heads import HEADS, INDUCTIVE, make_head, soft_rows
from tests.support.learners import head_learner
from tests.support.numbers import random
from tests.support.objectives import pseudo_label, soft_kmeans
from tests.support.terms import term

QUERIES = random(5, D, seed=7)


@pytest.mark.parametrize("name", HEADS)
def test_rows_of_weight_0_have_no_part(name: str) -> None:
    head, (z, q, w) = make_head(name), soft_rows()
    expected = head.logits(head.fit(z, q, w), QUERIES)
    more = torch.cat((z, 30 * random(4, D, seed=3)))
    labels, none = torch.cat((q, q[:4])), torch.cat((w, torch.zeros(4).double()))
    torch.testing.assert_close(
        head.logits(head.fit(more, labels, none), QUERIES), expected, rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("name", HEADS)
def test_order_of_the_rows_and_names_of_the_classes_make_no_difference(name: str) -> None:
    head, (z, q, w) = make_head(name), soft_rows()
    order, names = torch.randperm(len(z)), torch.tensor([2, 0, 1])
    expected = head.logits(head.fit(z, q, w), QUERIES)
    found = head.logits(head.fit(z[order], q[order][:, names], w[order]), QUERIES)
    torch.testing.assert_close(found, expected[:, names], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", HEADS)
def test_labels_count(name: str) -> None:
    """Not only the features: other labels give other logits, and so do other weights."""
    head, (z, q, w) = make_head(name), soft_rows()
    expected = head.logits(head.fit(z, q, w), QUERIES)
    for changed in (head.fit(z, q.flip(0), w), head.fit(z, q, w.flip(0))):
        assert (head.logits(changed, QUERIES) - expected).abs().max() > 1e-4


@pytest.mark.parametrize("name", HEADS)
def test_a_class_without_rows_gives_no_nan(name: str) -> None:
    head, (z, q, w) = make_head(name), soft_rows()
    z, q, w = (
        z.requires_grad_(),
        torch.cat((q[:, :2], torch.zeros_like(q[:, :1])), -1).requires_grad_(),
        w.requires_grad_(),
    )
    logits = head.logits(head.fit(z, q, w), QUERIES)
    assert logits.isfinite().all()
    for gradient in torch.autograd.grad(logits.sum(), (z, q, w)):
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", HEADS)
def test_features_and_weights_of_0_give_no_nan(name: str) -> None:
    """ReLU can leave a feature vector of zeros."""
    head, (_, q, w) = make_head(name), soft_rows()
    z, w = torch.zeros(len(q), D).double().requires_grad_(), (w * (w > 0.5)).requires_grad_()
    logits = head.logits(head.fit(z, q, w), torch.zeros_like(QUERIES))
    assert logits.isfinite().all()
    for gradient in torch.autograd.grad(logits.square().sum(), (z, w)):
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", INDUCTIVE)
def test_a_query_does_not_see_the_others(name: str) -> None:
    head, rows = make_head(name), soft_rows()
    state = head.fit(*rows)
    alone = torch.cat([head.logits(state, z.unsqueeze(0)) for z in QUERIES])
    assert not head.transductive
    torch.testing.assert_close(head.logits(state, QUERIES), alone, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", HEADS)
def test_gradients_against_differences(name: str) -> None:
    """To the features, soft labels and weights of the rows, and to the queries."""
    head, (z, q, w) = make_head(name), soft_rows(6)
    inputs = tuple(x.clone().requires_grad_() for x in (z, q, w, QUERIES))
    assert torch.autograd.gradcheck(
        lambda z, q, w, x: head.logits(head.fit(z, q, w), x), inputs, fast_mode=True
    )


@pytest.mark.parametrize("narrow", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", HEADS)
def test_runs_under_autocast(name: str, narrow: torch.dtype) -> None:
    """16-bit features of a mixed-precision run; the logits stay near those of float32."""
    head, (z, q, w) = make_head(name).float(), soft_rows()
    z, q, w, x = z.to(narrow), q.float(), w.float(), QUERIES.to(narrow)
    expected = head.logits(head.fit(z.float(), q, w), x.float())
    with torch.autocast("cpu", narrow):
        found = head.logits(head.fit(z, q, w), x)
    torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.1)


def test_prototypes_are_exact_under_autocast() -> None:
    """Only the features are rounded, neither their means nor the distances."""
    head, (z, q, w) = Prototypes(), (x.float() for x in soft_rows())
    z, x = z.bfloat16(), QUERIES.bfloat16()
    expected = head.logits(head.fit(z.float(), q, w), x.float())
    with torch.autocast("cpu", torch.bfloat16):
        found = head.logits(head.fit(z, q, w), x)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("objective", [lambda: pseudo_label(0.4), soft_kmeans])
@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("name", HEADS)
def test_loop_and_vmap_agree(tiny_pool: Pool, name: str, norm: str, objective) -> None:
    """With U labelled by an objective and refitted, on tasks of 2 and of 3 classes."""
    ssl = term(objective())
    learner = head_learner(norm, ssl, head=HEADS[name])
    tasks = episodes(tiny_pool, ssl, 3, way=[2, 3])
    assert tasks.padded
    one, _ = assert_agree(learner, tasks, (Vmap(2),))
    parameters = [name for name in one if name.startswith("head.")]
    assert not parameters or max(one[name].abs().max() for name in parameters) > 0
    assert learner.transductive == (norm == "batch" or name == "tpn")


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("name", INDUCTIVE)
def test_padding_changes_nothing(tiny_pool: Pool, name: str, norm: str) -> None:
    """A padded task gives the gradient of the same task with the padding cut off."""
    ssl = term(soft_kmeans())
    learner = head_learner(norm, ssl, head=HEADS[name], rounds=1)
    tasks = episodes(tiny_pool, ssl, 8, way=[2, 3], shot=[1, 2], distractors=0)
    assert_cut_is_same(learner, narrow(tasks), 1e-7, 1e-9)
