"""What Lightning is told."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from metassl.schema.ranges import Count, Positive, Said, Switch, Whole, Word

Precision = Literal[
    "32-true", "32", 32, "64-true", "64", 64, "16-mixed", "16-true", "16", 16,
    "bf16-mixed", "bf16-true", "bf16", "transformer-engine", "transformer-engine-float16",
]  # fmt: skip
Devices = Annotated[
    Count
    | Literal[-1, "auto"]
    | Annotated[str, Field(pattern=r"^\d+(,\d+)*$")]
    | Annotated[list[Whole], Field(min_length=1)],
    Said("their number, a list of their numbers, -1 or auto for all"),
]


class TrainerKeys(BaseModel):
    """conf/trainer."""

    steps: Count
    tasks: Count
    val_every: Count
    checkpoint_every: Count
    log_every: Count
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"]
    devices: Devices
    strategy: Word
    precision: Precision
    clip: Positive | None
    accumulate: Count
    workers: Whole
    threads: Count | None
    progress: Switch
