"""A learner that starts from what it remembers of other tasks, with every distance between tasks."""

from torch import Tensor

from metassl.data.pool import Pool
from metassl.learners.gradient.first_head import FirstHead
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.gradient.proto_maml import ProtoMAML
from metassl.learners.retrieval.controls import Average, LabelledOnly, QueryLabelOracle, Random
from metassl.learners.retrieval.distance import TaskDistance, TaskSet
from metassl.learners.retrieval.learned import LearnedMetric
from metassl.learners.retrieval.learner import RetrievalLearner
from metassl.learners.retrieval.mmd import MMD
from metassl.learners.retrieval.task2vec import Task2Vec
from metassl.learners.retrieval.wasserstein import Wasserstein
from metassl.ssl.consistency.consistency import Consistency
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage
from tests.support.calls import TRAIN, inner_path
from tests.support.episodes import tasks_of
from tests.support.learners import conv4, gradient_learner
from tests.support.terms import term

SIZE, ITEMS = 4, 12
FEATURES = conv4("batch").out_dim
# of a learner with that norm: Task2Vec looks at the names of its parameters
DISTANCES = {
    "mmd": lambda norm="batch": MMD(1.0),
    "wasserstein": lambda norm="batch": Wasserstein(0.1, 20),
    "task2vec": lambda norm="batch": Task2Vec(conv4(norm)),
    "learned": lambda norm="batch": LearnedMetric(
        FEATURES, hidden=8, size=4, candidates=3, steps=1, weight=0.5
    ),
    "labels": lambda norm="batch": LabelledOnly(MMD(1.0)),
    "random": lambda norm="batch": Random(),
    "average": lambda norm="batch": Average(),
    "oracle": lambda norm="batch": QueryLabelOracle(1),
}


def retrieval_learner(
    distance: TaskDistance,
    norm: str = "batch",
    objective: object = None,
    *,
    neighbours: int | None = 2,
    items: int = ITEMS,
    order: int = 2,
    retrieve: tuple[str, ...] = ("backbone.",),
    refresh: int = 0,
    first_head: FirstHead | None = None,
) -> RetrievalLearner:
    """MAML with a memory of four tasks, late in training: a distance with a network of its own has it.

    The head is one of prototypes unless another is given.
    """
    ssl = term(objective or Consistency(), "inner")
    own = {"size": SIZE, "items": items, "neighbours": neighbours, "temperature": 0.3, "writes": 1,
           "refresh": refresh, "first_head": first_head}  # fmt: skip
    learner: RetrievalLearner = gradient_learner(
        norm, ssl, order, kind=RetrievalLearner, distance=distance, retrieve=retrieve, **own
    )
    learner.distance.settle(learner.theta(), 1.0)
    return learner


def plain_maml(norm: str = "batch", order: int = 2) -> GradientLearner:
    """The same learner without a memory."""
    return gradient_learner(norm, term(Consistency(), "inner"), order, kind=ProtoMAML)


def store(learner: RetrievalLearner, task: Episode, stage: Stage = TRAIN) -> None:
    """Puts a task and what adaptation made of it into the memory."""
    learner.store(task, stage)


def retrieval_weights(learner: RetrievalLearner, task: Episode, stage: Stage = TRAIN) -> Tensor:
    """[M] what each stored task counts."""
    return learner.weights(task, stage)


def describe(learner: RetrievalLearner, task: Episode, stage: Stage) -> TaskSet:
    """What the memory would keep of a task."""
    return learner.describe(task, stage)


def shifted(learner: RetrievalLearner, delta: Tensor) -> dict[str, Tensor]:
    """θ moved by what was stored of a task."""
    return {**learner.theta(), **learner.moved_by(delta)}


def filled(pool: Pool, learner: RetrievalLearner, count: int = 3) -> RetrievalLearner:
    """With training tasks in its memory that are none of the first three."""
    others = tasks_of(pool, learner, 3 + count)
    for t in range(3, 3 + count):
        store(learner, others.task(t))
    return learner


def starts(learner: GradientLearner, task: Episode, stage: Stage = TRAIN) -> dict[str, Tensor]:
    """Where adaptation to a task starts from."""
    return next(iter(inner_path(learner, task, stage)))
