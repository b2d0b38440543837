"""Which family an episode is of, and that all in it is of that family."""

from dataclasses import fields
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from metassl.data.drawing.draw import Draw
from metassl.data.mixture.tasks import MixtureTasks
from metassl.data.sampler import EpisodeSampler
from tests.data.mixture.made import CLASSES, DRAWINGS, Made, mixture, spec

STYLES = ("plain", "inverted")
MAKE_UPS = [
    {}, {"distractors": 2}, {"way": [2, 5], "shot": [1, 3], "distractors": 1}, {"imbalance": 3.0, "unlabelled": 4},
    {"class_aware": False, "distractors": 1}, {"dirichlet": 1.0}, {"transductive": True}, {"label_ratio": 0.5, "unlabelled": 2},
]  # fmt: skip
KEYS = [" ".join(changes) or "standard" for changes in MAKE_UPS]


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> MixtureTasks:
    return mixture(tmp_path_factory.mktemp("mixture"), styles=STYLES)


def arrays(draw: Draw) -> dict[str, np.ndarray]:
    return {f.name: x for f in fields(draw) if isinstance(x := getattr(draw, f.name), np.ndarray)}


def seen(tasks: MixtureTasks, draw: Draw, part: str) -> np.ndarray:
    """[T, n, 3] member, class and drawing of each picture, by its pixels."""
    items = tasks.items()[getattr(draw, part)][:, :, 0, :3, 0].astype(int)
    style = draw.family % len(STYLES)
    return np.where((style == 1)[:, None, None], 255 - items, items)


@pytest.mark.parametrize("changes", MAKE_UPS, ids=KEYS)
def test_an_episode_is_a_function_of_its_number(tasks: MixtureTasks, changes: dict) -> None:
    sampler = tasks.sampler(spec(**changes), 3, "train", True)
    together = sampler(range(12))
    numbers = [11, 2, 7]
    alone = sampler(numbers)
    again = tasks.sampler(spec(**changes), 3, "train", True)([7])
    for name, x in arrays(together).items():
        np.testing.assert_array_equal(x[numbers], getattr(alone, name), err_msg=name)
        np.testing.assert_array_equal(x[[7]], getattr(again, name), err_msg=name)
    # what else is random in an episode, such as its views
    assert together.generators[7].random(4).tolist() == again.generators[0].random(4).tolist()


def test_other_seeds_and_splits_are_other_families(tasks: MixtureTasks) -> None:
    drawn = [
        tasks.sampler(spec(), *of, False)(range(64)).family for of in ((0, "train"), (1, "train"), (0, "val"))
    ]
    for one, other in combinations(drawn, 2):
        assert 0.1 < (one == other).mean() < 0.5


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("changes", MAKE_UPS[:5], ids=KEYS[:5])
def test_all_of_an_episode_is_of_its_family_and_split(tasks: MixtureTasks, changes: dict, split: str) -> None:
    make_up = spec(**{**changes, "way": changes.get("way", 3) if split == "train" else 3})
    draw = tasks.sampler(make_up, 0, split, True)(range(40))
    assert set(draw.family) == {0, 1, 2, 3}
    member = 1 + draw.family // len(STYLES)
    classes = tasks.contents.splits[split]
    for part in ("support", "query", "unlabelled", "outer"):
        pixels, weight = seen(tasks, draw, part), getattr(draw, f"{part}_weight")
        assert (pixels[..., 0] == member[:, None])[weight].all()
        ids = pixels[..., 1] + CLASSES * (member[:, None] - 1)
        assert np.isin(ids[weight], classes).all()
        label = getattr(draw, f"{part}_y")
        of_task = weight & (label >= 0)
        places = np.take_along_axis(draw.class_ids, np.maximum(label, 0), axis=1)
        assert (ids == places)[of_task].all()


def test_pictures_of_an_episode_are_all_different(tasks: MixtureTasks) -> None:
    draw = tasks.sampler(spec(distractors=2), 0, "train", True)(range(20))
    rows = np.concatenate([draw.support, draw.query, draw.unlabelled, draw.outer], axis=1)
    assert all(len(set(row)) == len(row) for row in rows.tolist())


def test_an_episode_is_one_of_its_data_set_alone(tasks: MixtureTasks) -> None:
    sampler = tasks.sampler(spec(distractors=1), 5, "train", False)
    draw = sampler(range(16))
    for t, f in enumerate(draw.family):
        pool = tasks.pools("ab"[f // len(STYLES)], "train")[f % len(STYLES)]
        alone = EpisodeSampler(pool, spec(distractors=1), 5, "train")([t])
        for name in ("support", "query", "unlabelled", "class_ids", "unlabelled_y"):
            np.testing.assert_array_equal(getattr(draw, name)[t], getattr(alone, name)[0])


def test_families_are_alike_often_and_weights_change_that(tmp_path: Path) -> None:
    def shares(**options: object) -> np.ndarray:
        made = mixture(tmp_path, styles=STYLES, **options)
        family = made.sampler(spec(), 0, "train", False)(range(4000)).family
        return np.bincount(family, minlength=4) / 4000

    np.testing.assert_allclose(shares(), 0.25, atol=0.03)
    np.testing.assert_allclose(shares(weights=[1, 3]), [0.125, 0.125, 0.375, 0.375], atol=0.03)


def test_a_family_says_nothing_of_which_classes_are_drawn(tasks: MixtureTasks) -> None:
    draw = tasks.sampler(spec(), 0, "train", False)(range(600))
    for family in range(4):
        assert len(set(draw.class_ids[draw.family == family, 0])) == 12  # each class has come first


def test_numbers_of_classes_differ_in_training_and_say_nothing_beyond(tasks: MixtureTasks) -> None:
    draw = tasks.sampler(spec(), 0, "train", False)(range(200))
    which = draw.class_ids  # a class under either style is one class
    pairs = set(zip(which.ravel().tolist(), draw.classes.ravel().tolist(), strict=True))
    assert len(pairs) == len({k for k, _ in pairs}) == len({n for _, n in pairs}) == 24
    assert {n for _, n in pairs} == set(range(24))
    beyond = tasks.sampler(spec(), 0, "val", False)(range(8))
    assert (beyond.classes == np.arange(3)).all()


def test_the_same_pictures_have_labels_in_every_style(tasks: MixtureTasks) -> None:
    samplers = tasks.sampler(spec(label_ratio=0.5, unlabelled=2), 0, "train", False).families
    np.testing.assert_array_equal(samplers[0].sampler.labelled, samplers[1].sampler.labelled)


def test_it_counts_pictures_of_the_split_in_all_styles(tasks: MixtureTasks) -> None:
    assert tasks.sampler(spec(), 0, "val", False).count == 2 * 2 * 5 * DRAWINGS


def test_members_may_have_classes_of_different_size(tmp_path: Path) -> None:
    class Fewer(Made):
        def read(self):
            made = super().read()
            kept = np.arange(len(made.items)) % DRAWINGS < 9
            return type(made)(made.items[kept], np.full(CLASSES, 9), made.class_names, made.splits, made.meta)

    made = mixture(tmp_path, {"a": Made(1), "b": Fewer(2, name="fewer")}, styles=STYLES)
    draw = made.sampler(spec(distractors=1), 0, "test", False)(range(30))
    assert (seen(made, draw, "support")[..., 0] == 1 + draw.family[:, None] // 2).all()
    assert (seen(made, draw, "unlabelled")[..., 0] == 1 + draw.family[:, None] // 2).all()
