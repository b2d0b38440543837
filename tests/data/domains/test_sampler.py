"""What an episode between domains promises."""

from dataclasses import fields
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest

from metassl.data.domains.sampler import DomainSampler
from metassl.data.domains.tasks import DomainTasks
from metassl.data.drawing.draw import Draw
from metassl.errors import ConfigError
from tests.data.domains.made import CLASSES, NAMES, SIZES, spec, tasks

FULL = {"shot": "all", "queries": "all", "transductive": True, "unlabelled": 0}
MAKE_UPS = [
    {}, {"target_shot": 2}, {"sources": 2, "unlabelled_from": "both"}, {"transductive": True}, FULL,
    {"way": 6, "label_order": "fixed"}, {"shot": "all"}, {"queries": "all", "unlabelled": 0, "target_shot": 1},
]  # fmt: skip
KEYS = ["standard" if not each else " ".join(each) for each in MAKE_UPS]
PARTS = ("support", "query", "unlabelled", "outer")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DomainTasks:
    """Every domain is a source and a target in training."""
    return tasks(
        tmp_path_factory.mktemp("domains"),
        test_domains=None,
        val_domains=None,
        hold_out="classes",
        ratio=(1, 0, 0),
    )


def arrays(draw: Draw) -> dict[str, np.ndarray]:
    return {f.name: x for f in fields(draw) if isinstance(x := getattr(draw, f.name), np.ndarray)}


def seen(made: DomainTasks, draw: Draw, part: str, t: int) -> np.ndarray:
    """[n, 3] domain, class and number of what of a part is no padding."""
    weight = getattr(draw, f"{part}_weight")[t]
    return made.items()[getattr(draw, part)[t]][weight].astype(int)


def domains_of(draw: Draw, t: int, sources: int) -> tuple[set[int], int]:
    """Sources and target of a task by the number of its family."""
    place, target = divmod(int(draw.family[t]), len(NAMES))
    return {int(k) for k in np.unravel_index(place, (len(NAMES),) * sources)}, target


@pytest.mark.parametrize("changes", MAKE_UPS, ids=KEYS)
def test_an_episode_is_a_function_of_its_number(made: DomainTasks, changes: dict) -> None:
    sampler = made.sampler(spec(**changes), 3, "train", True)
    together, numbers = sampler(range(12)), [11, 2, 7]
    alone, again = sampler(numbers), made.sampler(spec(**changes), 3, "train", True)([7])
    for name, x in arrays(together).items():
        np.testing.assert_array_equal(x[numbers], getattr(alone, name), err_msg=name)
        np.testing.assert_array_equal(x[[7]], getattr(again, name), err_msg=name)
    assert together.generators[7].random(4).tolist() == again.generators[0].random(4).tolist()


@pytest.mark.parametrize("changes", MAKE_UPS, ids=KEYS)
def test_support_unlabelled_and_queries_are_of_their_domains_and_all_different(
    made: DomainTasks, changes: dict
) -> None:
    make_up = spec(**changes)
    draw = made.sampler(make_up, 0, "train", True)(range(40))
    for t in range(40):
        sources, target = domains_of(draw, t, make_up.sources)
        assert target not in sources
        rows = {part: seen(made, draw, part, t) for part in PARTS}
        labels = {part: getattr(draw, f"{part}_y")[t][getattr(draw, f"{part}_weight")[t]] for part in PARTS}
        assert set(rows["query"][:, 0]) == {target}
        assert set(rows["support"][:, 0]) == sources | ({target} if make_up.target_shot else set())
        both = make_up.unlabelled_from == "both"
        for part in ("unlabelled", "outer"):
            assert set(rows[part][:, 0]) == (
                sources | {target} if both else {target} if len(rows[part]) else set()
            )
        for part in PARTS:
            np.testing.assert_array_equal(draw.class_ids[t][labels[part]], rows[part][:, 1])
            assert len({tuple(row) for row in rows[part]}) == len(rows[part])
        apart = PARTS[:2] if make_up.transductive else PARTS
        for one, other in combinations(apart, 2):
            assert not {tuple(r) for r in rows[one]} & {tuple(r) for r in rows[other]}
        if make_up.transductive:
            np.testing.assert_array_equal(draw.unlabelled[t], draw.query[t])
            np.testing.assert_array_equal(draw.outer[t], draw.query[t])


@pytest.mark.parametrize(
    ("changes", "each"), [({}, 2), ({"sources": 3}, 6), ({"sources": 2, "target_shot": 3}, 7)]
)
def test_a_class_has_so_many_labelled_rows(made: DomainTasks, changes: dict, each: int) -> None:
    draw = made.sampler(spec(**changes), 0, "train", False)(range(20))
    assert draw.support_weight.all()
    assert all(np.bincount(y).tolist() == [each] * 3 for y in draw.support_y)
    assert all(np.bincount(y).tolist() == [3] * 3 for y in draw.query_y)
    assert all(np.bincount(y).tolist() == [4] * 3 for y in draw.unlabelled_y)


