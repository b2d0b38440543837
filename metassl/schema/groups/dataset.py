"""Where tasks come from."""

from pydantic import BaseModel

from metassl.schema.hints import Part
from metassl.schema.ranges import Word


class DatasetKeys(BaseModel):
    """conf/dataset."""

    name: Word
    source: Part
    views: dict[str, Part]
    features: Part | None = None
    feature_views: dict[str, Part] = {}
