"""From the config to the objects of a run. Nothing here knows a method, a data set or a norm by name."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from metassl.compatibility import check, check_engine
from metassl.construct import construct
from metassl.data import store
from metassl.data.builder import PLAIN, EpisodeBuilder
from metassl.data.pool import Contents, split_pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import EpisodeSpec, episode_spec, to_count
from metassl.data.task_stream import TaskStream
from metassl.data.views import View
from metassl.engine.base import Engine
from metassl.errors import ConfigError, one_of
from metassl.instantiate import instantiate
from metassl.learners.base import SSL, MetaLearner
from metassl.ssl.term import SSLTerm
from metassl.tasks.spec import TaskSpec
from metassl.training.datamodule import EpisodeDataModule
from metassl.training.module import MetaModule


def build_contents(config: DictConfig) -> Contents:
    """The data set, prepared now if it was not before."""
    return store.load(instantiate(config.dataset.source), Path(config.paths.cache_dir))


def build_specs(config: DictConfig) -> tuple[EpisodeSpec, EpisodeSpec]:
    """The make-up of training episodes and of validation and test episodes."""
    train = cast(dict[str, Any], OmegaConf.to_container(config.episode, resolve=True))
    changes = {key: value for key, value in train.pop("test").items() if value is not None}
    # The label split belongs to training: at test every image may be labelled or unlabelled.
    test = {**train, **changes, "label_ratio": 1.0}
    return episode_spec(**train), episode_spec(**test, prefix="episode.test")


def build_task_spec(config: DictConfig, contents: Contents) -> TaskSpec:
    """What heads and backbones need to know: the widest way of training and test, the input's shape."""
    train, test = build_specs(config)
    shape = contents.items.shape[1:]
    return TaskSpec(
        way=max(train.way.high, test.way.high),
        input_shape=(shape[2], *shape[:2]) if len(shape) == 3 else shape,
        base_classes=len(contents.splits["train"]),
    )


def build_learner(config: DictConfig, task: TaskSpec) -> MetaLearner:
    """The meta-learner, with the backbone and the SSL term that the config names."""
    known: dict[str, Any] = {"task": task, "input_shape": task.input_shape}
    backbone = construct(config.backbone, known)
    known |= {"backbone": backbone, "features": backbone.out_dim}
    learner: MetaLearner = construct(config.model, known)
    known["parameters"] = {n: p for n, p in learner.named_parameters() if not n.startswith(SSL)}
    options = {key: value for key, value in config.ssl.items() if key not in ("objective", "wrapped")}
    learner.attach(SSLTerm(construct(config.ssl.objective, known), **options))
    check(learner, task)
    return learner


def build_engine(config: DictConfig, learner: MetaLearner) -> Engine:
    """How tasks run."""
    engine: Engine = instantiate(config.engine)
    check_engine(learner, engine)
    return engine


def build_datamodule(config: DictConfig, contents: Contents, learner: MetaLearner) -> EpisodeDataModule:
    """Training and validation episodes, with the views that the objective asked for."""
    trainer, evaluation = config.trainer, config.evaluation
    to_count("evaluation.val_episodes", evaluation.val_episodes, 1)
    to_count("evaluation.seed", evaluation.seed, 0)
    to_count("seed", config.seed, 0)
    world = int(trainer.devices) if str(trainer.devices).isdigit() else 1
    if trainer.tasks % world:
        raise ConfigError(
            f"trainer.tasks: found {trainer.tasks}, allowed are multiples of the {world} devices."
        )
    return EpisodeDataModule(
        build_episodes(config, contents, learner, "train", config.seed),
        build_episodes(config, contents, learner, "val", evaluation.seed),
        tasks=trainer.tasks,
        val_episodes=evaluation.val_episodes,
        eval_tasks=evaluation.tasks,
        workers=trainer.workers,
    )


def build_test_stream(
    config: DictConfig, contents: Contents, learner: MetaLearner, episodes: int
) -> TaskStream:
    """The fixed episodes of the meta-test."""
    to_count("evaluation.episodes", episodes, 1)
    to_count("evaluation.tasks", config.evaluation.tasks, 1)
    split = config.evaluation.split
    if split not in ("val", "test"):
        raise ConfigError(one_of("evaluation.split", split, ("val", "test")))
    builder = build_episodes(config, contents, learner, split, config.evaluation.seed)
    return TaskStream(builder, config.evaluation.tasks, episodes)


def build_episodes(
    config: DictConfig, contents: Contents, learner: MetaLearner, split: str, seed: int
) -> EpisodeBuilder:
    """What makes the episodes of a split, with what this learner and its objective need."""
    training, ssl = split == "train", learner.ssl
    spec = build_specs(config)[0 if training else 1]
    inner, outer = ssl.inner_views(training), ssl.outer_views(training)
    sampler = EpisodeSampler(split_pool(contents, split), spec, seed, split, outer=bool(outer))
    shape = build_task_spec(config, contents).input_shape
    return EpisodeBuilder(
        sampler,
        _views(config, {**inner, **outer}),
        bool(inner),
        bool(outer),
        draws=ssl.objective.draws(shape),
        task_draws=learner.draws,
    )


def build_module(config: DictConfig, learner: MetaLearner) -> MetaModule:
    """The Lightning module around a learner."""
    optimizer = _optimizer(config.optimizer)
    engine = build_engine(config, learner)
    return MetaModule(learner, engine, optimizer, steps=config.trainer.steps, seed=config.seed)


def _optimizer(config: DictConfig) -> Callable[[Iterable[Tensor]], dict[str, Any]]:
    return partial(_configure, config)


def _configure(config: DictConfig, params: Iterable[Tensor]) -> dict[str, Any]:
    optimizer = instantiate(config.optimizer, params=list(params))
    if config.scheduler is None:
        return {"optimizer": optimizer}
    schedule = instantiate(config.scheduler, optimizer=optimizer)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _views(config: DictConfig, wanted: Mapping[str, str]) -> dict[str, View | None]:
    """name in the episode -> what makes it, by the data set's own meaning of 'weak' and 'strong'."""
    kinds = config.dataset.get("views", {})
    for kind in wanted.values():
        if kind != PLAIN and kind not in kinds:
            raise ConfigError(one_of(f"dataset.views of '{config.dataset.name}'", kind, [PLAIN, *kinds]))
    return {name: None if kind == PLAIN else instantiate(kinds[kind]) for name, kind in wanted.items()}
