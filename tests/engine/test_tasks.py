"""The loop and the chunked vmap give one gradient, and it is the right one."""

from dataclasses import replace

import pytest
import torch
from metassl.engine.outer import Unrolled
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from metassl.backbones.base import Backbone
from metassl.backbones.conv4 import Conv4
from metassl.backbones.mlp import MLP
from metassl.data.builder import EpisodeBuilder
from metassl.data.pool import Pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import EpisodeSpec, episode_spec
from metassl.data.views import AffineJitter
from metassl.engine.loop import Loop
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.heads.prototypes import Prototypes
from metassl.inner.sgd import SGD
from metassl.learners.base import MetaLearner
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.metric.learner import HeadLearner
from metassl.norms.kinds import make_norm
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import TEST, Stage
from tests.tasks import SPEC, make_term

TRAIN = Stage(training=True)
NORMS = ("batch", "support", "group")


def spec(**changes: object) -> EpisodeSpec:
    values: dict = {
        "way": 3, "shot": 1, "queries": 2, "unlabelled": 2, "distractors": 1, "distractor_unlabelled": 2,
        "imbalance": 1.0, "class_aware": True, "transductive": False, "label_ratio": 1.0, "label_seed": 0,
    }  # fmt: skip
    return episode_spec(**(values | changes))


def doubled(tasks: Episode) -> Episode:
    return tree_map(lambda x: x.double() if x.is_floating_point() else x, tasks)


def episodes(pool: Pool, term: SSLTerm, count: int, **changes: object) -> Episode:
    views = {n: AffineJitter(10, 0.1, 0.1) if k == "weak" else None for n, k in term.objective.views.items()}
    sampler = EpisodeSampler(pool, spec(**changes), 0, "train", outer=True)
    return doubled(EpisodeBuilder(sampler, views, outer=True)(range(count)).episodes)


def term(objective: object, at: str = "both") -> SSLTerm:
    return make_term(objective, at, weight=0.7, refit_weight=0.6, outer_weight=0.3, in_statistics=True)


class Smooth(Backbone):
    """Convolution, norm and tanh, twice: without a kink, so that differences are exact to many digits."""

    def __init__(self, norm: str) -> None:
        super().__init__()
        self.norm, self.out_dim = norm, 16
        self.convs = nn.ModuleList([nn.Conv2d(1, 4, 3, stride=4), nn.Conv2d(4, 4, 3, stride=2, padding=1)])
        self.norms = nn.ModuleList([make_norm(norm, 4), make_norm(norm, 4)])

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.tanh(norm(conv(x), rows))
        return x.flatten(1)


def conv4(norm: str) -> Backbone:
    return Conv4((1, 16, 16), 4, norm)


def gradient_learner(norm: str, ssl: SSLTerm, order: int = 2, make_backbone=conv4) -> MetaLearner:
    torch.manual_seed(0)
    task, inner = SPEC, SGD(0.1, 2, learned=True)
    return GradientLearner(
        make_backbone(norm), ssl, task, inner, 2, None, order, ["backbone.", "head."]
    ).double()


def head_learner(norm: str, ssl: SSLTerm, make_backbone=conv4) -> MetaLearner:
    torch.manual_seed(0)
    return HeadLearner(make_backbone(norm), ssl, SPEC, Prototypes(), 2).double()


def flat(gradients: dict[str, Tensor]) -> Tensor:
    return torch.cat([gradients[name].flatten() for name in sorted(gradients)])


