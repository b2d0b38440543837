"""Episodes: what they hold, that nothing overlaps, and that they depend on (seed, split, i) alone."""

from dataclasses import replace

import numpy as np
import pytest

from metassl.data.drawing.draw import Draw
from metassl.data.drawing.labels import labelled_images
from metassl.data.pool import Pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import EpisodeSpec, episode_spec
from metassl.errors import ConfigError

BASE = {
    "way": 4, "shot": 2, "queries": 3, "unlabelled": 3, "distractors": 2, "distractor_unlabelled": 4,
    "imbalance": 1.0, "class_aware": True, "transductive": False, "label_ratio": 1.0, "label_seed": 0,
}  # fmt: skip
ARRAYS = [
    name
    for name in Draw.__dataclass_fields__
    if name not in ("generators", "items", "family", "support_true")
]


def spec(**changes: object) -> EpisodeSpec:
    return episode_spec(**(BASE | changes))  # type: ignore[arg-type]


def pool(counts: list[int] | None = None) -> Pool:
    sizes = np.array(counts if counts is not None else [16 + k % 5 for k in range(20)])
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    items = np.arange(sizes.sum(), dtype=np.float32)[:, None]
    return Pool(items, starts, sizes, [f"class{k}" for k in range(len(sizes))], np.arange(len(sizes)) + 100)


def owner(p: Pool, rows: np.ndarray) -> np.ndarray:
    return np.searchsorted(p.starts, rows, side="right") - 1


CASES = {
    "plain": {},
    "ranges": {"way": [2, 5], "shot": [1, 3]},
    "few labels": {"label_ratio": 0.4},
    "imbalanced": {"imbalance": 3.0},
    "by chance": {"dirichlet": 0.5},
    "by chance, ranges, few labels": {"dirichlet": 0.5, "way": [2, 5], "shot": [1, 2], "label_ratio": 0.4},
    "agnostic": {"class_aware": False},
    "agnostic, few labels": {"class_aware": False, "label_ratio": 0.4},
    "ranges, few labels": {"way": [2, 5], "shot": [1, 3], "label_ratio": 0.5, "unlabelled": 2},
    "transductive": {"transductive": True},
    "no U": {"unlabelled": 0, "distractors": 0},
    "every image taken": {"queries": 14, "unlabelled": 0, "distractors": 0},
    "more of a distractor": {"queries": 8, "unlabelled": 2, "distractor_unlabelled": 8},
}


@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_nothing_overlaps_and_labels_are_right(changes: dict, outer: bool) -> None:
    p, s = pool(), spec(**changes)
    if outer and s.label_ratio < 1:
        s = replace(s, unlabelled=2, distractor_unlabelled=2)
    sampler = EpisodeSampler(p, s, 0, "train", outer=outer)
    draw = sampler(range(50))
    for t in range(50):
        real = {
            k: getattr(draw, k)[t][getattr(draw, f"{k}_weight")[t]]
            for k in ("support", "query", "unlabelled", "outer")
        }
        sets = ["support", "query"] if s.transductive else list(real)
        rows = np.concatenate([real[k] for k in sets])
        assert len(set(rows)) == len(rows)
        n, classes = draw.class_mask[t].sum(), draw.class_ids[t] - 100
        for k in ("support", "query", "unlabelled", "outer"):
            y = getattr(draw, f"{k}_y")[t][getattr(draw, f"{k}_weight")[t]]
            for label, row in zip(y, real[k], strict=True):
                true = owner(p, np.array([row]))[0]
                assert (true == classes[label]) if label >= 0 else true not in classes[:n]
        counts = np.bincount(draw.support_y[t][draw.support_weight[t]], minlength=n)
        assert counts.min() == counts.max()
        assert s.shot.low <= counts[0] <= s.shot.high
        assert s.way.low <= n <= s.way.high
        assert (np.bincount(draw.query_y[t][draw.query_weight[t]]) == s.queries).all()
        if s.label_ratio < 1:
            labelled = {
                p.starts[c] + i
                for c, i in zip(*np.nonzero(labelled_images(p.counts, s.label_ratio, 0)), strict=True)
            }
            assert set(real["support"]) | set(real["query"]) <= labelled
            assert not (set(real["unlabelled"]) | set(real["outer"])) & labelled


def test_counts_of_u() -> None:
    draw = EpisodeSampler(pool(), spec(), 0, "train")(range(10))
    for t in range(10):
        assert np.bincount(draw.unlabelled_y[t] + 1).tolist() == [8, 3, 3, 3, 3]
    draw = EpisodeSampler(pool(), spec(imbalance=3.0, unlabelled=6), 0, "val")(range(10))
    for t in range(10):
        assert np.bincount(draw.unlabelled_y[t] + 1).tolist() == [8, 6, 4, 3, 2]  # 6·3^(-j/3)


def test_transductive_u_is_q() -> None:
    draw = EpisodeSampler(pool(), spec(transductive=True), 0, "train")(range(5))
    np.testing.assert_array_equal(draw.unlabelled, draw.query)


def test_agnostic_u_is_mostly_of_other_classes() -> None:
    draw = EpisodeSampler(pool(), spec(class_aware=False, distractors=0), 0, "train")(range(400))
    # 4 of 20 classes, less the support and queries that are taken out of them
    free = 4 * (18 - 5) / (20 * 18 - 4 * 5)
    assert abs((draw.unlabelled_y >= 0).mean() - free) < 0.03


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_episode_depends_on_its_number_alone(changes: dict) -> None:
    p, s = pool(), spec(**changes)
    sampler = EpisodeSampler(p, s, 7, "train")
    together = sampler(range(20, 30))
    for place, i in enumerate(range(20, 30)):
        alone = EpisodeSampler(p, s, 7, "train")([i])
        for name in ARRAYS:
            np.testing.assert_array_equal(
                getattr(alone, name)[0], getattr(together, name)[place], err_msg=name
            )
        # the views' random numbers, too
        assert alone.generators[0].random() == together.generators[place].random()


