"""Small episodes of the tiny data set, in float64."""

from dataclasses import replace

import torch
from torch.utils._pytree import tree_map

from metassl.data.builder import EpisodeBuilder
from metassl.data.pool import Pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import EpisodeSpec, episode_spec
from metassl.data.views import AffineJitter
from metassl.learners.base import MetaLearner
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.spec import TaskSpec

SPEC = TaskSpec(way=3, input_shape=(1, 16, 16), base_classes=40)
JITTER = {"plain": None, "weak": AffineJitter(10, 0.1, 0.1), "strong": AffineJitter(25, 0.15, 0.25)}


def spec(**changes: object) -> EpisodeSpec:
    """3-way 1-shot with 2 queries a class, 2 unlabelled images a class, and a distractor class of 2."""
    values: dict = {
        "way": 3, "shot": 1, "queries": 2, "unlabelled": 2, "distractors": 1, "distractor_unlabelled": 2,
        "imbalance": 1.0, "class_aware": True, "transductive": False, "label_ratio": 1.0, "label_seed": 0,
    }  # fmt: skip
    return episode_spec(**(values | changes))


def doubled(tasks: Episode) -> Episode:
    """The same tasks in float64."""
    return tree_map(lambda x: x.double() if x.is_floating_point() else x, tasks)


def episodes(pool: Pool, ssl: SSLTerm, count: int, **changes: object) -> Episode:
    """The first training tasks, with the views and random numbers of the term's objective."""
    views = {name: JITTER[kind] for name, kind in ssl.objective.views.items()}
    sampler = EpisodeSampler(pool, spec(**changes), 0, "train", outer=True)
    builder = EpisodeBuilder(
        sampler, pool.items, views, outer=True, draws=ssl.objective.draws(SPEC.input_shape)
    )
    return doubled(builder(range(count)).episodes)


def tasks_of(pool: Pool, learner: MetaLearner, count: int = 2, **changes: object) -> Episode:
    """Episodes with the random numbers that the learner itself asked for."""
    tasks = episodes(pool, learner.ssl, count, **changes)
    generator = torch.Generator().manual_seed(5)
    drawn = torch.rand(count, learner.draws, generator=generator, dtype=torch.float64)
    return replace(tasks, random=drawn.clamp(0.01, 0.99))


def narrow(tasks: Episode) -> Episode:
    """The first task of a meta-batch that has fewer classes than the widest."""
    return tasks.task(next(t for t in range(len(tasks.class_mask)) if not tasks.class_mask[t].all()))


def meta_batch(task: Episode) -> Episode:
    """A meta-batch of this one task."""
    return tree_map(lambda x: x[None], task)


def cut_padding(task: Episode) -> Episode:
    """The task without its rows of weight 0."""

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
