"""From the config to the objects of a run. Nothing here knows a method, a data set or a norm by name."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from metassl.compatibility import check_engine
from metassl.data import store
from metassl.data.builder import EpisodeBuilder, chosen_views
from metassl.data.class_tasks import ClassTasks
from metassl.data.low_quality.corruption import corruption_of
from metassl.data.task_source import PreparedTasks, TaskSource
from metassl.data.task_stream import TaskStream
from metassl.data.views import View
from metassl.engine.base import Engine
from metassl.errors import ConfigError
from metassl.instantiate import instantiate
from metassl.learners.base import MetaLearner
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES
from metassl.tasks.spec import TaskSpec
from metassl.training.datamodule import EpisodeDataModule
from metassl.training.embedding import embedded_tasks, picture_features, view_nodes
from metassl.training.groups import one_group, parameter_groups, refuse_nothing_to_train
from metassl.training.module import MetaModule


def build_source(config: DictConfig) -> TaskSource:
    """Where the tasks come from; a data set is prepared now if it was not before."""
    features = picture_features(config)
    source = instantiate(config.dataset.source)
    load = partial(store.load, cache_dir=Path(config.paths.cache_dir))
    if features is not None:
        return embedded_tasks(source, features, load, config.dataset.name)
    if isinstance(source, TaskSource):  # it makes tasks itself
        return source
    return source.prepared(load) if isinstance(source, PreparedTasks) else ClassTasks(load(source))


def build_make_ups(config: DictConfig, source: TaskSource) -> tuple[Any, Any]:
    """The make-up of training episodes and of validation and test episodes."""
    return source.make_ups(*make_up_values(config))


def make_up_values(config: DictConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plain values of the make-up of training episodes, and those that change at validation and test."""
    train = cast(dict[str, Any], OmegaConf.to_container(config.episode, resolve=True))
    return train, {key: value for key, value in train.pop("test").items() if value is not None}


def build_task_spec(config: DictConfig, source: TaskSource) -> TaskSpec:
    """What heads and backbones need to know of the tasks."""
    # runs of before there were others ask for classes
    outcome: Outcome = instantiate(config.outcome) if "outcome" in config else CLASSES
    if not isinstance(outcome, source.outcomes):
        allowed = " or ".join(kind.asks for kind in source.outcomes)
        raise ConfigError(
            f"outcome: found '{outcome.name}', which asks for {outcome.asks}; tasks of dataset "
            f"'{config.dataset.name}' can ask for {allowed}."
        )
    return source.task_spec(*build_make_ups(config, source), outcome)


def build_engine(config: DictConfig, learner: MetaLearner) -> Engine:
    """How tasks run."""
    engine: Engine = instantiate(config.engine)
    check_engine(learner, engine)
    return engine


def build_datamodule(config: DictConfig, source: TaskSource, learner: MetaLearner) -> EpisodeDataModule:
    """Training and validation episodes, with the views that the objective asked for."""
    trainer, evaluation = config.trainer, config.evaluation
    world = max(int(trainer.devices), 1) if str(trainer.devices).isdigit() else 1  # 0: Lightning's to refuse
    if trainer.tasks % world:
        raise ConfigError(
            f"trainer.tasks: found {trainer.tasks}, allowed are multiples of the {world} devices."
        )
    return EpisodeDataModule(
        build_episodes(config, source, learner, "train", config.seed),
        build_episodes(config, source, learner, "val", evaluation.seed),
        tasks=trainer.tasks,
        val_episodes=evaluation.val_episodes,
        eval_tasks=evaluation.tasks,
        workers=trainer.workers,
    )


def build_test_stream(
    config: DictConfig, source: TaskSource, learner: MetaLearner, episodes: int
) -> TaskStream:
    """The fixed episodes of the meta-test."""
    evaluation = config.evaluation
    builder = build_episodes(config, source, learner, evaluation.split, evaluation.seed)
    return TaskStream(builder, evaluation.tasks, episodes)


def build_episodes(
    config: DictConfig, source: TaskSource, learner: MetaLearner, split: str, seed: int
) -> EpisodeBuilder:
    """What makes the episodes of a split, with what this learner and its objective need."""
    training, ssl = split == "train", learner.ssl
    make_up = build_make_ups(config, source)[0 if training else 1]
    inner, outer = ssl.inner_views(training), ssl.outer_views(training)
    task = build_task_spec(config, source)
    return EpisodeBuilder(
        source.sampler(make_up, seed, split, bool(outer)),
        source.items(),
        _views(config, {**inner, **outer}),
        bool(inner),
        bool(outer),
        draws=ssl.objective.draws(task.input_shape),
        task_draws=learner.draws,
        outcome=task.outcome,
        redraws=learner.redraws(training),
        corruption=corruption_of(make_up.quality, task.input_shape, make_up.transductive, seed, split),
    )


def build_module(config: DictConfig, learner: MetaLearner, outcome: Outcome = CLASSES) -> MetaModule:
    """The Lightning module around a learner."""
    optimizer = _optimizer(config.optimizer)
    engine = build_engine(config, learner)
    return MetaModule(learner, engine, optimizer, config.trainer.steps, config.seed, outcome)


def _optimizer(config: DictConfig) -> Callable[[MetaLearner], dict[str, Any]]:
    return partial(_configure, config)


def _configure(config: DictConfig, learner: MetaLearner) -> dict[str, Any]:
    # a resumed run of before there were groups finds one in its checkpoint
    groups = parameter_groups(learner) if "ssl_lr" in config else one_group(learner)
    refuse_nothing_to_train(groups)
    first, *more = groups
    optimizer = instantiate(config.optimizer, params=list(first.params))
    for group in more:
        optimizer.add_param_group({"params": list(group.params)})
    for made, group in zip(optimizer.param_groups, groups, strict=True):
        own = config.get("ssl_lr") if group.of_ssl else None
        made["lr"] = made["lr"] * group.factor if own is None else own
    if config.scheduler is None:
        return {"optimizer": optimizer}
    schedule = instantiate(config.scheduler, optimizer=optimizer)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _views(config: DictConfig, wanted: Mapping[str, str]) -> dict[str, View | None]:
    """name in the episode -> what makes it, by the data set's own meaning of 'weak' and 'strong'."""
    chosen = chosen_views(wanted, view_nodes(config), f"dataset.views of '{config.dataset.name}'")
    return {name: None if node is None else instantiate(node) for name, node in chosen.items()}
