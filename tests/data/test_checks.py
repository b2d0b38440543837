"""Contents that no source may give are refused, each in one line."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from metassl.data.preparing.checks import check
from metassl.errors import DataError
from tests.support.sources import contents


def with_nan() -> np.ndarray:
    items = np.zeros((6, 2), dtype=np.float32)
    items[[2, 4], 1] = np.nan
    return items


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "dtype": ({"items": np.zeros((6, 2))}, "found dtype float64, allowed are uint8 and float32"),
    "nan": ({"items": with_nan()}, "in 2 of 6 items, the first in class 'b'"),
    "empty class": ({"counts": np.array([2, 0, 4])}, "class 'b' has no items"),
    "same name": ({"class_names": ["a", "b", "a"]}, "'a' occurs more than once"),
    "names missing": ({"class_names": ["a", "b"]}, "found 2 names and 3 counts"),
    "overlap": ({"splits": {"train": [0, 1], "test": [1]}}, "'b' is in split 'train' and in split 'test'"),
    "out of range": ({"splits": {"train": [3]}}, "found class index 3, allowed are 0 to 2"),
    "unknown split": ({"splits": {"dev": [1]}}, "found 'dev', allowed are train, val, test"),
}


@pytest.mark.parametrize("what", BAD)
def test_invalid_contents_are_refused(what: str) -> None:
    change, line = BAD[what]
    with pytest.raises(DataError, match=re.escape(line)):
        check(replace(contents(), **change))
