"""Families on the same pictures: labels follow one attribute, and S does not say which."""

import numpy as np
import pytest

from tests.data.tinted.letters import ALL, DRAWINGS, sampler, seen

PARTS = ("support", "query", "unlabelled", "outer")


@pytest.mark.parametrize("way", [5, [3, 5]])
def test_a_one_shot_support_is_the_same_whichever_family_its_task_is_of(way) -> None:
    made = [
        sampler(families, way=way) for families in (("shape",), ("hue",), ("shape", "hue"), ("hue", "shape"))
    ]
    supports = [each(range(50)) for each in made]
    for draw in supports[1:]:
        np.testing.assert_array_equal(draw.items[draw.support], supports[0].items[supports[0].support])
        np.testing.assert_array_equal(draw.support_y, supports[0].support_y)
        np.testing.assert_array_equal(draw.support_weight, supports[0].support_weight)
    assert (supports[0].items[supports[0].query] != supports[1].items[supports[1].query]).any()


def test_no_level_comes_twice_in_a_support_before_all_have_come() -> None:
    made = sampler(ALL)
    levels = np.sort(seen(made, made(range(200)), "support")[:-1])
    assert (np.diff(levels) > 0).all()
    made = sampler(("shape",), shot=4)  # 20 pictures in 7 hues
    hues = seen(made, made(range(50)), "support")[1]
    counts = np.array([np.unique(task, return_counts=True)[1] for task in hues])
    assert counts.shape[1] == 7
    assert set(counts.flatten()) == {2, 3}
    assert (np.diff(np.sort(hues[:, ::4])) > 0).all(), "the first pictures of the classes"


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_carried_family_is_the_rule_that_labels_follow(split: str) -> None:
    made = sampler(ALL, split, outer=True)
    draw = made(range(300))
    assert set(draw.family) == set(range(len(ALL)))
    for part in PARTS:
        label, levels = getattr(draw, f"{part}_y"), seen(made, draw, part)[:-1]
        for t, family in enumerate(draw.family):
            level_of = made.attributes[family].first + levels[family, t]
            np.testing.assert_array_equal(draw.class_ids[t][label[t]], level_of)
            assert len(set(draw.class_ids[t])) == 5


@pytest.mark.parametrize("part", ["query", "unlabelled", "outer"])
def test_other_attributes_say_nothing_of_the_label(part: str) -> None:
    """Pearson's χ² of label by level, over its mean; of the rule's own attribute it would be far above."""
    made = sampler(outer=True)
    draw = made(range(3000))
    for family, other in ((0, 1), (1, 0)):
        own = draw.family == family
        label, level = getattr(draw, f"{part}_y")[own], seen(made, draw, part)[other][own]
        table = np.zeros((5, level.max() + 1))
        np.add.at(table, (label, level), 1)
        table = table[:, table.sum(0) > 0]
        expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
        freedom = 4 * (table.shape[1] - 1)
        chi = ((table - expected) ** 2 / expected).sum()
        assert abs(chi - freedom) < 4 * np.sqrt(2 * freedom)
        assert expected.min() > 5
        # within a task levels come again, and labels with them: drawn freely, not shared out
        assert any(len(set(task)) < len(task) for task in level)


def test_each_class_is_as_often_at_each_label_and_each_family_as_likely() -> None:
    draw = sampler()(range(6000))
    counts = np.bincount(draw.family)
    assert abs(counts - 3000).max() < 4 * np.sqrt(1500)
    for family, first, levels in ((0, 0, 20), (1, 40, 24)):
        ids = draw.class_ids[draw.family == family] - first
        table = np.zeros((levels, 5))
        np.add.at(table, (ids, np.broadcast_to(np.arange(5), ids.shape)), 1)
        mean = len(ids) / (levels if family == 0 else 7)
        table = table[table.sum(1) > 0]
        assert len(table) == (20 if family == 0 else 7)
        assert abs(table - mean).max() < 5 * np.sqrt(mean)


def test_classes_number_those_of_all_families_of_the_split() -> None:
    draw = sampler(("hue", "shape"))(range(300))
    assert set(draw.classes[draw.family == 0].flatten()) == set(range(20))
    assert set(draw.classes[draw.family == 1].flatten()) == set(range(20, 27))


@pytest.mark.parametrize("split", ["val", "test"])
def test_beyond_training_the_numbers_of_classes_tell_no_family(split: str) -> None:
    draw = sampler(split=split)(range(30))
    assert (draw.classes == np.arange(5)).all()


def counts_of(label: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(np.bincount(task[task >= 0], minlength=5)) for task in label}