@pytest.mark.parametrize("objective", [NoObjective, Consistency, lambda: SoftKMeans(1)])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_runners_agree(tiny_pool: Pool, make, norm: str, objective) -> None:
    ssl = term(objective())
    learner = make(norm, ssl)
    tasks = episodes(tiny_pool, ssl, 3)
    one, one_scores = Unrolled(Loop())(learner, learner.theta(), tasks, TRAIN)
    for runner in (Vmap(1), Vmap(2), Vmap(8), Threads(2), Threads(2, chunk=2)):
        many, scores = Unrolled(runner)(learner, learner.theta(), tasks, TRAIN)
        torch.testing.assert_close(flat(many), flat(one), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(scores["loss"], one_scores["loss"], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("runner", [Loop(), Vmap(2), Threads(2)])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_gradient_is_the_slope_of_the_loss(tiny_pool: Pool, make, norm: str, runner) -> None:
    ssl = term(Consistency())
    learner = make(norm, ssl, make_backbone=Smooth)
    tasks = episodes(tiny_pool, ssl, 2)
    theta = learner.theta()
    gradients, _ = Unrolled(runner)(learner, theta, tasks, TRAIN)
    generator = torch.Generator().manual_seed(1)
    way = {n: torch.randn(p.shape, generator=generator, dtype=p.dtype) for n, p in theta.items()}
    length = flat(way).norm()

    def loss(h: float) -> Tensor:
        moved = {n: (p + h * way[n] / length).detach() for n, p in theta.items()}
        losses = [learner.meta_loss(moved, tasks.task(t), TRAIN)[0] for t in range(2)]
        return torch.stack(losses).mean()

    h = 1e-4  # five-point stencil: the error of the formula is h⁴, of the rounding 1e-16/h
    slope = (loss(-2 * h) - 8 * loss(-h) + 8 * loss(h) - loss(2 * h)) / (12 * h)
    found = sum((gradients[n] * way[n]).sum() for n in theta) / length
    torch.testing.assert_close(found, slope, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("norm", NORMS)
def test_first_order_takes_inner_gradients_as_constants(tiny_pool: Pool, norm: str) -> None:
    ssl = term(NoObjective())
    tasks = episodes(tiny_pool, ssl, 2)
    learner = gradient_learner(norm, ssl, order=1)
    theta = learner.theta()
    one, _ = Unrolled(Loop())(learner, theta, tasks, TRAIN)
    many, _ = Unrolled(Vmap(2))(learner, theta, tasks, TRAIN)
    torch.testing.assert_close(flat(many), flat(one), rtol=1e-10, atol=1e-10)
    # by hand: the gradient at φ, taken with respect to φ itself
    total = {n: torch.zeros_like(p) for n, p in theta.items()}
    for t in range(2):
        adapted = learner.adapt(theta, tasks.task(t), TRAIN)
        phi = {n: p.detach().requires_grad_() for n, p in adapted.overlay.items()}
        logits = learner.predict(theta, replace(adapted, overlay=phi), tasks.task(t).query_x)
        loss = torch.nn.functional.cross_entropy(logits, tasks.task(t).query_y)
        for n, g in zip(phi, torch.autograd.grad(loss, list(phi.values())), strict=True):
            total[n] += g / 2
    for n in phi:
        torch.testing.assert_close(one[n], total[n], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_padding_changes_nothing(tiny_pool: Pool, make, norm: str) -> None:
    """A padded task gives the gradient of the same task with the padding cut off."""
    ssl = term(SoftKMeans(2))
    learner = make(norm, ssl)
    tasks = episodes(tiny_pool, ssl, 8, way=[2, 3], shot=[1, 2], distractors=0)
    narrow = next(t for t in range(8) if not tasks.class_mask[t].all())
    task = tasks.task(narrow)
    cut = cut_padding(task)
    padded, _ = Unrolled(Loop())(learner, learner.theta(), tree_map(lambda x: x[None], task), TRAIN)
    plain, _ = Unrolled(Loop())(learner, learner.theta(), tree_map(lambda x: x[None], cut), TRAIN)
    torch.testing.assert_close(flat(padded), flat(plain), rtol=1e-8, atol=1e-10)


def cut_padding(task: Episode) -> Episode:
    def keep(u: Unlabelled) -> Unlabelled:
        rows = u.weight > 0
        return Unlabelled({n: v[rows] for n, v in u.views.items()}, u.weight[rows], u.random[rows])

    s, q = task.support_weight > 0, task.query_weight > 0
    return replace(
        task,
        support_x=task.support_x[s], support_y=task.support_y[s], support_weight=task.support_weight[s],
        query_x=task.query_x[q], query_y=task.query_y[q], query_weight=task.query_weight[q],
        unlabelled=keep(task.unlabelled), outer_unlabelled=keep(task.outer_unlabelled), padded=False,
    )  # fmt: skip


def test_map_agrees(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    tasks = episodes(tiny_pool, ssl, 5)
    learner = gradient_learner("batch", ssl)
    theta = learner.theta()

    def logits(copy: MetaLearner, task: Episode) -> Tensor:
        return copy.query_logits(theta, task, TEST)

    with torch.inference_mode():
        one = Loop().map(learner, logits, tasks)
        many = Vmap(2).map(learner, logits, tasks)
        threads = Threads(2).map(learner, logits, tasks)
    assert not one.requires_grad
    torch.testing.assert_close(many, one, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(threads, one, rtol=1e-12, atol=1e-12)
    assert threads.is_inference()


def test_vmap_refuses_moving_averages() -> None:
    assert Loop.allows_buffers
    assert not Vmap.allows_buffers


def test_mlp_norms_agree_on_vectors() -> None:
    """Vectors, too: the norms see [n, D]."""
    torch.manual_seed(0)
    x = torch.randn(6, 5, dtype=torch.float64)
    rows = torch.tensor([1.0, 1, 1, 1, 1, 1], dtype=torch.float64)
    for norm in NORMS:
        backbone = MLP((5,), [4, 3], norm).double()
        torch.testing.assert_close(backbone(x), backbone(x, rows))
