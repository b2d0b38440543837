"""AdaMatch against loops, and what its alignment and its relative threshold do."""

import numpy as np
import torch

from metassl.data.pool import Pool
from metassl.ssl.self_labelling.adamatch import AdaMatch, aligned
from tests.support.contexts import WAY, D, context, given_task
from tests.support.numbers import close, random, softmax
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing


def test_against_loops() -> None:
    given = given_task(AdaMatch())
    labels = AdaMatch(0.9).label(given)
    s, p = (softmax(x.numpy()) for x in (given.support_logits(), given.logits("weak")))
    ratio = s.mean(0) / p.mean(0)
    bar = 0.9 * np.mean([max(row) for row in s])
    for row, q, w in zip(p, labels.q, labels.weight, strict=True):
        expected = row * ratio / sum(row * ratio)
        close(q, expected)
        assert float(w) == (max(expected) >= bar)
    assert 0 < float(labels.weight.sum()) < len(p)
    assert labels.view == "strong"


def test_mechanism_alignment_gives_u_the_classes_of_the_support() -> None:
    """A predictor with a bias of 2 for class 0: 64% of U without the alignment; the excess over 33% is halved."""
    p = softmax((2 * random(3000, WAY) + torch.tensor([2.0, 0, 0])).numpy())
    p = torch.from_numpy(p)
    q = aligned(p, torch.full((WAY,), 1 / WAY).double(), p.mean(0))
    before, after = (float((x.argmax(-1) == 0).double().mean()) for x in (p, q))
    assert before > 0.6
    assert 0 < after - 1 / WAY < 0.55 * (before - 1 / WAY)
    close(aligned(p, p.mean(0), p.mean(0)), p)


def test_mechanism_the_threshold_follows_the_supports_confidence() -> None:
    """The same predictions of U pass where the support is as unsure, and don't where it is sure."""
    u = {"weak": 0.5 * random(40, D, seed=1), "strong": random(40, D, seed=2)}
    y = torch.arange(6) % WAY
    kept = [
        float(
            AdaMatch(0.9)
            .label(context(u, support=scale * torch.eye(D).double()[y], support_y=y))
            .weight.mean()
        )
        for scale in (0.5, 3.0)
    ]
    assert kept[0] > 0.5
    assert kept[1] == 0


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(AdaMatch())
    assert no_weight(AdaMatch()) == 0
    engines_agree(tiny_pool, lambda: AdaMatch(0.6))