def test_classes_are_balanced_or_as_unbalanced_as_is_asked_for() -> None:
    draw = sampler(outer=True)(range(20))
    assert counts_of(draw.support_y) == {(1,) * 5}
    assert counts_of(draw.query_y) == {(4,) * 5}
    assert counts_of(draw.unlabelled_y) == counts_of(draw.outer_y) == {(5,) * 5}
    assert counts_of(sampler(imbalance=5.0)(range(20)).unlabelled_y) == {(5, 3, 2, 1, 1)}
    by_chance = sampler(dirichlet=0.5)(range(20)).unlabelled_y
    assert by_chance.shape == (20, 25)
    assert len(counts_of(by_chance)) > 5


def test_distractors_are_of_other_levels_of_the_rule() -> None:
    made = sampler(distractors=2)
    draw = made(range(60))
    assert (draw.distractor.sum(1) == 6).all()
    np.testing.assert_array_equal(draw.distractor, draw.unlabelled_y < 0)
    for t, family in enumerate(draw.family):
        ids = made.attributes[family].first + seen(made, draw, "unlabelled")[family, t]
        assert not set(ids[draw.distractor[t]]) & set(draw.class_ids[t])
        assert len(set(ids[draw.distractor[t]])) == 2


def test_pictures_of_a_class_are_different_drawings_as_long_as_there_are_some() -> None:
    made = sampler(("shape",), queries=4, unlabelled=7)  # with the shot 12 in all
    draw = made(range(30))
    parts = [seen(made, draw, part) for part in ("support", "query", "unlabelled")]
    letters, drawings = (np.concatenate([part[k] for part in parts], axis=1) for k in (0, -1))
    assert all(len(set(pairs)) == 5 * DRAWINGS for pairs in (letters * DRAWINGS + drawings))
    many = sampler(("shape",), unlabelled=20)
    assert many(range(3)).unlabelled.shape == (3, 100)  # more than there are drawings


@pytest.mark.parametrize("changes", [
    {"way": [3, 5], "shot": [1, 3]}, {"transductive": True}, {"distractors": 2}, {"dirichlet": 1.0}, {"unlabelled": 0},
])  # fmt: skip
def test_an_episode_is_the_same_alone_and_among_others(changes: dict) -> None:
    made, numbers = sampler(seed=7, outer=True, **changes), [3, 4, 11]
    together = made(numbers)
    for t, number in enumerate(numbers):
        alone = made([number])
        for part in PARTS:
            for name in (part, f"{part}_y", f"{part}_weight"):
                one, other = getattr(alone, name)[0], getattr(together, name)[t]
                if name == part:
                    one, other = alone.items[one], together.items[other]
                np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(alone.class_ids[0], together.class_ids[t])
    other = sampler(seed=8, outer=True, **changes)(numbers)
    assert (other.items[other.query] != together.items[together.query]).any()


@pytest.mark.parametrize("changes", [
    {"unlabelled": 2}, {"unlabelled": 0}, {"distractors": 2}, {"imbalance": 4.0}, {"dirichlet": 1.0}, {"outer": True},
    {"transductive": True},
])  # fmt: skip
def test_support_and_queries_stay_when_unlabelled_pictures_change(changes: dict) -> None:
    one, other = sampler()(range(20)), sampler(**changes)(range(20))
    for part in ("support", "query"):
        np.testing.assert_array_equal(one.items[getattr(one, part)], other.items[getattr(other, part)])
        np.testing.assert_array_equal(getattr(one, f"{part}_y"), getattr(other, f"{part}_y"))
    np.testing.assert_array_equal(one.family, other.family)


def test_letters_and_hues_of_a_number_stay_when_more_may_vary() -> None:
    """So a table of two families can be compared with one of five, picture by picture."""
    two, all_of_them = sampler(), sampler(ALL)
    draws = two(range(20)), all_of_them(range(20))
    of_two, of_all = (
        seen(made, draw, "support") for made, draw in zip((two, all_of_them), draws, strict=True)
    )
    np.testing.assert_array_equal(of_two[:2], of_all[:2])


def test_where_u_is_q_it_is_q_without_labels() -> None:
    draw = sampler(transductive=True, distractors=2, outer=True)(range(5))
    for part in ("unlabelled", "outer"):
        np.testing.assert_array_equal(getattr(draw, part), draw.query)
        np.testing.assert_array_equal(getattr(draw, f"{part}_y"), draw.query_y)
    assert not draw.distractor.any()


def test_narrower_tasks_are_padded() -> None:
    draw = sampler(way=[2, 5], shot=[1, 3], distractors=2)(range(60))
    way = draw.class_mask.sum(1)
    assert set(way) == {2, 3, 4, 5}
    for part in ("support", "query", "unlabelled"):
        label, weight = getattr(draw, f"{part}_y"), getattr(draw, f"{part}_weight")
        assert all(set(y[w & (y >= 0)]) == set(range(n)) for y, w, n in zip(label, weight, way, strict=True))
    assert set(draw.support_weight.sum(1) // way) == {1, 2, 3}
