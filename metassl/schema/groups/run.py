"""A whole run."""

from typing import Any

from pydantic import BaseModel

from metassl.schema.groups.dataset import DatasetKeys
from metassl.schema.groups.episode import EpisodeKeys
from metassl.schema.groups.evaluation import EvaluationKeys
from metassl.schema.groups.optimizer import OptimizerKeys
from metassl.schema.groups.paths import LoggerKeys, PathKeys
from metassl.schema.groups.ssl import SSLKeys
from metassl.schema.groups.trainer import TrainerKeys
from metassl.schema.hints import Part
from metassl.schema.ranges import Seed, Word


class RunKeys(BaseModel):
    """The top of every config; conf/config.yaml says what the keys are for."""

    seed: Seed
    resume: Word | None
    published: dict[str, Any] | None
    outcome: Part
    episode: EpisodeKeys
    backbone: Part
    engine: Part
    dataset: DatasetKeys
    model: Part
    distance: Part
    behind: Part
    start_distance: Part
    classifier: Part
    features: Part
    ssl: SSLKeys
    optimizer: OptimizerKeys
    trainer: TrainerKeys
    logger: LoggerKeys
    evaluation: EvaluationKeys
    paths: PathKeys
