"""Retrieval in the learner: its limits, its engines, and what must not change it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.data.pool import Pool
from metassl.engine.outer import Unrolled
from metassl.engine.tasks import Loop, Vmap
from metassl.engine.threads import Threads
from metassl.episode import Episode
from metassl.errors import ConfigError
from metassl.learners.gradient import GradientLearner
from metassl.learners.inner import SGD
from metassl.learners.retrieval import RetrievalLearner
from metassl.retrieval.base import TaskDistance
from metassl.retrieval.controls import Average, LabelledOnly, QueryLabelOracle, Random
from metassl.retrieval.learned import LearnedMetric
from metassl.retrieval.mmd import MMD
from metassl.retrieval.task2vec import Task2Vec
from metassl.retrieval.wasserstein import Wasserstein
from metassl.ssl.consistency import Consistency
from metassl.ssl.soft_kmeans import SoftKMeans
from metassl.stage import CONTROL, TEST, Stage
from tests.engine.test_tasks import conv4, episodes, flat, term
from tests.tasks import SPEC

TRAIN = Stage(training=True)
SIZE, ITEMS = 4, 12
DISTANCES = {
    "mmd": lambda: MMD(1.0),
    "wasserstein": lambda: Wasserstein(0.1, 20),
    "task2vec": Task2Vec,
    "learned": lambda: LearnedMetric(hidden=8, size=4, candidates=3, steps=1, weight=0.5),
    "labels": lambda: LabelledOnly(MMD(1.0)),
    "random": Random,
    "average": Average,
    "oracle": lambda: QueryLabelOracle(1),
}


def make(
    distance: TaskDistance,
    norm: str = "batch",
    objective: object = None,
    *,
    neighbours: int | None = 2,
    items: int = ITEMS,
    order: int = 2,
    retrieve: tuple[str, ...] = ("backbone.",),
) -> RetrievalLearner:
    torch.manual_seed(0)
    return RetrievalLearner(
        conv4(norm), term(objective or Consistency(), "inner"), SPEC, distance, SIZE, items, neighbours, 0.3,
        1, retrieve, inner=SGD(0.1, 2, learned=True), steps=2, test_steps=None, order=order,
        adapt=["backbone.", "head."],
    ).double()  # fmt: skip


def maml(norm: str = "batch", order: int = 2) -> GradientLearner:
    torch.manual_seed(0)
    ssl, inner = term(Consistency(), "inner"), SGD(0.1, 2, learned=True)
    return GradientLearner(conv4(norm), ssl, SPEC, inner, 2, None, order, ["backbone.", "head."]).double()


def tasks(pool: Pool, learner: RetrievalLearner, count: int, **changes: object) -> Episode:
    found = episodes(pool, learner.ssl, count, **changes)
    numbers = torch.rand(count, learner.draws, generator=torch.Generator().manual_seed(3)).double()
    return replace(found, random=numbers)


def filled(pool: Pool, learner: RetrievalLearner, count: int = 3) -> RetrievalLearner:
    """With training tasks in its memory that are none of the first three."""
    others = tasks(pool, learner, 3 + count)
    for t in range(3, 3 + count):
        learner.store(learner.theta(), others.task(t), TRAIN)
    return learner


def starts(learner: GradientLearner, task: Episode, stage: Stage = TRAIN) -> dict[str, Tensor]:
    return next(iter(learner.path(learner.theta(), task, stage)))


@pytest.mark.parametrize("name", DISTANCES)
def test_one_stored_task_is_where_it_starts(tiny_pool: Pool, name: str) -> None:
    """φ_0 is that task's adapted backbone; the head stays θ's."""
    learner = make(DISTANCES[name]())
    batch = tasks(tiny_pool, learner, 2)
    plain = maml()
    phi = plain.adapt(plain.theta(), batch.task(1), TRAIN).overlay
    learner.store(learner.theta(), batch.task(1), TRAIN)
    for stage in (TRAIN, TEST, CONTROL):
        found = starts(learner, batch.task(0), stage)
        for key, value in found.items():
            expected = phi[key] if key.startswith("backbone.") else learner.theta()[key]
            torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-14)


def test_stored_parameters_keep_their_digits_in_half_precision(tiny_pool: Pool) -> None:
    learner = make(MMD(1.0)).float()
    batch = tree_map(lambda x: x.float() if x.is_floating_point() else x, tasks(tiny_pool, learner, 2))
    learner.store(learner.theta(), batch.task(1), TRAIN)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        found = starts(learner, batch.task(0))
    for name, value in learner.shifted(learner.theta(), learner.memory.delta[0]).items():
        if name in found:
            torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-7)


def test_head_can_be_retrieved_on_purpose(tiny_pool: Pool) -> None:
    learner = make(MMD(1.0), retrieve=("backbone.", "head."))
    batch = tasks(tiny_pool, learner, 2)
    phi = learner.adapt(learner.theta(), batch.task(1), TRAIN).overlay
    learner.store(learner.theta(), batch.task(1), TRAIN)
    torch.testing.assert_close(starts(learner, batch.task(0)), dict(phi), rtol=1e-12, atol=1e-14)
    with pytest.raises(ConfigError, match=r"model\.retrieve: found \['bakbone\.'\]"):
        make(MMD(1.0), retrieve=("bakbone.",))


@pytest.mark.parametrize("name", DISTANCES)
def test_empty_memory_is_maml(tiny_pool: Pool, name: str) -> None:
    learner, plain = make(DISTANCES[name]()), maml()
    batch = tasks(tiny_pool, learner, 2)
    found, scores = Unrolled(Loop())(learner, learner.theta(), batch, TRAIN)
    expected, plain_scores = Unrolled(Loop())(plain, plain.theta(), batch, TRAIN)
    assert scores["loss"] == plain_scores["loss"]
    assert all(torch.equal(found[n], g) for n, g in expected.items())
    assert not any(found[n].any() for n in found if n not in expected)  # nothing to rank yet
    task = batch.task(0)
    assert torch.equal(
        learner.query_logits(learner.theta(), task, TEST), plain.query_logits(plain.theta(), task, TEST)
    )


def test_memory_changes_the_prediction(tiny_pool: Pool) -> None:
    learner, plain = filled(tiny_pool, make(MMD(1.0))), maml()
    task = tasks(tiny_pool, learner, 1).task(0)
    one, two = (m.query_logits(m.theta(), task, TEST) for m in (learner, plain))
    assert not torch.allclose(one, two, atol=1e-3)


@pytest.mark.parametrize("name", [n for n in DISTANCES if n not in ("random", "average", "oracle")])
def test_a_stored_task_is_nearest_to_itself(tiny_pool: Pool, name: str) -> None:
    learner = filled(tiny_pool, make(DISTANCES[name](), neighbours=1))
    others = tasks(tiny_pool, learner, 6)
    for t in range(3):
        found = learner.weights(learner.theta(), others.task(3 + t), TRAIN)
        assert found.tolist() == [float(j == t) for j in range(SIZE)]


def test_average_starts_from_the_mean(tiny_pool: Pool) -> None:
    learner = filled(tiny_pool, make(Average(), neighbours=1))
    mean = learner.memory.delta[:3].mean(0)
    found = starts(learner, tasks(tiny_pool, learner, 1).task(0))
    for name, value in learner.shifted(learner.theta(), mean).items():
        if name in found:
            torch.testing.assert_close(found[name], value, rtol=1e-12, atol=1e-14)


def test_oracle_takes_the_start_that_serves_the_queries(tiny_pool: Pool) -> None:
    learner = filled(tiny_pool, make(QueryLabelOracle(2), neighbours=1))
    task = tasks(tiny_pool, learner, 1).task(0)
    theta, plain = learner.theta(), maml()
    losses = []
    for delta in learner.memory.delta[:3]:
        logits = plain.query_logits({**plain.theta(), **learner.shifted(theta, delta)}, task, TEST)
        losses.append(torch.nn.functional.cross_entropy(logits, task.query_y))
    assert learner.weights(theta, task, TEST).argmax() == torch.stack(losses).argmin()
    assert make(QueryLabelOracle(1), "group").transductive  # it is marked: it looks at the queries
    assert not make(MMD(1.0), "group").transductive


@pytest.mark.parametrize(
    ("name", "norm"),
    [*((name, "batch") for name in DISTANCES), ("task2vec", "support"), ("learned", "group")],
)
def test_engines_agree(tiny_pool: Pool, name: str, norm: str) -> None:
    learner = filled(tiny_pool, make(DISTANCES[name](), norm))
    batch = tasks(tiny_pool, learner, 2)
    one, scores = Unrolled(Loop())(learner, learner.theta(), batch, TRAIN)
    for runner in (Vmap(2), Threads(2)):
        many, others = Unrolled(runner)(learner, learner.theta(), batch, TRAIN)
        torch.testing.assert_close(flat(many), flat(one), rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(others, scores, rtol=1e-8, atol=1e-8)


def test_learned_metric_learns_from_the_ranking_and_from_the_start(tiny_pool: Pool) -> None:
    """Without the ranking loss its gradient is that of the query loss, against differences."""
    metric = LearnedMetric(hidden=8, size=4, candidates=3, steps=1, weight=0.0)
    learner = filled(tiny_pool, make(metric, "group", neighbours=None))
    task, theta = tasks(tiny_pool, learner, 1).task(0), learner.theta()
    name = "distance.pooled.weight"
    loss, scores = learner.outer_loss(theta, task, TRAIN)
    (found,) = torch.autograd.grad(loss, [theta[name]])
    assert scores["metric_loss"] == 0

    way = found / found.norm()
    # the mean distance is a constant of the weights, so here it must be one, too
    scale = {h: _mean_distance(learner, theta, name, h * way, task) for h in (-1e-6, 0.0, 1e-6)}
    temperature = learner.temperature

    def moved(h: float) -> Tensor:
        learner.temperature = temperature * scale[0.0] / scale[h]
        return learner.outer_loss({**theta, name: theta[name] + h * way}, task, TRAIN)[0].detach()

    slope = (moved(1e-6) - moved(-1e-6)) / 2e-6  # closer than the next kink
    torch.testing.assert_close(found.norm(), slope, rtol=1e-4, atol=1e-10)
    assert found.norm() > 1e-8
    ranked = filled(tiny_pool, make(DISTANCES["learned"](), "group"))
    gradients, scores = Unrolled(Loop())(ranked, ranked.theta(), tasks(tiny_pool, ranked, 3), TRAIN)
    assert gradients[name].any()
    assert scores["metric_loss"] > 0


def _mean_distance(learner: RetrievalLearner, theta: dict, name: str, step: Tensor, task: Episode) -> Tensor:
    new = learner.newcomer(theta, task, TRAIN)
    placed = {**theta, name: theta[name] + step}
    return learner.under(placed, learner.distance, new, learner.memory.tasks())[:3].mean().detach()


@pytest.mark.parametrize("name", [n for n in DISTANCES if n not in ("random", "average")])
def test_order_of_the_support_and_names_of_the_classes(tiny_pool: Pool, name: str) -> None:
    """With the head's rows renamed as the classes are, the logits are renamed; the weights stay."""
    learner = filled(tiny_pool, make(DISTANCES[name](), "group", SoftKMeans(1)))
    task = tasks(tiny_pool, learner, 1, shot=2).task(0)
    theta = learner.theta()
    order, names = torch.tensor([3, 0, 5, 1, 4, 2]), torch.tensor([2, 0, 1])
    mixed = replace(
        task,
        support_x=task.support_x[order],
        support_y=names[task.support_y[order]],
        query_y=names[task.query_y],
    )
    moved = {n: p[names.argsort()] if n.startswith("head.") else p for n, p in theta.items()}
    expected, found = learner.query_logits(theta, task, TEST), learner.query_logits(moved, mixed, TEST)
    torch.testing.assert_close(found[:, names], expected, rtol=1e-8, atol=1e-9)


