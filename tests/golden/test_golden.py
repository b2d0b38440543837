"""The numbers of every family stay what they were when they were recorded (see record.py)."""

import json
from math import isfinite

import pytest

from tests.golden.cases import CASES
from tests.golden.measure import measure
from tests.golden.record import FILE, tiny

RECORDED = json.loads(FILE.read_text())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return tiny(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_recorded(data: list[str], name: str) -> None:
    """Not by the hash, which is of one machine's rounding; processors differ by up to 1e-5 of the largest."""
    found, recorded = measure(CASES[name], data), RECORDED[name]
    assert found.keys() == recorded.keys()
    assert all(map(isfinite, found["loss"]))  # nothing that diverges is to be held still
    for key in found.keys() - {"hash"}:
        largest = max(map(abs, as_list(recorded[key])))
        assert found[key] == pytest.approx(recorded[key], rel=3e-5, abs=3e-5 * largest), key


def as_list(value: float | list[float]) -> list[float]:
    return value if isinstance(value, list) else [value]
