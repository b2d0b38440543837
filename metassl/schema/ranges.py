"""What a number or a word of a config may be, as types for the arguments of a constructor.

A class that a config names says by them what each of its keys may be, and nothing else has to be written:

    def __init__(self, rate: Positive = 0.1, steps: Count = 3, rule: Literal["a", "b"] = "a") -> None:

To a type checker they are plain `float`, `int` and `bool`. NaN, infinity and numbers beyond 1e9 are no
numbers here; a word is none either, nor is 1 a truth value.
"""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

LARGEST = 1e9
WHOLE = 10**9


class Said(NamedTuple):
    """What is allowed, in words, where a type alone would not say it well."""

    text: str


def _rising(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("the first is larger")
    return pair


Switch = Annotated[bool, Field(strict=True)]
Word = Annotated[str, Field(strict=True)]

Whole = Annotated[int, Field(strict=True, ge=0, le=WHOLE)]
Count = Annotated[int, Field(strict=True, ge=1, le=WHOLE)]
Several = Annotated[int, Field(strict=True, ge=2, le=WHOLE)]
Pixels = Annotated[int, Field(strict=True, ge=1, le=4096)]
Seed = Annotated[int, Field(strict=True, ge=0, le=2**32 - 1)]

Number = Annotated[float, Field(strict=True, ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(strict=True, ge=0, le=LARGEST, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, gt=0, le=LARGEST, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Power = Annotated[float, Field(strict=True, gt=0, le=1, allow_inf_nan=False)]
Degrees = Annotated[float, Field(strict=True, ge=0, le=180, allow_inf_nan=False)]
BelowOne = Annotated[float, Field(strict=True, ge=0, lt=1, allow_inf_nan=False)]

Counts = Annotated[Sequence[Count], Field(min_length=1)]
Words = Annotated[Sequence[Word], Field(min_length=1)]
Weights = Annotated[Sequence[Positive], Field(min_length=1)]
Span = Annotated[
    tuple[Number, Number], AfterValidator(_rising), Said("a pair [low, high] of numbers, the lower first")
]
Shares = Annotated[
    tuple[Share, Share], AfterValidator(_rising), Said("a pair [low, high] of numbers from 0 to 1")
]
Ratio = Annotated[Sequence[Share], Field(min_length=3, max_length=3), Said("three numbers from 0 to 1")]
