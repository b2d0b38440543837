"""Where things lie, and who else is told."""

from pydantic import BaseModel

from metassl.schema.hints import Part
from metassl.schema.ranges import Word


class PathKeys(BaseModel):
    """`paths` of conf/config.yaml."""

    data_dir: Word
    cache_dir: Word
    output_dir: Word
    twin_dir: Word


class LoggerKeys(BaseModel):
    """conf/logger."""

    extra: Part | None
