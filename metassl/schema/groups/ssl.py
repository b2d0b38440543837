"""Where an SSL objective enters, and how strongly; metassl.ssl.term.SSLTerm takes the same."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from metassl.schema.hints import Part
from metassl.schema.ranges import NotNegative, Positive, Share, Switch, Whole


class SSLKeys(BaseModel):
    """conf/ssl, and `ssl` of conf/config.yaml."""

    objective: Part
    wrapped: "SSLKeys"  # of what a meta-learned objective wraps
    at: Literal["test", "inner", "outer", "both"]
    weight: NotNegative
    refit_weight: NotNegative | None
    outer_weight: NotNegative
    start: Share
    ramp: Share
    from_step: Whole
    step_schedule: Literal["constant", "ramp"]
    in_statistics: Switch
    distractors: Literal["none", "threshold", "mask", "extra_class"]
    distractor_threshold: Positive
    stop_gradient: Switch | None

    @classmethod
    def together(cls, key: str, values: Mapping[str, Any]) -> Iterator[str]:
        """The number of a threshold is a probability; that of the other policies is none."""
        found = values.get("distractor_threshold")
        if values.get("distractors") == "threshold" and isinstance(found, int | float) and found > 1:
            yield (
                f"{key}.distractor_threshold: found {found}, allowed with {key}.distractors=threshold is a "
                "number from 0 to 1."
            )
