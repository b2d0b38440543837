"""What training may see, and which items make up an episode."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from metassl.data.builder import EpisodeBuilder
from metassl.data.drawing.draw import Draw
from metassl.data.recommendation.quality import ITEMS, USERS, fit_quality
from metassl.data.recommendation.ratings import Ratings
from metassl.data.recommendation.spec import UserSpec
from metassl.data.recommendation.tasks import RatingTasks
from metassl.data.recommendation.tastes import Tastes
from metassl.errors import ConfigError
from metassl.outcomes.classification import CLASSES, Classification
from metassl.outcomes.ranking import Ranking
from metassl.outcomes.regression import Regression
from metassl.tasks.episode import Episode
from tests.data.recommendation.made import latest, tasks, zipped

SPEC = {"shot": 4, "queries": 3, "unlabelled": 6, "transductive": False}
CELLS = [(users, items) for users in ("new", "known") for items in ("known", "new", "both")]


def source(**options: object) -> RatingTasks:
    small = {"users": 60, "items": 80, "fewest": 25, "most": 45, "features": 5, "ratio": (0.6, 0.2, 0.2)}
    found = Tastes(**{**small, **options}).prepared(lambda source: source.read())
    assert isinstance(found, RatingTasks)
    return found


@pytest.fixture(scope="module")
def found() -> RatingTasks:
    return source(held_out=0.3, new_share=0.25)


def specs(found: RatingTasks, **changes: object) -> tuple[UserSpec, UserSpec]:
    cell = {key: changes.pop(key) for key in ("users", "items") if key in changes}
    return found.make_ups({**SPEC, **changes}, cell)


def draw(
    found: RatingTasks, split: str = "train", numbers: range = range(40), seed: int = 0, **changes: object
) -> Draw:
    make_up = specs(found, **changes)[split != "train"]
    return found.sampler(make_up, seed, split, True)(numbers)


def episodes(
    found: RatingTasks, split: str = "train", numbers: range = range(8), **changes: object
) -> Episode:
    made = found.sampler(specs(found, **changes)[split != "train"], 0, split, True)
    outcome = Regression(standardise=False)
    return EpisodeBuilder(made, None, {"plain": None}, True, True, outcome=outcome)(numbers).episodes


def pairs(found: RatingTasks, drawn: Draw, part: str) -> set[tuple[int, int]]:
    """(user, item) of all rows of a part; items of `tastes` are told by their numbers."""
    known = {row.tobytes(): k for k, row in enumerate(found.inputs.items)}
    width = found.inputs.items.shape[1]
    made = set()
    for user, rows, there in zip(
        drawn.family, getattr(drawn, part), getattr(drawn, f"{part}_weight"), strict=True
    ):
        items = drawn.items[rows[there]][:, :width]
        made |= {(int(user), known[np.ascontiguousarray(row).tobytes()]) for row in items}
    return made


def rated(found: RatingTasks) -> dict[tuple[int, int], int]:
    both = zip(found.ratings.user.tolist(), found.ratings.item.tolist(), strict=True)
    return {pair: k for k, pair in enumerate(both)}


def test_users_of_the_splits_are_disjoint_and_folds_share_no_test_user(found: RatingTasks) -> None:
    users = [set(found.division.users[split].tolist()) for split in ("train", "val", "test")]
    assert [len(own) for own in users] == [36, 12, 12]
    assert len(set.union(*users)) == 60
    tests = [set(source(fold=fold).division.users["test"].tolist()) for fold in range(5)]
    assert len(set.union(*tests)) == 60


def test_training_sees_known_users_known_items_and_no_rating_that_is_held_out(found: RatingTasks) -> None:
    drawn, place = draw(found, numbers=range(400)), rated(found)
    shown = pairs(found, drawn, "support") | pairs(found, drawn, "query")
    rows = np.array([place[pair] for pair in shown])
    assert found.division.seen[rows].all()
    assert set(found.ratings.user[rows]) <= set(found.division.users["train"])
    assert not found.division.new[found.ratings.item[rows]].any()
    assert len(rows) > 0.95 * found.division.seen.sum()  # and it gets to see nearly all of that
    free = pairs(found, drawn, "unlabelled") | pairs(found, drawn, "outer")
    assert free.isdisjoint(place)
    assert not found.division.new[[item for _, item in free]].any()
    known = (
        np.isin(found.ratings.user, found.division.users["train"]) & ~found.division.new[found.ratings.item]
    )
    assert found.division.seen.sum() / known.sum() == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize(("users", "items"), CELLS)
@pytest.mark.parametrize("split", ["val", "test"])
def test_cells_keep_their_promises(found: RatingTasks, split: str, users: str, items: str) -> None:
    drawn, place = draw(found, split, numbers=range(200), users=users, items=items), rated(found)
    rows = {
        part: np.array([place[pair] for pair in pairs(found, drawn, part)]) for part in ("support", "query")
    }
    asked_new = found.division.new[found.ratings.item[rows["query"]]]
    assert {"known": not asked_new.any(), "new": asked_new.all(), "both": 0 < asked_new.mean() < 1}[items]
    assert not found.division.new[found.ratings.item[rows["support"]]].any()
    assert not found.division.seen[rows["query"]].any()
    whose = set(drawn.family.tolist())
    if users == "new":
        assert whose <= set(found.division.users[split].tolist())
    else:
        assert whose <= set(found.division.users["train"].tolist())
        assert found.division.seen[rows["support"]].all()
        other = draw(found, "test" if split == "val" else "val", numbers=range(200), users=users, items=items)
        assert whose.isdisjoint(other.family.tolist())
    free = pairs(found, drawn, "unlabelled")
    assert free.isdisjoint(place)
    new = found.division.new[[item for _, item in free]]
    assert {"known": not new.any(), "new": new.all(), "both": 0 < new.mean() < 1}[items]


def test_an_episode_has_no_item_twice(found: RatingTasks) -> None:
    parts = ("support", "query", "unlabelled", "outer")
    for number in range(20):
        one = draw(found, "test", range(number, number + 1), items="both")
        items = [item for part in parts for _, item in pairs(found, one, part)]
        assert len(set(items)) == len(items) == 4 + 3 + 6 + 6


def test_each_user_comes_once_before_any_comes_twice(found: RatingTasks) -> None:
    drawn = draw(found, "test", range(36))
    assert [sorted(own) for own in drawn.family.reshape(3, 12).tolist()] == [
        sorted(found.division.users["test"])
    ] * 3
    assert drawn.family[:12].tolist() != drawn.family[12:24].tolist()


def test_an_episode_depends_on_its_number_alone(found: RatingTasks) -> None:
    together, alone = episodes(found, numbers=range(6)), episodes(found, numbers=range(4, 5))
    for name in ("support_x", "support_y", "query_x", "query_y"):
        torch.testing.assert_close(getattr(together, name)[4], getattr(alone, name)[0], rtol=0, atol=0)
    torch.testing.assert_close(together.unlabelled.views["plain"][4], alone.unlabelled.views["plain"][0])
    assert (
        draw(found, numbers=range(9)).family.tolist() != draw(found, numbers=range(9), seed=1).family.tolist()
    )


def test_support_and_queries_stay_when_u_changes_and_queries_when_s_does(found: RatingTasks) -> None:
    few, many = episodes(found, "test", unlabelled=0), episodes(found, "test", unlabelled=12)
    fewer = episodes(found, "test", shot=2)
    for name in ("support_x", "support_y", "query_x", "query_y"):
        torch.testing.assert_close(getattr(few, name), getattr(many, name), rtol=0, atol=0)
    torch.testing.assert_close(fewer.query_y, few.query_y, rtol=0, atol=0)
    torch.testing.assert_close(fewer.support_x, few.support_x[:, :2], rtol=0, atol=0)
    assert len(many.unlabelled) == 12


def test_transductive_u_is_q(found: RatingTasks) -> None:
    made = episodes(found, "test", transductive=True)
    torch.testing.assert_close(made.unlabelled.views["plain"], made.query_x, rtol=0, atol=0)


def test_labels_are_ratings_less_the_mean_that_training_sees(found: RatingTasks) -> None:
    drawn, place = draw(found, "test", range(1)), rated(found)
    values = sorted(found.ratings.value[place[pair]] for pair in pairs(found, drawn, "query"))
    mean = found.ratings.value[found.division.seen].mean()
    np.testing.assert_allclose(sorted(drawn.query_y[0, :, 0]), np.array(values) - mean, rtol=1e-5)


def test_a_range_of_ratings_is_padded(found: RatingTasks) -> None:
    made = episodes(found, shot=[2, 5], numbers=range(60))
    assert made.padded
    assert {int(count) for count in made.support_weight.sum(1)} == {2, 3, 4, 5}
    assert not episodes(found).padded


def test_too_few_unrated_items_are_padded(found: RatingTasks) -> None:
    made = episodes(found, "test", unlabelled=60)
    assert made.padded
    assert 0 < made.unlabelled.weight.sum(1).min() < 60
    assert made.unlabelled.weight.shape[1] == 60


def test_users_with_too_few_ratings_are_counted_and_left_out(found: RatingTasks) -> None:
    train, _ = specs(found, shot=11, queries=7)
    seen = np.bincount(found.ratings.user[found.division.seen], minlength=60)[found.division.users["train"]]
    assert train.left_out == {"train": (int((seen < 18).sum()), 36)}
    _, test = specs(found, shot=18, queries=7)
    assert 0 < test.left_out["test"][0] < 12
    assert (
        f"; {test.left_out['test'][0]} of 12 users (test) left out, who have fewer ratings" in test.sentence()
    )
    everyone = set(found.sampler(train, 0, "train", False)(range(400)).family.tolist())
    assert len(everyone) == int((seen >= 18).sum())
    with pytest.raises(
        ConfigError, match=r"episode.shot: found 60 beside queries=7, and of the 12 users \(test\)"
    ):
        found.sampler(specs(found, shot=60, queries=7)[1], 0, "test", False)


def test_likes_are_classes_of_which_the_support_has_both() -> None:
    liked = source(like=4.0)
    assert liked.outcomes == (Classification,)
    spec = specs(liked, shot=2)[1]
    assert liked.task_spec(spec, spec, CLASSES).way == 2
    drawn, place = draw(liked, "test", range(24), shot=2), rated(liked)
    assert (np.sort(drawn.support_y, axis=1) == [0, 1]).all()
    assert set(drawn.unlabelled_y.ravel()) == {-1}
    one = draw(liked, "test", range(1))
    values = [liked.ratings.value[place[pair]] >= 4 for pair in pairs(liked, one, "query")]
    assert sum(values) == one.query_y[0].sum()
    always = source(like=1.0)  # nobody has rated lower, so nobody is in doubt
    assert specs(always)[1].left_out == {"val": (0, 12), "test": (0, 12)}
    plain = draw(source(), "test", range(24), shot=2)
    assert (drawn.family == plain.family).all()


def test_users_who_like_all_are_left_out_where_likes_are_asked() -> None:
    strict = source(like=5.0, spread=0.0, noise=0.0)
    few, count = specs(strict)[0].left_out["train"]
    value, user = strict.ratings.value[strict.division.seen], strict.ratings.user[strict.division.seen]
    never = [k for k in strict.division.users["train"] if not (value[user == k] >= 5).any()]
    assert (few, count) == (len(never), 36)
    assert few > 0


def test_quality_by_hand() -> None:
    """One rating of one user: m = r, and nothing is left to tell apart; of two, the sweeps come to a rest."""
    user, item, value = np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 1.0, 4.0])
    made = fit_quality(user, item, value, np.array([True, True, False]), 2)
    assert made.mean == 3
    b = (made.total / (made.count + ITEMS)).tolist()
    assert b == pytest.approx([2 / 11, -2 / 11])  # the user has both sides of the mean: b_u = 0
    assert sum(v - made.mean - q for v, q in zip((5, 1), b, strict=True)) / (2 + USERS) == pytest.approx(0)
    seen = made.of(np.array([0, 1]), np.array([2.0, 0.0]), np.array([1.0, 0.0]))
    np.testing.assert_allclose(seen, [[0, 0], [-2 / 11, np.log(2) / 4]], atol=1e-12)


def test_quality_is_of_training_alone(found: RatingTasks) -> None:
    """Other ratings may be anything: no input changes."""
    r, division = found.ratings, found.division
    other = np.where(division.seen, r.value, 6 - r.value)
    again, kept = (fit_quality(r.user, r.item, v, division.seen, r.item_count) for v in (other, r.value))
    for name in ("mean", "total", "count", "own"):
        np.testing.assert_array_equal(getattr(again, name), getattr(kept, name))
    new = np.flatnonzero(division.new)
    assert (kept.of(new, np.zeros(len(new)), np.zeros(len(new))) == 0).all()


def test_a_user_s_own_ratings_are_left_out_of_what_its_tasks_see(found: RatingTasks) -> None:
    """A training user sees an item as if that user had never rated it; how all rate is as it was."""
    r, division, quality = found.ratings, found.division, found.inputs.quality
    user = int(division.users["train"][0])
    row = int(np.flatnonzero((r.user == user) & division.seen)[0])
    item = int(r.item[row])
    others = (r.item == item) & division.seen & (r.user != user)
    total = quality.own[others].sum() / (others.sum() + ITEMS)
    made = found.inputs.rows(user, np.array([item, item]))[0]
    at = found.inputs.items.shape[1]
    np.testing.assert_allclose(made[at : at + 2], [total, np.log1p(others.sum()) / 4], rtol=1e-5)
    stranger = found.inputs.rows(int(division.users["test"][0]), np.array([item]))[0]
    assert abs(stranger[at + 1] - np.log1p(others.sum() + 1) / 4) < 1e-6


def test_a_test_user_s_ratings_change_nothing_but_their_labels(found: RatingTasks) -> None:
    user = int(found.division.users["test"][0])
    r = found.ratings
    value = np.where(r.user == user, 6 - r.value, r.value)
    changed = Ratings(r.user, r.item, value, r.items, r.users, r.years)
    assert (
        fit_quality(r.user, r.item, changed.value, found.division.seen, r.item_count).total
        == found.inputs.quality.total
    ).all()


def test_new_items_by_year(tmp_path: Path) -> None:
    """Films of the last years are new, as many whole years as come nearest to the share; a missing year is old."""
    made = tasks(zipped(latest(), tmp_path / "s.zip"), tmp_path / "cache", new_items="year", new_share=0.3)
    years, new = made.ratings.years, made.division.new
    first = years[new].min()
    assert (new == (years >= first)).all()
    assert abs(new.mean() - 0.3) <= max(abs((years >= y).mean() - 0.3) for y in (first - 1, first)) + 1e-9
    assert (years == 0).any()
    assert not new[years == 0].any()


def test_no_share_is_new_or_held_out() -> None:
    whole = source(new_share=0.0, held_out=0.0)
    assert not whole.division.new.any()
    assert whole.division.seen.sum() == np.isin(whole.ratings.user, whole.division.users["train"]).sum()


def test_tastes_are_a_function_of_the_seed() -> None:
    one, same, other = (source(seed=seed).ratings for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.value, same.value)
    assert len(one.value) != len(other.value) or (one.value != other.value).any()
    assert set(np.unique(one.value)) == {1, 2, 3, 4, 5}
    counts = np.bincount(one.user)
    assert (counts.min(), counts.max()) >= (25, 40)
    assert counts.max() <= 45


def test_tastes_have_what_they_say() -> None:
    """Without noise and rounding, what is left beside qualities and biases is the taste, of rank L."""
    all_shown = Tastes(
        users=50, items=40, fewest=40, most=40, features=6, factors=2, shown=1.0, noise=0.0, spread=3.0
    )
    r = all_shown.ratings()
    table = r.value.reshape(50, 40)
    features = np.concatenate([r.items["features"], np.ones((40, 1))], axis=1)
    explained = features @ np.linalg.lstsq(features, table.T, rcond=None)[0]
    hidden = Tastes(
        users=50, items=40, fewest=40, most=40, features=6, factors=2, shown=0.0, noise=0.0, spread=3.0
    )
    other = hidden.ratings()
    table_h = other.value.reshape(50, 40)
    x = np.concatenate([other.items["features"], np.ones((40, 1))], axis=1)
    explained_h = x @ np.linalg.lstsq(x, table_h.T, rcond=None)[0]
    left, left_h = ((t.T - e).var() / t.var() for t, e in ((table, explained), (table_h, explained_h)))
    assert left < 0.35 < 0.6 < left_h


def test_what_is_refused(found: RatingTasks) -> None:
    with pytest.raises(
        ConfigError, match=r"dataset.source.most: found 500, allowed is .* fewest=40 to items=400"
    ):
        Tastes(most=500)
    with pytest.raises(ConfigError, match=r"episode.way: found 5, as in an episode of classes"):
        found.make_ups({**SPEC, "way": 5}, {})
    with pytest.raises(ConfigError, match=r"episode.test.items: found 'news'"):
        found.make_ups(SPEC, {"items": "news"})
    with pytest.raises(ConfigError, match=r"episode.test.shot: found 0"):
        found.make_ups(SPEC, {"shot": 0})


def test_description(found: RatingTasks) -> None:
    seen, all_ = int(found.division.seen.sum()), len(found.ratings.value)
    assert found.description() == (
        f"made-up tastes: 60 users (36/12/12) of 27 to 45 ratings each, 80 items (20 new), {all_:,} ratings "
        f"({seen:,} for training), 7 numbers of an input"
    )
    assert found.task_spec(*specs(found), Ranking()).blocks == (5, 2)


@pytest.fixture
def movielens() -> Path:
    folder = Path(os.environ.get("METASSL_DATA_DIR", "")) / "movielens"
    if "METASSL_DATA_DIR" not in os.environ or not (folder / "ml-latest-small.zip").exists():
        pytest.skip("METASSL_DATA_DIR is unset or has no movielens/ml-latest-small.zip")
    return folder


def test_the_published_set(movielens: Path, tmp_path: Path) -> None:
    """Counts as its README has them; means by hand from the file."""
    real = tasks(movielens, tmp_path / "cache")
    r = real.ratings
    assert (r.user_count, r.item_count, len(r.value), len(r.tags)) == (610, 9742, 100836, 3683)
    assert r.value.mean() == pytest.approx(3.501557, abs=1e-6)
    assert r.items["genres"].shape[1] == 19
    made = episodes(real, "test", shot=5, queries=10, unlabelled=20)
    assert made.support_x.shape[1:] == (5, 23)
    assert float(made.query_y.abs().max()) < 4
