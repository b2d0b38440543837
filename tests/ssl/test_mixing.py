"""Mixing against numpy and scipy; and checks of padding and engines that the tests of other objectives share."""

import numpy as np
import pytest
import torch
from metassl.engine.outer import Unrolled
from scipy import stats
from torch import Tensor

from metassl.data.builder import EpisodeBuilder
from metassl.data.pool import Pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.views import AffineJitter
from metassl.engine.loop import Loop
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.ssl.base import SSLObjective
from metassl.ssl.consistency.ict import ICT
from metassl.ssl.context import Context
from metassl.ssl.mixing import for_support, mix, random_partners, sharpen, symmetric_beta
from metassl.ssl.self_labelling.mixmatch import EACH, MixMatch
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage
from tests.engine.test_tasks import doubled, flat, gradient_learner, head_learner, spec
from tests.ssl.test_objectives import close, softmax
from tests.tasks import SPEC, WAY, D, S, U, context, make_term, random

TRAIN = Stage(training=True)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(1e-6, 1 - 1e-6, shape))


def draws_of(objective: SSLObjective, count: int, seed: int = 11) -> Tensor:
    return uniform(count, objective.draws((D,)), seed=seed)


def given_task(objective: SSLObjective, padding: int = 0, **changes: object) -> Context:
    """U images and, if wanted, padding with other numbers."""
    views, draws = {}, draws_of(objective, U)
    for k, name in enumerate(objective.views):
        views[name] = torch.cat((random(U, D, seed=k), 5 * random(padding, D, seed=7)))
    draws = torch.cat((draws, draws_of(objective, padding, seed=12)))
    weight = torch.cat((torch.ones(U), torch.zeros(padding))).double()
    return context(views, weight=weight, draws=draws, **changes)


def padding_is_nothing(objective: SSLObjective) -> None:
    """Rows of weight 0 change neither the loss nor the others' labels; a missing class is no NaN."""
    term = make_term(objective, from_step=0)
    plain, wide = given_task(objective), given_task(objective, padding=3)
    close(term.loss(wide), float(term.loss(plain)))
    labels, wide_labels = term.label(plain), term.label(wide)
    if labels is not None:
        close(wide_labels.q[:U], labels.q)
        close(wide_labels.weight, torch.cat((labels.weight, torch.zeros(3))))
    narrow = {"class_mask": torch.tensor([True, True, False]), "logits": two_classes}
    narrow |= {"support_weight": torch.tensor([1.0, 1, 0, 1, 1, 0]).double()}
    assert torch.isfinite(torch.as_tensor(term.loss(given_task(objective, 2, **narrow))))


def two_classes(z: Tensor, params: object) -> Tensor:
    gone = torch.tensor([False, False, True])
    return z[:, :WAY].masked_fill(gone, torch.finfo(z.dtype).min / 8)


def no_weight(objective: SSLObjective) -> Tensor:
    """The loss of a task without U, after a check that it and its gradient are finite."""
    shift = random(D).requires_grad_()
    views = {name: random(U, D, seed=k) + shift for k, name in enumerate(objective.views)}
    given = context(views, weight=torch.zeros(U).double(), draws=draws_of(objective, U))
    loss = torch.as_tensor(make_term(objective, from_step=0).loss(given))
    if loss.requires_grad:
        assert torch.isfinite(
            torch.autograd.grad(loss, shift, allow_unused=True, materialize_grads=True)[0]
        ).all()
    return loss


def episodes(pool: Pool, learner: MetaLearner, count: int, **changes: object) -> Episode:
    objective = learner.ssl.objective
    kinds = {"plain": None, "weak": AffineJitter(10, 0.1, 0.1), "strong": AffineJitter(25, 0.15, 0.25)}
    views = {name: kinds[kind] for name, kind in objective.views.items()}
    sampler = EpisodeSampler(pool, spec(**changes), 0, "train", outer=True)
    builder = EpisodeBuilder(sampler, views, outer=True, draws=objective.draws(SPEC.input_shape))
    return doubled(builder(range(count)).episodes)


def bound(objective: SSLObjective, make, norm: str, at: str = "both") -> MetaLearner:
    learner = make(norm, make_term(objective, at, weight=0.7, refit_weight=0.6, outer_weight=0.3))
    objective.bind(learner, SPEC)
    return learner


def engines_agree(pool: Pool, make_objective) -> None:
    """One gradient by loop, vmap and threads: of MAML (second order) and of prototypes, padded or not."""
    for make, norm, changes in (
        (gradient_learner, "batch", {}),
        (head_learner, "support", {"way": [2, 3], "distractors": 0}),
    ):
        learner = bound(make_objective(), make, norm)
        tasks = episodes(pool, learner, 3, **changes)
        theta = learner.theta()
        one, scores = Unrolled(Loop())(learner, theta, tasks, TRAIN)
        assert torch.isfinite(flat(one)).all()
        alone, _ = Unrolled(Loop())(learner, theta, tasks, Stage(training=True, unlabelled=False))
        assert (flat(alone) - flat(one)).abs().max() > 1e-9  # U had a part in it
        for runner in (Vmap(2), Threads(2)):
            many, many_scores = Unrolled(runner)(learner, theta, tasks, TRAIN)
            torch.testing.assert_close(flat(many), flat(one), rtol=1e-8, atol=1e-10)
            torch.testing.assert_close(many_scores["loss"], scores["loss"], rtol=1e-8, atol=1e-10)


