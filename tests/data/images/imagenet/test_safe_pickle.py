"""Pickles of arrays: every protocol and both Pythons are read, and nothing that a file names ever runs."""

import functools
import os
import pickle
import re
import tracemalloc
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metassl.data.images.imagenet.safe_pickle import load
from metassl.errors import DataError
from tests.support.pickles import Call, python2, python3

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 2, 3), dtype=np.uint8)
CONTENT = {
    "image_data": IMAGES,
    "class_dict": {"n01532829": [0, 2], "n01558993": [np.int64(1), 3]},
    "turned": IMAGES.transpose(0, 3, 1, 2),
    "columns": np.asfortranarray(IMAGES[0]),
    "big-endian": np.arange(3, dtype=">i4"),
    "names": np.array(["robin", "finch"]),
    "bytes": b"\x89PNG\x00\xff",
    "more": (OrderedDict(a=1), None, True, 2.5, -(2**70), np.float32(0.5), [np.zeros((0, 3))], {1, 2}),
}


def assert_same(found: Any, expected: Any) -> None:
    if isinstance(expected, np.ndarray):
        assert isinstance(found, np.ndarray)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert_same(found[key], value)
    elif isinstance(expected, list | tuple):
        assert type(found) is type(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(tmp_path: Path, protocol: int) -> None:
    content = dict(CONTENT)
    if protocol < 4:  # these name builtins.set, which is not of our files
        content["more"] = content["more"][:-1]
    assert_same(load(python3(tmp_path / "x.pkl", content, protocol)), content)


def test_names_of_numpy_1(tmp_path: Path) -> None:
    content = pickle.dumps({"a": IMAGES, "n": np.int32(7)}, protocol=3)
    (tmp_path / "x.pkl").write_bytes(content.replace(b"numpy._core", b"numpy.core"))
    assert_same(load(tmp_path / "x.pkl"), {"a": IMAGES, "n": 7})


def test_python_2(tmp_path: Path) -> None:
    content = {"image_data": IMAGES, "class_dict": {"n01532829": [0, 1, 2, 3]}, "name": "robin"}
    path = python2(tmp_path / "x.pkl", content)
    assert b"numpy.core.multiarray" in path.read_bytes()
    assert_same(load(path), {**content, "name": b"robin"})


def test_each_array_is_handed_over_as_it_is_read(tmp_path: Path) -> None:
    seen: list[np.ndarray] = []

    def each(array: np.ndarray) -> int:
        seen.append(array)
        return len(seen)

    assert load(python3(tmp_path / "x.pkl", list(IMAGES)), each) == [1, 2, 3, 4]
    np.testing.assert_array_equal(np.stack(seen), IMAGES)


@pytest.mark.parametrize("write", [python2, *(functools.partial(python3, protocol=p) for p in (2, 4, 5))])
def test_arrays_handed_over_are_not_kept(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / "x.pkl", [np.full(100_000, k, dtype=np.uint8) for k in range(100)])
    tracemalloc.start()
    try:
        found = load(path, lambda array: int(array[0]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == list(range(100))
    assert (
        load(python3(tmp_path / "y.pkl", [IMAGES, IMAGES]), lambda array: array.sum()) == [IMAGES.sum()] * 2
    )
    assert peak < 2_000_000, "of 10 million bytes"


def test_what_each_raises_comes_out(tmp_path: Path) -> None:
    def each(array: np.ndarray) -> None:
        raise DataError("image 0 is no picture.")

    with pytest.raises(DataError, match=r"^image 0 is no picture\.$"):
        load(python3(tmp_path / "x.pkl", list(IMAGES)), each)


def runs(flag: Path) -> dict[str, Any]:
    """Pickles that touch `flag` if they have their way."""
    touch = f"open({str(flag)!r}, 'w').close()"
    from numpy.testing._private.utils import runstring

    return {
        "os.system": Call(os.system, f"touch {flag}"),
        "eval": Call(eval, touch),
        "exec": Call(exec, touch),
        "partial": Call(functools.partial(os.system, f"touch {flag}")),
        "numpy's runstring": Call(runstring, touch, {}),
        "in a dict": {"image_data": IMAGES, "class_dict": {"a": [Call(os.system, f"touch {flag}")]}},
        "as a key": {Call(os.system, f"touch {flag}"): 1},
        "defaultdict": defaultdict(functools.partial(os.system, f"touch {flag}")),
    }


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("what", runs(Path("flag")))
def test_nothing_runs(tmp_path: Path, what: str, protocol: int) -> None:
    flag = tmp_path / "flag"
    path = python3(tmp_path / "x.pkl", runs(flag)[what], protocol)
    with pytest.raises(DataError, match=re.escape(f"'{path}' is refused: it names '")) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert not flag.exists()


@pytest.mark.parametrize("what", ["os.system", "eval", "numpy's runstring", "in a dict"])
def test_the_danger_is_real(tmp_path: Path, what: str) -> None:
    """Without protection it runs."""
    pickle.loads(pickle.dumps(runs(tmp_path / "flag")[what]))
    assert (tmp_path / "flag").exists()


def test_a_list_in_lists_in_lists_is_read_once(tmp_path: Path) -> None:
    """Written out it would have 10^30 entries."""
    found: Any = [1]
    for _ in range(30):
        found = [found] * 10
    read = load(python3(tmp_path / "a.pkl", found))
    assert len(read) == 10
    assert read[0] is read[9]