def test_all_are_all_rows_of_source_and_target(made: DomainTasks) -> None:
    draw = made.sampler(spec(way=CLASSES, **FULL), 0, "train", False)(range(30))
    for t in range(30):
        (source,), target = domains_of(draw, t, 1)
        for part, domain in (("support", source), ("query", target), ("unlabelled", target)):
            rows = seen(made, draw, part, t)
            assert (
                len(rows)
                == len({tuple(row) for row in rows})
                == sum(SIZES[domain] + k for k in range(CLASSES))
            )
    some = made.sampler(spec(shot="all", queries="all", unlabelled=0, target_shot=2), 0, "train", False)(
        range(9)
    )
    for t in range(9):
        _, target = domains_of(some, t, 1)
        assert some.query_weight[t].sum() == sum(SIZES[target] + k - 2 for k in some.class_ids[t])


CHANGES_OF_U = [{"unlabelled": 6}, {"unlabelled": 0}, {"unlabelled_from": "both"}, {"transductive": True}]


@pytest.mark.parametrize("changes", CHANGES_OF_U, ids=str)
def test_support_and_queries_stay_when_the_unlabelled_change(made: DomainTasks, changes: dict) -> None:
    base = {"target_shot": 1, "sources": 2}
    one = made.sampler(spec(**base), 1, "train", False)(range(20))
    for outer in (False, True):
        other = made.sampler(spec(**base, **changes), 1, "train", outer)(range(20))
        for part in ("support", "query"):
            for name in (part, f"{part}_y", f"{part}_weight"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        for name in ("family", "class_ids", "classes"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_the_outer_loss_has_rows_of_its_own(made: DomainTasks) -> None:
    draw = made.sampler(spec(), 0, "train", True)(range(10))
    assert draw.outer.shape == draw.unlabelled.shape
    assert not (draw.outer[:, :, None] == draw.unlabelled[:, None]).any()
    assert made.sampler(spec(), 0, "train", False)(range(2)).outer.shape == (2, 0)


def test_every_pair_is_as_likely_and_says_nothing_of_the_classes(made: DomainTasks) -> None:
    draw = made.sampler(spec(), 0, "train", False)(range(4000))
    pairs = [(next(iter(domains_of(draw, t, 1)[0])), domains_of(draw, t, 1)[1]) for t in range(4000)]
    assert set(pairs) == set(permutations(range(4), 2))
    shares = np.bincount(draw.family, minlength=16)[np.unique(draw.family)] / 4000
    np.testing.assert_allclose(shares, 1 / 12, atol=0.02)
    for family in np.unique(draw.family):
        assert len(set(draw.class_ids[draw.family == family, 0])) == CLASSES


def test_a_fixed_order_gives_a_class_the_same_label_in_every_task(made: DomainTasks) -> None:
    draw = made.sampler(spec(way=CLASSES, label_order="fixed"), 0, "train", False)(range(8))
    assert (draw.class_ids == np.arange(CLASSES)).all()
    drawn = made.sampler(spec(way=CLASSES), 0, "train", False)(range(8))
    assert not (drawn.class_ids == np.arange(CLASSES)).all()


def test_the_order_of_queries_and_unlabelled_rows_says_nothing(made: DomainTasks) -> None:
    draw = made.sampler(spec(), 0, "train", False)(range(400))
    for y in (draw.query_y, draw.unlabelled_y):
        np.testing.assert_allclose([(y[:, 0] == k).mean() for k in range(3)], 1 / 3, atol=0.08)


def test_classes_have_numbers_in_training_and_places_beyond(made: DomainTasks, tmp_path: Path) -> None:
    draw = made.sampler(spec(), 0, "train", False)(range(50))
    assert (draw.classes == draw.class_ids).all()  # here all classes are of training
    beyond = tasks(tmp_path).sampler(spec(), 0, "test", False)(range(9))
    assert (beyond.classes == np.arange(3)).all()


def test_only_what_has_all_rows_is_padded(made: DomainTasks) -> None:
    assert [made.sampler(spec(**changes), 0, "train", False).padded for changes in MAKE_UPS] == [
        False, False, False, False, True, False, True, True,
    ]  # fmt: skip


def test_it_counts_the_rows_of_the_domains_that_are_drawn(tmp_path: Path) -> None:
    made = tasks(tmp_path, test_pair=("dog", "cat"), val_domains=None)
    sampler = made.sampler(spec(), 0, "test", False)
    assert isinstance(sampler, DomainSampler)
    assert sampler.count == sum(SIZES[d] + k for d in (2, 3) for k in range(CLASSES))


@pytest.mark.parametrize(("changes", "line"), [
    ({"way": 7}, "episode.way: found 7, split 'train' has 6 classes."),
    ({"label_order": "fixed"}, "episode.label_order: found 'fixed' with way 3, where split 'train' has 6 classes; allowed is a task of all of them, episode.way=6."),
    ({"shot": 17}, "episode: shot 17 needs 17 rows a class of a source domain, class '0' of domain 'dog' in split 'train' has 16."),
    ({"queries": 10, "target_shot": 3}, "episode: target_shot 3 + queries 10 + unlabelled 4 needs 17 rows a class of a target domain, class '0' of domain 'dog' in split 'train' has 16."),
    ({"shot": 13, "unlabelled_from": "both"}, "episode: shot 13 + unlabelled 4 needs 17 rows a class of a source domain, class '0' of domain 'dog' in split 'train' has 16."),
    ({"sources": 4}, "episode.sources: found 4, split 'train' has no task with so many source domains beside its target (source domains: ant, bee, cat, dog)."),
])  # fmt: skip
def test_what_the_domains_cannot_serve_is_one_line(made: DomainTasks, changes: dict, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made.sampler(spec(**changes), 0, "train", False)
    assert str(caught.value) == line
