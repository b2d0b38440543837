"""Wrong labels of S: how many, which, and that nothing else of an episode changes."""

from dataclasses import fields

import numpy as np
import pytest

from metassl.data.class_tasks import ClassTasks
from metassl.data.drawing.draw import Draw
from metassl.data.low_quality.quality import Quality, to_interval
from metassl.data.low_quality.wrong_labels import WrongLabels, with_wrong_labels
from metassl.data.pool import Contents
from metassl.data.sampler import EpisodeSampler
from metassl.errors import ConfigError
from tests.data.test_sampler import pool, spec

SEED = 7
OTHERS = [
    f.name
    for f in fields(Draw)
    if f.name not in ("support_y", "support_true", "generators", "items", "family")
]


def drawn(
    share: object, count: int = 1000, seed: int = SEED, split: str = "train", **changes: object
) -> Draw:
    sampler = EpisodeSampler(pool(), spec(**changes), seed, split)
    return WrongLabels(sampler, to_interval(share), seed, split)(range(count))  # type: ignore[arg-type]


def wrong(draw: Draw) -> np.ndarray:
    assert draw.support_true is not None
    return draw.support_y != draw.support_true


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_the_share_is_what_was_asked_for_and_varies_as_that_of_independent_items(share: float) -> None:
    found = wrong(drawn(share, 3000))  # S = 8
    deviation = (share * (1 - share) / found.size) ** 0.5
    assert abs(found.mean() - share) < 4 * deviation
    np.testing.assert_allclose(found.mean(1).var(), share * (1 - share) / found.shape[1], rtol=0.1)


def test_every_other_class_is_as_likely_and_every_place() -> None:
    draw = drawn(0.5, 4000)
    step = ((draw.support_y - draw.support_true) % 4)[wrong(draw)]  # 4-way
    counts = np.bincount(step, minlength=4)
    assert counts[0] == 0
    assert np.abs(counts[1:] / counts.sum() - 1 / 3).max() < 0.02
    assert np.abs(wrong(draw).mean(0) - 0.5).max() < 0.04


@pytest.mark.parametrize(
    "changes", [{}, {"way": [2, 4], "shot": [1, 3]}, {"transductive": True}, {"dirichlet": 0.5}]
)
def test_nothing_else_changes(changes: dict) -> None:
    clean, noisy = (
        EpisodeSampler(pool(), spec(**changes), SEED, "train")(range(30)),
        drawn(0.4, 30, **changes),
    )
    np.testing.assert_array_equal(noisy.support_true, clean.support_y)
    for name in OTHERS:
        np.testing.assert_array_equal(getattr(noisy, name), getattr(clean, name), err_msg=name)
    assert noisy.generators[3].random() == clean.generators[3].random()


def test_padding_keeps_its_label_and_labels_are_of_classes_that_are_there() -> None:
    draw = drawn(0.9, 500, way=[2, 4], shot=[1, 3])
    assert not wrong(draw)[~draw.support_weight].any()
    way = draw.class_mask.sum(1, keepdims=True)
    assert (draw.support_y < way)[draw.support_weight].all()
    assert set(np.unique(way)) == {2, 3, 4}


def test_a_pure_function_of_seed_split_and_number() -> None:
    together = drawn(0.4, 40)
    alone = WrongLabels(EpisodeSampler(pool(), spec(), SEED, "train"), to_interval(0.4), SEED, "train")([33])
    np.testing.assert_array_equal(alone.support_y[0], together.support_y[33])
    assert (wrong(drawn(0.4, 40, seed=8)) != wrong(together)).any()
    assert (wrong(drawn(0.4, 40, split="val")) != wrong(together)).any()


def test_more_noise_keeps_what_is_wrong_already() -> None:
    few, many = drawn(0.2), drawn(0.4)
    assert (few.support_y == many.support_y)[wrong(few)].all()
    assert wrong(many).sum() > wrong(few).sum()


def test_a_range_is_drawn_anew_for_each_episode() -> None:
    found = wrong(drawn([0.0, 0.8], 3000, shot=6)).mean(1)  # S = 24
    assert abs(found.mean() - 0.4) < 0.02
    # the variance of a uniform share, and that of 24 items given it
    share = 0.8**2 / 12
    items = (0.4 - (share + 0.4**2)) / 24
    np.testing.assert_allclose(found.var(), share + items, rtol=0.08)


def test_no_noise_is_the_sampler_itself() -> None:
    sampler = EpisodeSampler(pool(), spec(), SEED, "train")
    assert with_wrong_labels(sampler, Quality(), SEED, "train") is sampler


def test_a_task_of_one_class_is_refused() -> None:
    def one_class(episodes: object) -> Draw:
        draw = EpisodeSampler(pool(), spec(), SEED, "train")(range(2))
        draw.class_mask[1, 1:] = False
        return draw

    noisy = WrongLabels(one_class, to_interval(0.2), SEED, "train")  # type: ignore[arg-type]
    with pytest.raises(
        ConfigError, match=r"^episode.label_noise: found a task of one class, .*; allowed is 0\.$"
    ):
        noisy(range(2))


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (1.0, "episode.label_noise: found 1.0, allowed is a number from 0 to below 1, or a range [low, high] of such."),
        ([0.4, 0.2], "episode.label_noise: found [0.4, 0.2], allowed is a number from 0 to below 1, or a range"),
        ("much", "episode.label_noise: found 'much', allowed is a number"),
    ],
)  # fmt: skip
def test_refused(value: object, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        spec(label_noise=value)
    assert str(caught.value).startswith(line)


def test_at_test_alone() -> None:
    items = np.zeros((100, 3), np.float32)
    splits = {"train": range(10), "test": range(10)}
    tasks = ClassTasks(Contents(items, np.full(10, 10), [f"c{k}" for k in range(10)], splits, {}))
    options = {"way": 4, "shot": 2, "queries": 2, "unlabelled": 2, "distractors": 0, "distractor_unlabelled": 0,
               "imbalance": 1.0, "class_aware": True, "transductive": False, "label_ratio": 1.0, "label_seed": 0}  # fmt: skip
    train, test = tasks.make_ups(options, {"label_noise": 0.4})
    assert tasks.sampler(train, 0, "train", False)(range(9)).support_true is None
    assert wrong(tasks.sampler(test, 0, "test", False)(range(9))).any()
    assert test.described()["label_noise"] == 0.4
    assert "label_noise" not in train.described()
