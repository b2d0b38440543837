"""The threshold rules against loops over images and classes, and over inner steps."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.ssl.base import SoftLabels
from metassl.ssl.context import Context, Memory
from metassl.ssl.self_labelling.fixmatch import FixMatch
from metassl.ssl.self_labelling.thresholds import RULES
from tests.support.contexts import WAY, D, advanced, context
from tests.support.numbers import close, random, softmax
from tests.support.objectives import fixmatch
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing

N = 24


def views(seed: int = 0, scale: float = 2.0) -> dict[str, Tensor]:
    weak = scale * random(N, D, seed=seed)
    weak[:, 0] += 0.8  # classes of different sizes
    return {"weak": weak, "strong": random(N, D, seed=seed + 50)}


def first(objective: FixMatch, given: Context) -> SoftLabels:
    """The labels of a first inner step."""
    return objective.label(advanced(objective, given))


def naive_fixed(p: np.ndarray, tau: float) -> list[float]:
    return [float(max(row) >= tau) for row in p]


def naive_flex(p: np.ndarray, tau: float) -> list[float]:
    sigma = [sum(row.max() >= tau and row.argmax() == c for row in p) for c in range(WAY)]
    beta = [s / max(max(sigma), len(p) - sum(sigma)) for s in sigma]
    bars = [tau * b / (2 - b) for b in beta]
    return [float(row.max() >= bars[row.argmax()]) for row in p]


@pytest.mark.parametrize("tau", [0.5, 0.8, 0.95])
@pytest.mark.parametrize(("rule", "naive"), [("fixed", naive_fixed), ("flex", naive_flex)])
def test_rules_of_one_step_against_loops(rule: str, naive: Callable, tau: float) -> None:
    given = views()
    labels = first(fixmatch(rule, tau), context(given))
    p = softmax(given["weak"].numpy()[:, :WAY])
    close(labels.weight, naive(p, tau))
    close(labels.q, np.eye(WAY)[p.argmax(1)])
    assert labels.view == "strong"


def test_flex_lowers_the_bar_of_a_class_that_is_less_sure() -> None:
    """Class 0 has many sure images, class 1 one, and one at 0.7, which the fixed rule leaves out."""
    weak = torch.zeros(8, D, dtype=torch.float64)
    weak[:5, 0] = 9.0
    weak[5, 1] = 9.0
    weak[6, 1] = np.log(2 * 0.7 / 0.3)
    weak[7, 0] = np.log(2 * 0.7 / 0.3)
    given = {"weak": weak, "strong": weak}
    assert first(fixmatch("fixed", 0.9), context(given)).weight.tolist() == [1] * 6 + [0, 0]
    assert first(fixmatch("flex", 0.9), context(given)).weight.tolist() == [1] * 7 + [0]


def steps(rule: str, momentum: float) -> tuple[list[np.ndarray], list[Tensor]]:
    """The probabilities and the weights of four inner steps of one task."""
    objective = FixMatch(rule, 0.9, momentum)
    memory: Memory = {}
    ps, weights = [], []
    for k in range(4):
        given = replace(context(views(seed=k, scale=1.0 + k)), memory=memory)
        given = advanced(objective, given)
        weights.append(objective.label(given).weight)
        memory = given.memory
        ps.append(softmax(given.unlabelled.views["weak"].numpy()[:, :WAY]))
    return ps, weights


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_free_against_loops(momentum: float) -> None:
    ps, weights = steps("free", momentum)
    bar, share = 1 / WAY, np.full(WAY, 1 / WAY)
    for p, weight in zip(ps, weights, strict=True):
        bar = momentum * bar + (1 - momentum) * np.mean([max(row) for row in p])
        share = momentum * share + (1 - momentum) * np.array([p[:, c].mean() for c in range(WAY)])
        bars = bar * share / share.max()
        close(weight, [float(row.max() >= bars[row.argmax()]) for row in p])
        assert 0 < weight.sum() <= N


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_soft_against_loops(momentum: float) -> None:
    ps, weights = steps("soft", momentum)
    mean, var = 1 / WAY, 1.0
    for p, weight in zip(ps, weights, strict=True):
        sure = p.max(1)
        mean = momentum * mean + (1 - momentum) * sure.mean()
        var = momentum * var + (1 - momentum) * sure.var(ddof=1)
        close(weight, [1.0 if s >= mean else np.exp(-((s - mean) ** 2) / (2 * var)) for s in sure])


@pytest.mark.parametrize("rule", RULES)
def test_names_of_classes_do_not_matter(rule: str) -> None:
    given, order = views(), [1, 2, 0]
    other = {name: torch.cat((x[:, order], x[:, WAY:]), 1) for name, x in given.items()}
    here, there = (first(fixmatch(rule, 0.8), context(v)) for v in (given, other))
    close(there.weight, here.weight)
    close(there.q, here.q[:, order])


@pytest.mark.parametrize("rule", RULES)
def test_a_missing_class_is_as_if_it_were_not(rule: str) -> None:
    """One inner step of a two-way task gives the weights of a task whose head has two outputs."""
    given = views()
    two = {name: x[:, :2] for name, x in given.items()}
    mask = torch.tensor([True, True, False])
    gone = torch.tensor([False, False, True])
    low = torch.finfo(torch.float64).min / 8
    wide = context(given, class_mask=mask, logits=lambda z, _: z[:, :WAY].masked_fill(gone, low))
    narrow = context(two, class_mask=mask[:2], support=random(6, 2))
    found = first(fixmatch(rule, 0.8), wide)
    expected = first(fixmatch(rule, 0.8), narrow)
    close(found.weight, expected.weight)
    close(found.q[:, :2], expected.q)


@pytest.mark.parametrize("rule", ["fixed", "flex"])
def test_a_learned_threshold_has_a_gradient(rule: str) -> None:
    objective = fixmatch(rule, 0.8)
    tau = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    objective.threshold = tau
    (slope,) = torch.autograd.grad(first(objective, context(views())).weight.sum(), tau)
    totals = []
    for h in (-1e-5, 1e-5):
        objective.threshold = torch.tensor(0.8 + h, dtype=torch.float64)
        totals.append(first(objective, context(views())).weight.sum())
    torch.testing.assert_close(slope, (totals[1] - totals[0]) / 2e-5, rtol=1e-4, atol=1e-6)


def test_a_wrong_rule_is_one_line() -> None:
    with pytest.raises(
        ConfigError, match=r"ssl\.objective\.rule: found 'flexx'\. Did you mean 'flex'\?"
    ) as e:
        fixmatch("flexx", 0.8)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("rule", RULES)
def test_padding_and_engines(tiny_pool: Pool, rule: str) -> None:
    padding_is_nothing(fixmatch(rule, 0.6))
    assert no_weight(fixmatch(rule, 0.6)) == 0
    engines_agree(tiny_pool, lambda: fixmatch(rule, 0.4))
