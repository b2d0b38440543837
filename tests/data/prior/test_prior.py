"""Synthetic tables: of the sizes that were asked for, learnable, and the same each time."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading
from sklearn.tree import DecisionTreeClassifier

from metassl.data.prior.encoded import encoded
from metassl.data.prior.families import Clusters
from metassl.data.prior.labels import by_largest, by_order, shares
from metassl.data.tables.columns import Column
from metassl.data.tables.encoding import Encoder
from metassl.data.tables.sampler import TableSampler
from metassl.data.tables.spec import table_spec
from metassl.errors import ConfigError
from metassl.outcomes.classification import CLASSES
from tests.data.prior.made import FAMILIES, prior, raw

SPEC = {"classes": 10, "shot": 1, "queries": 30, "unlabelled": 80, "transductive": False}


def sampler(*words: str, split: str = "train", outer: bool = False, **spec: object) -> TableSampler:
    made = prior(*words).sampler(table_spec({**SPEC, **spec}), 0, split, outer)
    assert isinstance(made, TableSampler)
    return made


def test_sizes_are_within_their_ranges_and_fill_them() -> None:
    tables = [raw(k) for k in range(150)]
    rows, columns = (np.array([t.x.shape[a] for t in tables]) for a in (0, 1))
    classes = np.array([len(np.unique(t.y)) for t in tables])
    assert 20 <= rows.min() < 30
    assert 250 < rows.max() <= 300
    assert (columns.min(), classes.min()) == (1, 2)
    assert 40 < columns.max() <= 50
    assert 8 <= classes.max() <= 10
    assert all(np.bincount(t.y).min() >= 1 for t in tables)


def test_columns_are_of_every_kind() -> None:
    tables = [raw(k) for k in range(200)]
    assert {int(m) for t in tables for m in t.categories} == {0, *range(2, 9)}
    for t in tables:
        words = t.x[:, t.categories > 0]
        known = ~np.isnan(words)
        most = np.broadcast_to(t.categories[t.categories > 0] - 1, words.shape)
        assert (words[known] == words[known].round()).all()
        assert (words[known] <= most[known]).all()
    gone = [np.isnan(t.x).mean() for t in tables]
    assert 0.1 < np.mean(np.array(gone) > 0) < 0.4
    largest = [np.bincount(t.y).max() / np.bincount(t.y).min() for t in tables]
    assert np.quantile(largest, 0.9) > 4
    plain = [raw(k, "dataset.source.categorical=0", "dataset.source.missing=[0,0]") for k in range(20)]
    assert all((t.categories == 0).all() and np.isfinite(t.x).all() for t in plain)


def test_numbers_are_those_of_scikit_learn() -> None:
    """The whole encoding against the one of files, for tables of every kind of column."""
    words = ("dataset.source.missing=[1,0.5]", "dataset.source.categorical=1", "dataset.source.width=[1,12]")
    for number in range(6):
        table = raw(number, *words)
        seen = np.arange(len(table.y)) % 3 > 0
        frame = pd.DataFrame({
            f"c{k}": pd.Series(x) if not m else pd.Series(x).map({v: f"{int(v)}" for v in range(9)})
            for k, (x, m) in enumerate(zip(table.x.T, table.categories, strict=True))
        })  # fmt: skip
        frame = frame.where(frame.notna(), None).infer_objects()
        columns = [Column(f"c{k}", "categorical" if m else "numeric") for k, m in enumerate(table.categories)]
        made = Encoder(columns, "standard", 20).fit(frame[seen])
        found, expected = encoded(table, seen), made.transform(frame)
        assert found.shape == expected.shape
        for places, column in zip(made.groups, columns, strict=True):
            own, theirs = found[:, places], expected[:, places]
            if column.kind == "categorical":  # what is missing comes last here and first there
                own = own[:, np.argsort(own.argmax(0))]
                theirs = theirs[:, np.argsort(theirs.argmax(0))]
            np.testing.assert_allclose(own, theirs, atol=1e-4)


def test_an_episode_depends_on_its_number_alone() -> None:
    together, alone = sampler()(range(5)), sampler()([3])
    for part in ("support", "query", "unlabelled"):
        there = getattr(alone, f"{part}_weight")[0]
        np.testing.assert_array_equal(getattr(together, f"{part}_y")[3], getattr(alone, f"{part}_y")[0])
        np.testing.assert_array_equal(
            together.items[getattr(together, part)[3][there]], alone.items[getattr(alone, part)[0][there]]
        )
    assert together.family[3] == alone.family[0]
    test = sampler(split="test")([3])
    assert test.items.shape != alone.items.shape or (test.items != alone.items).any()


def test_support_and_queries_stay_when_u_changes_and_rows_are_different() -> None:
    first, other = sampler()(range(20)), sampler(unlabelled=7, outer=True)(range(20))
    np.testing.assert_array_equal(first.items, other.items)
    for part in ("support", "query"):
        np.testing.assert_array_equal(getattr(first, part), getattr(other, part))
    for t in range(20):
        parts = ("support", "query", "unlabelled", "outer")
        rows = np.concatenate([getattr(other, p)[t][getattr(other, f"{p}_weight")[t]] for p in parts])
        assert len(set(rows)) == len(rows)


def accuracy(family: str, learner: object, tables: int = 12) -> tuple[float, float]:
    """Mean over tables, half of each for training; and that of the most frequent class."""
    right, often = [], []
    for number in range(tables):
        table = raw(number, f"dataset.source.families=[{family}]", "dataset.source.rows=[120,200]")
        seen = np.arange(len(table.y)) % 2 == 0
        x, y = encoded(table, seen), table.y
        found = learner.fit(x[seen], y[seen]).predict(x[~seen])
        right.append((found == y[~seen]).mean())
        often.append((y[~seen] == np.bincount(y[seen]).argmax()).mean())
    return float(np.mean(right)), float(np.mean(often))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_learned(family: str) -> None:
    """From 60 to 100 rows, a tree or a linear rule is above the most frequent class, and not at the top."""
    tree, often = accuracy(family, DecisionTreeClassifier(min_samples_leaf=3, random_state=0))
    linear, _ = accuracy(family, LogisticRegression(max_iter=300))
    assert often + 0.08 < max(tree, linear) < 0.97


def spreading_gains(shot: int, *words: str, tables: int = 20) -> NDArray[np.float64]:
    """[tables] what spreading labels over all rows is ahead of a linear rule by, so many labels a class."""
    gains = []
    for number in range(tables):
        table = raw(number, *words)
        x, y = encoded(table, np.ones(len(table.y), bool)), table.y
        labels = np.full(len(y), -1)
        for k in np.unique(y):
            labels[np.flatnonzero(y == k)[:shot]] = k
        known = labels >= 0
        spread = (
            LabelSpreading(kernel="knn", n_neighbors=10, alpha=0.9, max_iter=500).fit(x, labels).transduction_
        )
        alone = LogisticRegression().fit(x[known], y[known]).predict(x)
        gains.append((spread == y)[~known].mean() - (alone == y)[~known].mean())
    return np.array(gains)


def test_unlabelled_rows_show_the_shapes() -> None:
    """Four labels a class: spreading them over all rows against a linear rule of the same labels."""
    words = ("dataset.source.families=[shapes]", "dataset.source.rows=[200,300]", "dataset.source.width=[2,6]",
             "dataset.source.useless=0", "dataset.source.repeated=0", "dataset.source.categorical=0",
             "dataset.source.classes=[2,4]",
        "dataset.source.wrong=0")  # fmt: skip
    gains = spreading_gains(4, *words)
    assert gains.mean() > 2 * gains.std() / np.sqrt(len(gains))
    assert gains.mean() > 0.05


def test_columns_that_tell_other_groups_mislead_who_follows_the_rows() -> None:
    """Spreading labels is 6 points ahead of a linear rule on tables of clusters, and level with such columns."""
    words = ("dataset.source.families=[clusters]", "dataset.source.rows=[200,300]", "dataset.source.width=[8,20]",
             "dataset.source.categorical=0", "dataset.source.missing=[0,0]", "dataset.source.classes=[2,4]",
             "dataset.source.kinds.clusters.apart=[1,2]")  # fmt: skip
    without = spreading_gains(10, *words)
    grouped = spreading_gains(10, *words, "dataset.source.grouped=1")
    lost = without - grouped
    assert lost.mean() > 0.03
    assert lost.mean() > 2 * lost.std() / np.sqrt(len(lost))


def test_most_clusters_of_a_class() -> None:
    """With one each, and far apart, the nearest mean of a class is always right."""
    for most, right in ((1, True), (6, False)):
        family = Clusters(apart=(30.0, 30.0), noise=(0.0, 0.0), most_each=most)
        table = family(np.random.default_rng(1), 300, 6, 4)
        means = np.stack([table.x[table.y == k].mean(0) for k in range(4)])
        found = ((table.x[:, None] - means) ** 2).sum(-1).argmin(1)
        assert ((found == table.y).mean() == 1) == right


def test_classes_in_shares() -> None:
    rng = np.random.default_rng(0)
    wanted = shares(rng, 4, 0.2)
    assert wanted.sum() == pytest.approx(1)
    assert wanted.min() >= 0.3 / 4
    y = by_order(rng.normal(size=400), wanted)
    np.testing.assert_allclose(np.bincount(y) / 400, wanted, atol=0.01)
    constant = np.zeros((400, 4))
    np.testing.assert_array_equal(by_largest(constant, wanted), by_order(constant[:, 0], wanted))


def test_what_a_learner_is_told_and_what_is_refused() -> None:
    made = prior()
    spec = table_spec(SPEC)
    told = made.task_spec(spec, spec, CLASSES)
    assert (told.way, told.input_shape) == (10, (20,))
    assert made.description().startswith(
        "synthetic tables without end (networks, trees, clusters, shapes; 20 to"
    )
    own = {**SPEC, "self_made": {"share": [0.2, 0.5], "rows": 50, "validation": True}}
    with pytest.raises(ConfigError, match="self-made classes"):
        made.make_ups(own, {})
    with pytest.raises(ConfigError, match=r"dataset.source.families: found 'shape'. Did you mean 'shapes'\?"):
        prior("dataset.source.families=[shape]")
    with pytest.raises(ConfigError, match="found 2 numbers, allowed is one for each of the 4"):
        prior("dataset.source.weights=[1,2]")
    with pytest.raises(ConfigError, match="found 'square'"):
        prior("dataset.source.components=square")