def test_sharpening_against_numpy_and_at_its_ends() -> None:
    p = softmax(random(5, WAY).numpy())
    whole = torch.ones(WAY, dtype=torch.bool)
    power = p ** (1 / 0.3)
    close(sharpen(torch.from_numpy(p), 0.3, whole), power / power.sum(1, keepdims=True))
    close(sharpen(torch.from_numpy(p), 1.0, whole), p)
    close(sharpen(torch.from_numpy(p), 1e-3, whole), np.eye(WAY)[p.argmax(1)])


def test_sharpening_gives_nothing_to_missing_classes_and_has_a_slope_in_t() -> None:
    p = torch.tensor([[0.7, 0.3, 0.0], [0.2, 0.8, 0.0]], dtype=torch.float64)
    mask = torch.tensor([True, True, False])
    for start in (0.02, 0.5, 3.0):
        temperature = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        q = sharpen(p, temperature, mask)
        assert (q[:, 2] == 0).all()
        (slope,) = torch.autograd.grad(q[0, 0], temperature)
        h = 1e-6 * start
        low, high = (sharpen(p, start + k * h, mask)[0, 0] for k in (-1, 1))
        torch.testing.assert_close(slope, (high - low) / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.75, 1.0, 4.0])
def test_symmetric_beta_has_its_distribution(alpha: float) -> None:
    found = symmetric_beta(uniform(5000, 4, seed=3), alpha)
    assert stats.kstest(found.numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.05
    extremes = torch.tensor([2**-24, 1 - 2**-24])
    corners = symmetric_beta(torch.cartesian_prod(*[extremes] * 4), alpha)
    assert torch.isfinite(corners).all()


def test_partners_are_a_uniform_permutation_of_those_with_weight() -> None:
    weight = torch.tensor([0, 1, 1, 0, 0.5, 1, 0])
    present = [1, 2, 4, 5]
    counts = np.zeros((4, 4))
    for seed in range(800):
        partner = random_partners(uniform(7, seed=seed), weight)[present]
        assert sorted(partner.tolist()) == present
        for i, j in enumerate(partner.tolist()):
            counts[i, present.index(j)] += 1
    assert stats.chisquare(counts.ravel()).pvalue > 0.01


def test_mix_is_the_line_between_two() -> None:
    x, partner, share = random(3, 2, 2), torch.tensor([2, 0, 1]), torch.tensor([1.0, 0.0, 0.25]).double()
    close(mix(x, partner, share), np.stack([x[0], x[0], 0.25 * x[2] + 0.75 * x[1]]))


def test_numbers_for_more_support_images_than_unlabelled_are_uniform_and_differ() -> None:
    few = uniform(50, 2)
    found = for_support(few, 400)
    close(found[:50], few)
    assert len(found.unique(dim=0)) == 400
    assert stats.kstest(found[:, 0].numpy(), "uniform").pvalue > 0.01
    assert for_support(few, 3).shape == (3, 2)


def test_ict_against_numpy() -> None:
    objective = ICT(0.75, 0.9, 0.9)
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
    penalty = ICT(1e-4, 0.9, 0.9).penalty(given_task(ICT(1e-4, 0.9, 0.9)))
    assert penalty < 1e-12 < ICT(1.0, 0.9, 0.9).penalty(given_task(ICT(1.0, 0.9, 0.9)))


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


def test_mixmatch_against_numpy() -> None:
    objective = MixMatch(0.75, 0.5, 3.0)
    given = given_task(objective)
    close(objective.penalty(given), naive_mixmatch(given, 0.75, 0.5, 3.0))


def test_mixmatch_guesses_are_constants_unless_told_otherwise() -> None:
    """At one T the gradients differ only by what flows through the guess."""
    found = []
    for stop in (True, False):
        views = {n: random(U, D, seed=k).requires_grad_() for k, n in enumerate(("first", "second"))}
        given = context(views, draws=draws_of(MixMatch(0.75, 0.5, 3.0), U), stop_gradient=stop)
        guess = MixMatch(0.75, 0.5, 3.0)._guess(given)
        assert guess.requires_grad != stop
        found.append(guess.detach())
    close(found[0], found[1])


@pytest.mark.parametrize("make", [lambda: ICT(0.75, 0.9, 0.9), lambda: MixMatch(0.75, 0.5, 3.0)])
def test_padding_and_engines(tiny_pool: Pool, make) -> None:
    padding_is_nothing(make())
    engines_agree(tiny_pool, make)


def test_without_u_ict_is_zero_and_mixmatch_is_mixup_of_the_support() -> None:
    assert no_weight(ICT(0.75, 0.9, 0.9)) == 0
    assert no_weight(MixMatch(0.75, 0.5, 3.0)) == no_weight(MixMatch(0.75, 0.5, 100.0)) > 0