def test_u_is_a_part_of_the_task_only_where_it_takes_part(tiny_pool: Pool) -> None:
    learner = filled(tiny_pool, make(MMD(1.0)))
    task, theta = tasks(tiny_pool, learner, 1).task(0), learner.theta()
    count = len(task.unlabelled)
    assert learner.describe(theta, task, TEST).weight.sum() == 3 + min(count, ITEMS - 3)
    assert learner.describe(theta, task, CONTROL).weight.sum() == 3
    assert torch.equal(learner.describe(theta, task, TEST).labelled, (torch.arange(ITEMS) < 3).double())
    assert not torch.equal(learner.weights(theta, task, TEST), learner.weights(theta, task, CONTROL))
    labels = filled(tiny_pool, make(LabelledOnly(MMD(1.0))))
    assert torch.equal(labels.weights(theta, task, TEST), labels.weights(theta, task, CONTROL))
    assert labels.memory.weight.sum() == 3 * 3
    short = make(MMD(1.0), items=4)
    assert short.describe(short.theta(), task, TEST).weight.sum() == 4


@pytest.mark.parametrize("name", ["mmd", "task2vec"])
def test_padding_makes_no_difference(tiny_pool: Pool, name: str) -> None:
    learner = filled(tiny_pool, make(DISTANCES[name](), "support"))
    task, theta = tasks(tiny_pool, learner, 1).task(0), learner.theta()
    u = task.unlabelled
    padded = replace(
        task,
        padded=True,
        support_x=torch.cat((task.support_x, torch.full_like(task.support_x[:1], 0.7))),
        support_y=torch.cat((task.support_y, task.support_y[:1])),
        support_weight=torch.cat((task.support_weight, torch.zeros(1).double())),
        unlabelled=replace(
            u,
            views={n: torch.cat((v, torch.ones_like(v[:2]))) for n, v in u.views.items()},
            weight=torch.cat((u.weight, torch.zeros(2).double())),
            random=torch.cat((u.random, u.random[:2])),
        ),
    )
    for stage in (TEST, CONTROL):
        torch.testing.assert_close(learner.weights(theta, padded, stage), learner.weights(theta, task, stage))
        found, expected = (learner.query_logits(theta, t, stage) for t in (padded, task))
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-9)
    nothing = replace(
        padded, unlabelled=replace(padded.unlabelled, weight=torch.zeros_like(padded.unlabelled.weight))
    )
    assert learner.query_logits(theta, nothing, TEST).isfinite().all()


