"""What is noted of the tasks of a training."""

import json
from pathlib import Path

import numpy as np
import pytest

import metassl
from metassl.errors import DataError
from metassl.trained.facts import Facts, read_facts
from metassl.trained.likeness import described
from tests.trained.test_likeness import drawings

HERE = Path("task.json")
KNOWN = Facts(5, (1, 28, 28), 12, described(drawings(3)).round(4))


def test_a_file_gives_what_was_written() -> None:
    found = read_facts(HERE, json.loads(json.dumps(KNOWN.plain())))
    assert (found.way, found.input_shape, found.base_classes) == (5, (1, 28, 28), 12)
    assert found.pictures is not None
    assert np.array_equal(found.pictures, KNOWN.pictures)
    assert read_facts(HERE, Facts(2, (8,), 0).plain()) == Facts(2, (8,), 0)
    embedded = Facts(2, (8,), 0, KNOWN.pictures, (3, 28, 28))
    found = read_facts(HERE, json.loads(json.dumps(embedded.plain())))
    assert (found.encoded_shape, found.picture_shape, found.input_shape) == ((3, 28, 28), (3, 28, 28), (8,))
    assert (KNOWN.picture_shape, Facts(2, (8,), 0).picture_shape) == ((1, 28, 28), None)
    assert KNOWN.task(metassl.TaskSpec(1, (1,)).outcome, 9).way == 9


@pytest.mark.parametrize(("key", "value", "line"), [
    ("version", 2, "found version 2 of the facts of a training, known is 1"),
    ("way", 0, "found way 0, allowed are whole numbers from 1 to 100,000"),
    ("way", True, "found way True"),
    ("input_shape", [28, 28], r"input_shape has to be \[channels, height, width\] or \[features\]"),
    ("input_shape", [1, 28, 10**9], "found input_shape 1000000000"),
    ("encoded_shape", [8], r"encoded_shape has to be \[channels, height, width\]\.$"),
    ("encoded_shape", [3, 0, 8], "found encoded_shape 0, allowed are whole numbers from 1"),
    ("base_classes", None, "found base_classes None"),
    ("pictures", [[0.0] * 5], "pictures has to be up to 200 rows of 6 numbers"),
    ("pictures", [[0.0] * 5 + ["x"]], "pictures has to be"),
    ("pictures", [], "pictures has to be"),
])  # fmt: skip
def test_a_file_from_anywhere(key: str, value: object, line: str) -> None:
    with pytest.raises(DataError, match=f"^task.json: {line}"):
        read_facts(HERE, {**KNOWN.plain(), key: value})
