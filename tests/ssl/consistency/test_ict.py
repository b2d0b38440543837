"""ICT against numpy, and at the ends of its line."""

from metassl.data.pool import Pool
from metassl.ssl.mixing import random_partners, symmetric_beta
from tests.support.contexts import WAY, U, given_task
from tests.support.numbers import close, softmax
from tests.support.objectives import ict
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing


def test_against_numpy() -> None:
    objective = ict()
    given = given_task(objective)
    share = symmetric_beta(given.random[:, :4], 0.75).numpy()
    partner = random_partners(given.random[:, 4], given.weight).tolist()
    assert partner != list(range(U))
    x = given.unlabelled.views["plain"].numpy()
    p = softmax(x[:, :WAY])
    total = 0.0
    for i, j in enumerate(partner):
        mixed = softmax((share[i] * x[i] + (1 - share[i]) * x[j])[None, :WAY])[0]
        total += ((mixed - share[i] * p[i] - (1 - share[i]) * p[j]) ** 2).sum()
    close(objective.penalty(given), total / U)


def test_ict_is_zero_at_the_ends_of_the_line() -> None:
    """α -> 0 mixes nothing, and the teacher of a first step is the student."""
    penalty = ict(1e-4).penalty(given_task(ict(1e-4)))
    assert penalty < 1e-12 < ict(1.0).penalty(given_task(ict(1.0)))


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(ict())
    engines_agree(tiny_pool, lambda: lambda parameters: ict(parameters=parameters))


def test_without_u_ict_is_zero() -> None:
    assert no_weight(ict()) == 0


def test_mechanism_only_mixed_images_cost_something() -> None:
    """The teacher of a first step is the student: with α = 0.01 nothing is mixed, and nothing asked for."""
    costs = [float(ict(alpha).penalty(given_task(ict(alpha)))) for alpha in (1.0, 0.01)]
    assert costs[0] > 0.001
    assert costs[0] > 1e6 * costs[1]
