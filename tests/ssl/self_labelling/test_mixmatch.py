"""MixMatch against numpy, and what flows through its guesses."""

import numpy as np
import torch

from metassl.data.pool import Pool
from metassl.ssl.context import Context
from metassl.ssl.mixing import symmetric_beta
from metassl.ssl.self_labelling.mixmatch import EACH, MixMatch
from tests.support.contexts import WAY, D, S, U, context, draws_of, given_task
from tests.support.numbers import close, random, softmax
from tests.support.objectives import mixmatch
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing


def naive_mixmatch(given: Context, alpha: float, temperature: float, lam: float) -> float:
    views = [given.unlabelled.views[name].numpy() for name in ("first", "second")]
    mean = (softmax(views[0][:, :WAY]) + softmax(views[1][:, :WAY])) / 2
    guess = mean ** (1 / temperature)
    guess /= guess.sum(1, keepdims=True)
    s = given.episode.support_x.numpy()
    x = np.concatenate((s, *views))
    q = np.concatenate((np.eye(WAY)[given.episode.support_y.numpy()], guess, guess))
    numbers = np.concatenate(
        (given.random[:S, 2 * EACH :], given.random[:, :EACH], given.random[:, EACH : 2 * EACH])
    )
    order = np.argsort(numbers[:, 4])
    ce, error = 0.0, 0.0
    for i, j in enumerate(order):
        share = float(symmetric_beta(torch.from_numpy(numbers[i, :4]), alpha))
        share = max(share, 1 - share)
        p = softmax((share * x[i] + (1 - share) * x[j])[None, :WAY])[0]
        target = share * q[i] + (1 - share) * q[j]
        if i < S:
            ce -= (target * np.log(p)).sum() / S
        else:
            error += ((target - p) ** 2).sum() / WAY / (2 * U)
    return ce + lam * error


def test_against_numpy() -> None:
    objective = mixmatch()
    given = given_task(objective)
    close(objective.penalty(given), naive_mixmatch(given, 0.75, 0.5, 3.0))


def test_mixmatch_guesses_are_constants_unless_told_otherwise() -> None:
    """At one T the gradients differ only by what flows through the guess."""
    found = []
    for stop in (True, False):
        views = {n: random(U, D, seed=k).requires_grad_() for k, n in enumerate(("first", "second"))}
        given = context(views, draws=draws_of(mixmatch(), U), stop_gradient=stop)
        guess = mixmatch()._guess(given)
        assert guess.requires_grad != stop
        found.append(guess.detach())
    close(found[0], found[1])


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(mixmatch())
    engines_agree(tiny_pool, mixmatch)


def test_without_u_mixmatch_is_mixup_of_the_support() -> None:
    assert no_weight(mixmatch()) == no_weight(mixmatch(100.0)) > 0


def test_mechanism_u_counts_by_its_guessed_labels() -> None:
    """λ_u = 0 leaves mixup of S and U's slope at nothing but what S is mixed with; guesses that are surer cost more."""
    costs = []
    for temperature in (0.25, 1.0):
        objective = MixMatch(0.75, temperature, 3.0)
        costs.append(float(objective.penalty(given_task(objective))))
    alone = MixMatch(0.75, 0.5, 0.0)
    costs.append(float(alone.penalty(given_task(alone))))
    assert costs[0] > costs[1] + 0.05
    assert costs[1] > costs[2] + 0.05
