"""The user's own .npz: what is read, and one line for everything that can't be."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metassl.data.arrays import Arrays
from metassl.data.store import load
from metassl.errors import ConfigError, DataError, UserError
from tests.support import broken_files


def images() -> np.ndarray:
    return np.arange(10 * 4, dtype=np.uint8).reshape(10, 2, 2)


LABELS = np.array([4, 0, 2, 1, 3, 4, 0, 2, 1, 3])
NAMES = np.array(["ape", "bee", "cat", "dog", "emu"])


def saved(folder: Path, **arrays: Any) -> Path:
    """An .npz of the arrays above, with changes; None leaves one out."""
    whole = {"images": images(), "labels": LABELS, "class_names": NAMES, **arrays}
    path = folder / "data.npz"
    np.savez(path, **{key: array for key, array in whole.items() if array is not None})
    return path


def test_items_are_sorted_by_class_and_keep_their_order(tmp_path: Path) -> None:
    contents = Arrays(saved(tmp_path)).read()
    assert contents.items.shape == (10, 2, 2, 1)
    np.testing.assert_array_equal(contents.items[..., 0], images()[[1, 6, 3, 8, 2, 7, 4, 9, 0, 5]])
    np.testing.assert_array_equal(contents.counts, [2] * 5)
    assert list(contents.class_names) == list(NAMES)


def test_labels_name_themselves_where_there_are_no_names(tmp_path: Path) -> None:
    assert Arrays(saved(tmp_path, class_names=None)).read().class_names == list("01234")
    assert Arrays(saved(tmp_path, labels=NAMES[LABELS])).read().class_names == list(NAMES)


def test_labels_may_skip_values(tmp_path: Path) -> None:
    contents = Arrays(saved(tmp_path, labels=LABELS * 7, class_names=None)).read()
    assert contents.class_names == ["0", "7", "14", "21", "28"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_vectors_become_float32(tmp_path: Path, dtype: str) -> None:
    vectors = np.linspace(-1, 1, 30, dtype=dtype).reshape(10, 3)
    contents = Arrays(saved(tmp_path, images=vectors)).read()
    assert contents.items.dtype == np.float32
    assert contents.items.shape == (10, 3)


def test_ratio_splits_whole_classes_by_seed(tmp_path: Path) -> None:
    path = saved(tmp_path)
    one, same, other = (Arrays(path, seed=seed).read().splits for seed in (0, 0, 1))
    assert [len(one[split]) for split in ("train", "val", "test")] == [3, 1, 1]
    assert sorted(k for classes in one.values() for k in classes) == list(range(5))
    assert one == same
    assert one != other


def test_split_file(tmp_path: Path) -> None:
    file = tmp_path / "splits.json"
    file.write_text(json.dumps({"train": ["emu", "ape"], "test": ["cat"]}))
    splits = Arrays(saved(tmp_path), splits=file).read().splits
    assert splits == {"train": [4, 0], "val": [], "test": [2]}


def test_edit_of_data_or_split_file_gives_another_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "splits.json"
    file.write_text('{"train": ["ape"]}')
    source = Arrays(saved(tmp_path), splits=file)
    first = source.fingerprint()
    file.write_text('{"train": ["bee"]}')
    second = source.fingerprint()
    saved(tmp_path, class_names=None)
    assert first != second != source.fingerprint() != first


def with_nan() -> np.ndarray:
    vectors = np.zeros((10, 3))
    vectors[3] = np.nan
    return vectors


BAD_ARRAYS: dict[str, tuple[dict[str, Any], str]] = {
    "wrong key": (
        {"images": None, "image": images()},
        "array: found 'images'. Did you mean 'image'? Allowed: ",
    ),
    "item dtype": (
        {"images": images().astype(np.int64)},
        "array 'images': found int64 [10, 2, 2], allowed are",
    ),
    "uint8 vectors": ({"images": images()[:, 0]}, "array 'images': found uint8 [10, 2], allowed are"),
    "five axes": ({"images": images()[..., None, None]}, "found uint8 [10, 2, 2, 1, 1], allowed are"),
    "no pixels": ({"images": images()[:, :0]}, "found shape [10, 0, 2], no size may be 0"),
    "label dtype": (
        {"labels": LABELS.astype(float)},
        "array 'labels': found float64 [10], allowed are whole",
    ),
    "label shape": ({"labels": LABELS[:, None]}, "array 'labels': found int64 [10, 1], allowed are whole"),
    "negative label": ({"labels": LABELS - 1}, "array 'labels': found label -1, allowed are labels >= 0"),
    "label beyond names": ({"labels": LABELS + 1}, "found label 5, allowed by 'class_names' are 0 to 4"),
    "label count": ({"labels": LABELS[:9]}, "found 10 items in 'images' and 9 labels in 'labels'"),
    "nothing": ({"images": images()[:0], "labels": LABELS[:0]}, "found 0 items in 'images' and 0 labels"),
    "one class": ({"labels": LABELS * 0}, "found 1 class, at least 2 are needed"),
    "names dtype": (
        {"class_names": np.arange(5)},
        "array 'class_names': found int64 [5], allowed are strings",
    ),
    "same name": ({"class_names": NAMES[[0, 1, 2, 3, 0]]}, "class name 'ape' occurs more than once"),
    "objects": (
        {"images": np.array([None] * 10)},
        "array 'images': found pickled objects, which could run code. Allowed are plain arrays",
    ),
    "nan": (
        {"images": with_nan()},
        "data.npz': items: found NaN or infinite values in 1 of 10 items, the first",
    ),
    "float32 overflow": ({"images": np.full((10, 3), 1e300)}, "infinite values in 10 of 10 items"),
}


@pytest.mark.parametrize("what", BAD_ARRAYS)
def test_bad_arrays_give_one_line(tmp_path: Path, what: str) -> None:
    change, line = BAD_ARRAYS[what]
    path = saved(tmp_path, **change)
    with pytest.raises(DataError, match=re.escape(line)) as caught:
        load(Arrays(path), tmp_path / "cache")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_arrays_that_are_not_asked_for_stay_unread(tmp_path: Path) -> None:
    path = saved(tmp_path, comments=np.array([{"a": 1}], dtype=object))
    assert len(Arrays(path).read().items) == 10


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.97])
def test_truncated_file(tmp_path: Path, keep: float) -> None:
    path = saved(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep if keep > 1 else keep * len(whole))])
    with pytest.raises(DataError, match=re.escape(f"'{path}' can't be read as an .npz")):
        Arrays(path).read()


def test_single_array_file(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", images())
    with pytest.raises(DataError, match=r"is not an \.npz file"):
        Arrays(tmp_path / "data.npy").read()


@pytest.mark.parametrize("path", ["", None])
def test_no_path(path: Any) -> None:
    with pytest.raises(DataError, match=r"dataset\.source\.path: found nothing"):
        Arrays(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.*none\.npz' is not a file"):
        load(Arrays(tmp_path / "none.npz"), tmp_path / "cache")


@pytest.mark.parametrize(
    "ratio", [(0.6, 0.2), (0.6, 0.2, 0.3), (1.2, -0.2, 0), ("a", 0, 1), 1, (np.nan, 0, 1)]
)
def test_bad_ratio(tmp_path: Path, ratio: Any) -> None:
    with pytest.raises(ConfigError, match=r"dataset\.source\.ratio: found .*, allowed are three shares"):
        load(Arrays(saved(tmp_path), ratio=ratio), tmp_path / "cache")


BAD_SPLITS = {
    "no json": ("train: [ape]", "can't be read as JSON"),
    "another form": ('{"train": "ape"}', "found another form"),
    "unknown split": ('{"trian": ["ape"]}', "found 'trian'. Did you mean 'train'?"),
    "unknown class": ('{"train": ["aqe"]}', "found 'aqe'. Did you mean 'ape'?"),
    "class twice": (
        '{"train": ["ape"], "val": ["ape"]}',
        "class 'ape' is in split 'train' and in split 'val'",
    ),
}


@pytest.mark.parametrize("what", BAD_SPLITS)
def test_bad_split_file(tmp_path: Path, what: str) -> None:
    text, line = BAD_SPLITS[what]
    file = tmp_path / "splits.json"
    file.write_text(text)
    with pytest.raises(UserError, match=re.escape(line)):
        load(Arrays(saved(tmp_path), splits=file), tmp_path / "cache")


def test_no_such_split_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"split file '.*none\.json' doesn't exist"):
        load(Arrays(saved(tmp_path), splits=tmp_path / "none.json"), tmp_path / "cache")


def test_a_header_that_claims_more_than_there_is_is_refused_before_room_is_made(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(broken_files.archive({"images.npy": broken_files.npy((broken_files.HUGE,))}))
    with pytest.raises(
        DataError, match=r"array 'images': its header claims 39,582,418,599,936 bytes, found 4"
    ):
        Arrays(path).read()
