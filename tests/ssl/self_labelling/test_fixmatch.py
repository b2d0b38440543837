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


def naive_flex(p: np.ndarray, tau: float, best: float = 0.0) -> list[float]:
    """By eq. 6 and 12, with the largest σ of the task or of the stream."""
    sigma = [sum(row.max() >= tau and row.argmax() == c for row in p) / len(p) for c in range(WAY)]
    beta = [s / max(*sigma, best) for s in sigma]
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


MOMENTUM = 0.9


def stream(rule: str, tau: float = 0.6) -> tuple[FixMatch, list[list[np.ndarray]]]:
    """An objective after four outer steps of two tasks of three inner steps each, and the probabilities of each."""
    objective = FixMatch(rule, tau, MOMENTUM).double()
    seen: list[list[np.ndarray]] = []
    for outer in range(4):
        reports, seen = [], [*seen, []]
        for task in range(2):
            memory: Memory = {}
            for k in range(3):
                given = context(views(seed=100 * outer + 10 * task + k, scale=1.0 + outer + k))
                memory = advanced(objective, replace(given, memory=memory)).memory
                seen[-1].append(softmax(given.unlabelled.views["weak"].numpy()[:, :WAY]))
            reports.append(objective.report(memory)["threshold"])
        objective.after_tasks({"threshold": torch.stack(reports).mean(0)})
    return objective, seen


def followed(values: list[np.ndarray]) -> np.ndarray:
    """An exponential moving average that starts as its first value."""
    average = values[0]
    for value in values[1:]:
        average = MOMENTUM * average + (1 - MOMENTUM) * value
    return average


def new_task() -> tuple[Context, np.ndarray]:
    given = context(views(seed=8, scale=0.8))
    return given, softmax(given.unlabelled.views["weak"].numpy()[:, :WAY])


def test_mechanism_flex_follows_the_best_class_over_tasks() -> None:
    """By eq. 6 and 12 over a stream: the weights of a new task are not all 1, nor those of its own images alone."""
    objective, seen = stream("flex", 0.6)

    def best(p: np.ndarray) -> float:
        return max(sum(r.max() >= 0.6 and r.argmax() == c for r in p) / len(p) for c in range(WAY))

    level = followed([np.array([np.mean([best(p) for p in step])]) for step in seen])
    close(objective.rule.level, level)
    given, p = new_task()
    weight = objective.label(given).weight
    close(weight, naive_flex(p, 0.6, float(level[0])))
    alone = naive_flex(p, 0.6)
    assert 0 < sum(alone) < float(weight.sum()) < N  # a task of which little is sure has lower bars


def test_mechanism_free_follows_the_confidence_over_tasks() -> None:
    """By eq. 5 to 8: a predictor that was surer in the tasks before keeps less of a new one."""
    objective, seen = stream("free")
    level = followed([np.array([np.mean([row.max() for p in step for row in p])]) for step in seen])
    close(objective.rule.level, level)
    given, p = new_task()
    share = p.mean(0)
    bars = level[0] * share / share.max()
    weight = objective.label(given).weight
    close(weight, [float(row.max() >= bars[row.argmax()]) for row in p])
    assert 0 < float(weight.sum()) < float(fixmatch("free").label(given).weight.sum()) < N


def test_mechanism_soft_follows_mean_and_spread_over_tasks() -> None:
    """By eq. 8 to 10. The weights spread; from the start values of the paper, 1/N and 1, none is below 0.84."""
    objective, seen = stream("soft")
    sure = [np.array([row.max() for p in step for row in p]) for step in seen]
    mean, var = followed([np.array([s.mean(), s.var()]) for s in sure])
    close(objective.rule.level, [mean, var])
    given, p = new_task()
    weight = objective.label(given).weight
    close(weight, [1.0 if s >= mean else np.exp(-((s - mean) ** 2) / (2 * var)) for s in p.max(1)])
    assert float(weight.min()) < 0.3
    assert len({round(float(w), 3) for w in weight}) > N / 2
    at_the_start = FixMatch("soft", momentum=MOMENTUM).double()
    at_the_start.after_tasks({"threshold": torch.tensor([1.0, 1 / WAY, 1 / WAY**2 + 1.0]).double()})
    assert float(at_the_start.label(given).weight.min()) >= 0.84


@pytest.mark.parametrize("rule", ["flex", "free", "soft"])
def test_what_is_followed_is_only_read_in_a_task(rule: str) -> None:
    """A checkpoint brings it back to the bit, and labels and memory of a task leave it as it is."""
    objective, _ = stream(rule)
    before = {name: x.clone() for name, x in objective.state_dict().items()}
    again = FixMatch(rule, 0.6, MOMENTUM).double()
    again.load_state_dict(before)
    given, _ = new_task()
    assert torch.equal(first(again, given).weight, first(objective, given).weight)
    assert all(torch.equal(x, before[name]) for name, x in objective.state_dict().items())
    assert not FixMatch("fixed").state_dict()
    assert objective.report({}) == {}


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
