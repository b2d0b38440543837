"""Classes that another data set has in a stricter split."""

import numpy as np

from metassl.data.mixture.kept_apart import known, left_out

RNG = np.random.default_rng(0)
POOL = RNG.integers(0, 256, (40, 4, 4, 1), dtype=np.uint8)


def left(*classes: tuple[str, str, int, np.ndarray], name: str = "c") -> dict:
    """Of (member, split, number, pictures)."""
    each = [k for member, split, n, x in classes for k in known(member, {split: [n]}, n, name, x)]
    return {member: {s: sorted(gone) for s, gone in of.items()} for member, of in left_out(each).items()}


def test_the_stricter_split_keeps_a_class() -> None:
    assert left(("a", "train", 0, POOL), ("b", "test", 7, POOL)) == {"a": {"train": [0]}}
    assert left(("a", "train", 0, POOL), ("b", "val", 7, POOL)) == {"a": {"train": [0]}}
    assert left(("a", "test", 0, POOL), ("b", "val", 7, POOL)) == {"b": {"val": [7]}}


def test_the_same_split_in_both_leaves_out_none() -> None:
    for split in ("train", "val", "test"):
        assert left(("a", split, 0, POOL), ("b", split, 0, POOL)) == {}


def test_a_data_set_keeps_its_own_split() -> None:
    assert left(("a", "train", 0, POOL), ("a", "test", 1, POOL)) == {}


def test_a_part_of_the_pictures_is_enough_and_single_ones_are_chance() -> None:
    assert left(("a", "train", 0, POOL[:30]), ("b", "test", 0, POOL[20:])) == {"a": {"train": [0]}}
    assert left(("a", "train", 0, POOL), ("b", "test", 0, POOL[:1])) == {"a": {"train": [0]}}  # all of b's
    assert left(("a", "train", 0, POOL[:21]), ("b", "test", 0, POOL[19:])) == {"a": {"train": [0]}}  # 2 of 21
    other = RNG.integers(0, 256, (60, 4, 4, 1), dtype=np.uint8)
    assert (
        left(("a", "train", 0, other), ("b", "test", 0, np.concatenate((POOL, other[:1])))) == {}
    )  # 1 of 41


def test_pictures_of_one_colour_say_nothing() -> None:
    blank = np.full((3, 4, 4, 1), 255, np.uint8)
    assert left(("a", "train", 0, blank), ("b", "test", 0, blank)) == {}


def test_a_class_of_wordnet_is_known_by_its_number() -> None:
    one, other = POOL[:10], POOL[10:]
    assert left(("a", "train", 0, one), ("b", "test", 5, other), name="n01532829") == {"a": {"train": [0]}}
    assert left(("a", "train", 0, one), ("b", "test", 5, other), name="0") == {}


def test_a_class_of_no_split_counts_for_none() -> None:
    assert not list(known("a", {"train": [0]}, 1, "c", POOL))
