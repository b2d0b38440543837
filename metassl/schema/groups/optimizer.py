"""The outer optimiser and its schedule. torch says nothing of the ranges of its arguments; here they are."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from metassl.schema.hints import Hint, Part
from metassl.schema.ranges import BelowOne, Count, NotNegative, Positive, Share, Whole

OF_TORCH: Mapping[str, Hint] = {
    "lr": Positive,
    "eps": NotNegative,
    "weight_decay": NotNegative,
    "momentum": BelowOne,
    "dampening": Share,
    "betas": tuple[BelowOne, BelowOne],
    "alpha": Share,
    "rho": Share,
    "lr_decay": NotNegative,
    "lambd": NotNegative,
    "T_max": Count,
    "T_0": Count,
    "T_mult": Count,
    "eta_min": NotNegative,
    "milestones": Sequence[Count],
    "step_size": Count,
    "gamma": Positive,
    "start_factor": Share,
    "end_factor": Share,
    "total_iters": Whole,
    "power": Positive,
    "max_lr": Positive,
    "base_lr": Positive,
    "total_steps": Count,
    "patience": Whole,
}
"""By name of the argument, in every optimiser and schedule."""


class OptimizerKeys(BaseModel):
    """conf/optimizer."""

    optimizer: Part
    ssl_lr: NotNegative | None
    scheduler: Part | None
