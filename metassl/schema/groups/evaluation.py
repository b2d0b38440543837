"""Validation and meta-test."""

from typing import Literal

from pydantic import BaseModel

from metassl.schema.groups.episode import Imbalance
from metassl.schema.ranges import Count, Seed, Switch


class EvaluationKeys(BaseModel):
    """`evaluation` of conf/config.yaml."""

    split: Literal["val", "test"]
    episodes: Count
    twin: Switch
    train_twin: Switch
    imbalance: Imbalance
    baseline_episodes: Count
    val_episodes: Count
    seed: Seed
    tasks: Count
    checkpoint: Literal["best", "last"]