def test_any_selection_of_episodes_gives_the_same() -> None:
    """Ranks of a distributed run take every second one; a list may come in any order."""
    sampler = EpisodeSampler(pool(), spec(), 7, "train")
    together = sampler(range(20, 40)).support
    for chosen in (range(21, 40, 2), [33, 20, 21, 22, 39]):
        np.testing.assert_array_equal(sampler(chosen).support, together[np.array(chosen) - 20])


@pytest.mark.parametrize(
    "changes",
    [{"unlabelled": 0}, {"unlabelled": 5}, {"distractors": 0}, {"distractors": 4}, {"dirichlet": 0.5}],
)
@pytest.mark.parametrize("label_ratio", [1.0, 0.4])
def test_support_and_queries_stay_when_u_changes(changes: dict, label_ratio: float) -> None:
    """So accuracies at several M, or with and without distractors, are of the same tasks."""
    one, other = (
        EpisodeSampler(pool(), spec(label_ratio=label_ratio, **c), 7, "train")(range(20))
        for c in ({}, changes)
    )
    for name in ("support", "support_y", "query", "query_y", "class_ids"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_seed_and_split_matter() -> None:
    p = pool()
    one = EpisodeSampler(p, spec(), 0, "train")(range(4)).support
    assert (one != EpisodeSampler(p, spec(), 1, "train")(range(4)).support).any()
    assert (one != EpisodeSampler(p, spec(), 0, "val")(range(4)).support).any()
    assert (one[0] != one[1]).any()


def test_classes_and_images_are_uniform() -> None:
    """Every class, every image and every label place is as likely as any other (χ² by hand)."""
    p = pool([16] * 10)
    draw = EpisodeSampler(p, spec(distractors=0), 3, "train")(range(3000))
    for rows, bins in ((draw.support, 160), (draw.unlabelled, 160)):
        seen = np.bincount(rows.ravel(), minlength=bins)
        expected = seen.sum() / bins
        chi2 = ((seen - expected) ** 2 / expected).sum()
        assert chi2 < 230  # 159 degrees of freedom: P(χ² > 230) = 2e-4
    # class identity does not leak into the label: each class meets each label equally often
    draw = EpisodeSampler(p, spec(distractors=0), 3, "train")(range(20_000))
    table = np.zeros((10, 4))
    np.add.at(table, (draw.class_ids - 100, np.broadcast_to(np.arange(4), draw.class_ids.shape)), 1)
    assert abs(table / table.mean() - 1).max() < 0.1  # 5 standard deviations


def test_order_of_u_and_q_tells_nothing() -> None:
    draw = EpisodeSampler(pool(), spec(distractors=0), 0, "train")(range(2000))
    for y in (draw.query_y, draw.unlabelled_y):
        for place in range(y.shape[1]):
            assert abs(np.bincount(y[:, place], minlength=4) / 2000 - 0.25).max() < 0.06


def test_label_split_is_by_image_with_its_own_seed() -> None:
    counts = np.array([20, 20, 10])
    split = labelled_images(counts, 0.1, 0)
    assert split.sum(1).tolist() == [2, 2, 1]
    assert not split[2, 10:].any()
    np.testing.assert_array_equal(split, labelled_images(counts, 0.1, 0))
    assert (split != labelled_images(counts, 0.1, 1001)).any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"way": 25}, ["episode.way", "way 25", "27 classes", "'train' has 20"]),
        ({"queries": 30}, ["shot 2 + queries 30", "class0", "16"]),
        ({"unlabelled": 14}, ["unlabelled 14", "19", "class0", "16"]),
        ({"label_ratio": 0.1}, ["label_ratio=0.1", "class0", "2 with label"]),
        ({"label_ratio": 0.9}, ["label_ratio=0.9", "without label"]),
        ({"class_aware": False, "unlabelled": 200}, ["episode.unlabelled", "split 'train' has"]),
    ],
)
def test_too_little_data_says_what_is_short(changes: dict, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        EpisodeSampler(pool(), spec(**changes), 0, "train")
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"way": 1}, "episode.way"), ({"way": "five"}, "episode.way"), ({"way": [5, 3]}, "episode.way"),
        ({"shot": 0}, "episode.shot"), ({"queries": -1}, "episode.queries"),
        ({"queries": 1.5}, "episode.queries"),
        ({"unlabelled": True}, "episode.unlabelled"), ({"label_ratio": 1.5}, "episode.label_ratio"),
        ({"imbalance": 0.5}, "episode.imbalance"), ({"dirichlet": 0}, "episode.dirichlet"),
        ({"dirichlet": 2.0, "imbalance": 3.0}, "episode.dirichlet: found 2.0 beside imbalance=3, allowed"),
        ({"dirichlet": 2.0, "class_aware": False}, "episode.dirichlet: .* class_aware=false"),
        ({"dirichlet": 2.0, "transductive": True}, "episode.dirichlet: .* transductive=true"),
    ],
)  # fmt: skip
def test_bad_values_name_their_key(changes: dict, key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        spec(**changes)
