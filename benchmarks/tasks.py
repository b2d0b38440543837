"""Learners by the project's own configs, and random tasks for them."""

from pathlib import Path

import torch
from omegaconf import DictConfig

from metassl.cli.composing import compose_config
from metassl.engine.base import Engine
from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.spec import TaskSpec
from metassl.trained.build import build_learner
from metassl.training.build import build_engine

CONF = Path(__file__).parent.parent / "conf"


def compose(*words: str) -> DictConfig:
    """The config that the words of a command line give."""
    return compose_config(list(words), CONF)


def learner_of(config: DictConfig, way: int, shape: tuple[int, ...]) -> tuple[MetaLearner, Engine]:
    """The learner and the engine of a config, from the same initial weights each time."""
    torch.manual_seed(0)
    learner = build_learner(config, TaskSpec(way=way, input_shape=shape, base_classes=64))
    return learner.train(), build_engine(config, learner)


def random_tasks(
    learner: MetaLearner,
    tasks: int,
    way: int,
    shot: int,
    queries: int,
    unlabelled: int,
    shape: tuple[int, ...],
) -> Episode:
    """A meta-batch of noise: `queries` and `unlabelled` are images a class."""
    generator = torch.Generator().manual_seed(0)

    def images(each: int) -> torch.Tensor:
        return torch.rand(tasks, way * each, *shape, generator=generator)

    def labels(each: int) -> torch.Tensor:
        return torch.arange(way).repeat_interleave(each).expand(tasks, -1)

    views = learner.ssl.inner_views(training=True) if unlabelled else {}
    count = way * unlabelled if views else 0
    draws = learner.ssl.objective.draws(shape)
    u = Unlabelled(
        {name: images(unlabelled) for name in views},
        torch.ones(tasks, count),
        torch.rand(tasks, count, draws, generator=generator).clamp(0.01, 0.99),
    )
    empty = Unlabelled({}, torch.zeros(tasks, 0), torch.zeros(tasks, 0, 0))
    return Episode(
        support_x=images(shot), support_y=labels(shot), support_weight=torch.ones(tasks, way * shot),
        query_x=images(queries), query_y=labels(queries), query_weight=torch.ones(tasks, way * queries),
        unlabelled=u, outer_unlabelled=empty,
        class_mask=labels(1) >= 0, classes=labels(1),
        random=torch.rand(tasks, learner.draws, generator=generator).clamp(0.01, 0.99),
    )  # fmt: skip
