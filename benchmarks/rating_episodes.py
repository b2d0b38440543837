"""The episodes that all are compared on, and what is measured of them: a number for each user."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from benchmarks.rating_baselines import Scorer, UserTask
from metassl.data.recommendation.sampler import UserSampler
from metassl.data.recommendation.tasks import RatingTasks
from metassl.files import read_json
from metassl.library.running import query_logits
from metassl.outcomes.ranking import Ranking
from metassl.runs.file_names import ABOUT
from metassl.runs.saved import saved_experiment
from metassl.trained.build import build_learner
from metassl.training.build import build_episodes, build_make_ups, build_source, build_task_spec
from metassl.training.checkpoints import tested_checkpoint
from metassl.training.weights import load_weights

Floats = NDArray[np.float64]
Measured = Mapping[str, Floats]
"""mae, mse, ndcg_1, ndcg_3, ndcg_5 -> a number for each user, in the order of their numbers."""

EPISODES = 150  # about so many for a cell: whole rounds of its users
AT_A_TIME = 50
LOWEST, HIGHEST = 0.5, 5.0


@dataclass(frozen=True)
class Cell:
    """What is asked: K, of which users, of which items."""

    shot: int
    users: str = "new"
    items: str = "known"

    @property
    def name(self) -> str:
        """As records have it."""
        return f"{self.users} users, {self.items} items, K={self.shot}"

    def of(self, config: DictConfig) -> DictConfig:
        """The config of a test in this cell."""
        made = config.copy()
        made.episode.test.update({"shot": self.shot, "users": self.users, "items": self.items})
        return made


class Run:
    """A trained run, with its source and its learner.

    Args:
        folder: of the run.
        name: that it is told by; "": its model, or its experiment, and its objective.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        self.config = saved_experiment(folder)
        choices = read_json(folder / ABOUT)["choices"]
        named = {key: str(choices.get(key)) for key in ("experiment", "model", "ssl")}
        model = named["model"] if named["experiment"] == "None" else named["experiment"].split("/")[-1]
        reads = "" if named["ssl"] == "none" else f"_{named['ssl']}"
        self.name = name or model + reads + ("_transductive" if self.config.episode.transductive else "")
        self.fold, self.seed = int(self.config.dataset.source.fold), int(self.config.seed)
        source = build_source(self.config)
        assert isinstance(source, RatingTasks), f"{folder}: not a run on ratings"
        self.source = source
        self.learner = build_learner(self.config, build_task_spec(self.config, source))
        load_weights(self.learner, tested_checkpoint(self.config, folder))

    def measured(self, cell: Cell, split: str) -> Measured:
        """Of the learner."""
        config = cell.of(self.config)
        builder = build_episodes(config, self.source, self.learner, split, config.evaluation.seed)
        assert isinstance(builder.sampler, UserSampler)
        users, truth, found = list[int](), list[Floats](), list[Floats]()
        count = episodes_of(builder.sampler)
        for first in range(0, count, AT_A_TIME):
            batch = builder(range(first, min(first + AT_A_TIME, count)))
            users += batch.oracle.family.tolist()
            for t in range(batch.episodes.count):
                task = batch.episodes.task(t)
                found.append(query_logits(self.learner, task).squeeze(-1).double().numpy() + self.source.mean)
                truth.append(task.query_y.squeeze(-1).double().numpy() + self.source.mean)
        return by_user(np.array(users), np.array(truth), np.array(found))


def plain_tasks(
    config: DictConfig, source: RatingTasks, cell: Cell, split: str
) -> list[tuple[int, UserTask, Floats]]:
    """(user, task, truth) of the same episodes, for methods that know items by their numbers."""
    spec = build_make_ups(cell.of(config), source)[1]
    sampler = source.sampler(spec, int(config.evaluation.seed), split, False)
    assert isinstance(sampler, UserSampler)
    item, value = source.ratings.item, source.ratings.value
    made = []
    for pool, s, q in zip(*sampler.rated(range(episodes_of(sampler))), strict=True):
        support, query = (source.inputs.rows(pool.user, item[rows]).astype(np.float64) for rows in (s, q))
        made.append((pool.user, UserTask(item[s], value[s], item[q], support, query), value[q]))
    return made


def measured_plain(scorer: Scorer, tasks: list[tuple[int, UserTask, Floats]]) -> Measured:
    """Of a plain method."""
    users, truth = np.array([user for user, _, _ in tasks]), np.array([true for _, _, true in tasks])
    return by_user(users, truth, np.array([scorer(task) for _, task, _ in tasks]))


def episodes_of(sampler: UserSampler) -> int:
    """Whole rounds of all users."""
    users = len(sampler.pools)
    return users * max(1, EPISODES // users)


def by_user(users: NDArray[Any], truth: Floats, found: Floats) -> Measured:
    """[episodes] users, [episodes, Q] ratings and what was predicted -> the mean of each user's episodes.

    For the errors predictions are cut to the range of ratings, for all alike.
    """
    error = np.clip(found, LOWEST, HIGHEST) - truth
    ranked = torch.vmap(_ranked)(torch.from_numpy(found)[..., None], torch.from_numpy(truth)[..., None])
    columns = {"mae": np.abs(error).mean(1), "mse": (error**2).mean(1)}
    columns |= {f"ndcg_{k}": ranked[f"ndcg_{k}"].numpy() for k in (1, 3, 5)}
    who = np.unique(users)
    return {name: np.array([each[users == user].mean() for user in who]) for name, each in columns.items()}


def _ranked(found: torch.Tensor, truth: torch.Tensor) -> dict[str, torch.Tensor]:
    return Ranking().measure(found, truth, torch.ones_like(truth[:, 0]), {})