def test_outer_steps_fill_the_memory_of_every_worker(tiny_pool: Pool) -> None:
    learner, runner = make(MMD(1.0)), Threads(2)
    batch, plain = tasks(tiny_pool, learner, 2), maml()
    _, scores = Unrolled(runner)(learner, learner.theta(), batch, Stage(training=True, progress=0.25))
    assert scores["progress"].tolist() == [0.25]  # what is stored is adapted to as in this step
    learner.after_outer_step(batch, scores)
    assert learner.memory.count == 1
    stage = Stage(training=True, progress=0.25)
    phi = plain.adapt(plain.theta(), batch.task(0), stage).overlay
    moved = torch.cat([(phi[n] - plain.theta()[n]).flatten() for n in learner.retrieved])
    torch.testing.assert_close(learner.memory.delta[0], moved, rtol=1e-12, atol=1e-14)
    logits = runner.map(learner, lambda copy, task: copy.query_logits(learner.theta(), task, TEST), batch)
    expected = learner.query_logits(learner.theta(), batch.task(1), TEST)
    torch.testing.assert_close(logits[1], expected, rtol=1e-12, atol=1e-12)
    fresh = make(MMD(1.0))
    fresh.load_state_dict(learner.state_dict())
    assert torch.equal(fresh.query_logits(fresh.theta(), batch.task(1), TEST), expected)


def test_what_is_stored_does_not_build_on_what_was_retrieved(tiny_pool: Pool) -> None:
    learner = filled(tiny_pool, make(MMD(1.0)), 2)
    task = tasks(tiny_pool, learner, 1).task(0)
    learner.store(learner.theta(), task, TRAIN)
    alone = make(MMD(1.0))
    alone.store(alone.theta(), task, TRAIN)
    assert torch.equal(learner.memory.delta[2], alone.memory.delta[0])
