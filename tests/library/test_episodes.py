"""Tasks of arrays: what is promised of the sampler holds for them, and a user's mistake ends in one line."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch.utils._pytree import tree_leaves

import metassl
from metassl.data.class_tasks import ClassTasks
from metassl.data.views import AffineJitter, Jitter, MaskedNoise
from metassl.errors import ConfigError, DataError, UserError
from metassl.library.episodes import Episodes
from tests.conftest import CONF

RNG = np.random.default_rng(0)
NUMBERED = np.arange(600, dtype=np.float32)[:, None] * [1, 0]  # vectors that say which item they are
LABELS = np.repeat(np.arange(20), 30)


def numbered(**changes: Any) -> Episodes:
    return metassl.episodes(NUMBERED, LABELS, **{"unlabelled": 6, "queries": 4, **changes})


def rows(x: torch.Tensor) -> list[int]:
    return x[:, 0].int().tolist()


def same(a: Any, b: Any) -> bool:
    return all(torch.equal(x, y) for x, y in zip(tree_leaves(a), tree_leaves(b), strict=True))


def test_parts_of_a_task_are_disjoint_and_of_its_classes() -> None:
    for task in (numbered(distractors=2, distractor_unlabelled=3)[k] for k in range(20)):
        s, u, q = (rows(x) for x in (task.support_x, task.unlabelled.views["plain"], task.query_x))
        assert (len(s), len(u), len(q)) == (5, 5 * 6 + 2 * 3, 20)
        assert len({*s, *u, *q}) == len(s) + len(u) + len(q)
        own = [LABELS[row] for row in s]
        assert [own[y] for y in task.query_y] == [LABELS[row] for row in q]
        assert sum(LABELS[row] in own for row in u) == 5 * 6


def test_a_task_is_a_function_of_seed_split_and_number() -> None:
    one, other = numbered(), numbered()
    late = other[9]
    assert same(one[4], other[4])
    assert same(one[9], late)
    assert not same(one[4], one[5])
    for changed in (numbered(seed=1), numbered(split="val")):
        assert not same(one[4], changed[4])
    first = [task for task, _ in zip(one, range(3), strict=False)]
    assert all(same(task, one[k]) for k, task in enumerate(first))


@pytest.mark.parametrize("changes", [{"unlabelled": 1}, {"distractors": 3}, {"imbalance": 3.0}], ids=str)
def test_support_and_queries_stay_when_what_is_unlabelled_changes(changes: dict[str, Any]) -> None:
    before = numbered()
    after = before.having(**changes)
    for k in range(5):
        assert torch.equal(before[k].support_x, after[k].support_x)
        assert torch.equal(before[k].query_x, after[k].query_x)
        assert rows(before[k].unlabelled.views["plain"]) != rows(after[k].unlabelled.views["plain"])


def test_the_order_of_the_arrays_plays_no_part_in_which_classes_meet() -> None:
    """Labels may come in any order, and be strings; a class keeps its items in their order."""
    order = np.argsort(RNG.permutation(20)[LABELS], kind="stable")
    mixed = metassl.episodes(NUMBERED[order], LABELS[order], unlabelled=6, queries=4)
    assert same(mixed[3], numbered()[3])
    named = metassl.episodes(NUMBERED, np.char.mod("class %02d", LABELS), unlabelled=6, queries=4)
    assert same(named[3], numbered()[3])
    assert named.classes[:2] == ["class 00", "class 01"]
    assert numbered().classes == list(range(20))


def test_classes_choose_and_splits_share_none() -> None:
    chosen = numbered(classes=[3, 1, 5, 7, 9, 11])
    assert chosen.classes == [1, 3, 5, 7, 9, 11]
    assert {LABELS[row] for k in range(20) for row in rows(chosen[k].support_x)} == {1, 3, 5, 7, 9, 11}
    parts = numbered(label_ratio=0.7).split_classes(ratio=(0.5, 0.25, 0.25), seed=2)
    assert [len(part.classes) for part in parts] == [10, 5, 5]
    assert sorted(name for part in parts for name in part.classes) == list(range(20))
    assert [part.split for part in parts] == ["train", "val", "test"]
    assert [part.make_up.label_ratio for part in parts] == [0.7, 1, 1]
    assert {part.task for part in parts} == {metassl.TaskSpec(5, (2,), 10)}
    assert parts[1].classes != numbered().split_classes((0.5, 0.25, 0.25), seed=3)[1].classes
    train, none, test = numbered().split_classes((0.5, 0, 0.5))
    assert (len(train.classes), none.classes, len(test.classes)) == (10, [], 10)


@pytest.mark.parametrize(("x", "shape", "scale"), [
    (RNG.integers(0, 256, (60, 8, 6), dtype=np.uint8), (1, 8, 6), 255),
    (RNG.integers(0, 256, (60, 8, 6, 3), dtype=np.uint8), (3, 8, 6), 255),
    (RNG.random((60, 8, 6, 3)), (3, 8, 6), 1),
    (torch.rand(60, 7), (7,), 1),
    (RNG.random((60, 7)).tolist(), (7,), 1),
], ids=["grey", "colour", "float", "tensor", "lists"])  # fmt: skip
def test_inputs_are_what_was_given(x: Any, shape: tuple[int, ...], scale: float) -> None:
    made = metassl.episodes(x, np.repeat(np.arange(6), 10), unlabelled=2, queries=3)
    assert made.task == metassl.TaskSpec(5, shape, 6)
    found = made[0].support_x
    assert found.shape == (5, *shape)
    assert found.dtype == torch.float32
    given = np.asarray(x).reshape(60, *((*shape[1:], shape[0]) if len(shape) == 3 else shape)) / scale
    back = found.movedim(1, -1) if len(shape) == 3 else found
    for item in back.numpy():
        assert np.abs(given - item).reshape(60, -1).max(1).min() < 1e-6


def test_arrays_are_neither_copied_nor_changed() -> None:
    x = RNG.integers(0, 256, (600, 4, 4, 1), dtype=np.uint8)
    before = x.copy()
    made = metassl.episodes(x, LABELS)
    assert np.shares_memory(made.source.contents.items, x)
    _ = made[0]
    assert (x == before).all()


def test_views_are_those_of_the_configs_or_ones_own() -> None:
    images, vectors = RNG.random((600, 16, 16, 1)), NUMBERED
    learner = lambda made: metassl.learner("maml", ssl="consistency", task=made.task)  # noqa: E731
    plain = metassl.episodes(images, LABELS)
    weak = OmegaConf.load(CONF / "dataset" / "image_folder.yaml").views.weak.grey
    view = plain.views["weak"].grey
    assert isinstance(view, AffineJitter)
    assert (view.degrees, view.shift, view.scale) == (weak.degrees, weak.shift, weak.scale)
    assert isinstance(metassl.episodes(vectors, LABELS).views["strong"].vectors, MaskedNoise)
    own = metassl.episodes(vectors, LABELS, views={"weak": Jitter(0.0), "strong": Jitter(0.0)})
    views = own.batch(range(2), learner(own)).episodes.unlabelled.views
    noisy = metassl.episodes(vectors, LABELS).batch(range(2), learner(own)).episodes.unlabelled.views
    assert len(views) == 2
    assert same(*views.values())
    assert not same(*noisy.values())


def test_defaults_are_those_of_the_config() -> None:
    config = OmegaConf.to_container(OmegaConf.load(CONF / "episode" / "standard.yaml"))
    del config["test"], config["out_of_scope"]  # arrays have nothing that is of no class
    arguments = inspect.signature(metassl.episodes).parameters
    config["corruption_parts"] = tuple(config["corruption_parts"])
    assert {key: arguments[key].default for key in config} == config


def test_a_learner_is_built_for_the_widest_tasks() -> None:
    """As by the command: those of test may be wider than those of training."""
    options = {"dataset.source.path": "unused", "episode.test.way": 7}
    contents = numbered().source.contents  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("metassl.library.datasets.build_source", lambda config: ClassTasks(contents))
        train = metassl.episodes_of("arrays", options=options)
        patch.setitem(contents.splits, "test", contents.splits["train"])
        test = metassl.episodes_of("arrays", "test", options=options)
    assert (train.make_up.way.high, test.make_up.way.high) == (5, 7)
    assert train.task.way == test.task.way == 7
    assert numbered().having(way=6).task.way == 6


HOLES = np.where(np.arange(600)[:, None] == 7, np.nan, NUMBERED)
WRONG: list[tuple[Callable[[], Any], type[UserError], str]] = [
    (lambda: metassl.episodes(HOLES, LABELS), DataError, "x: found NaN or infinite values in 1 of 600 items, the first is item 7, all must be finite."),
    (lambda: metassl.episodes(NUMBERED[:, 0], LABELS), DataError, "x: found float64 [600], allowed are uint8 or float images [n, h, w] or [n, h, w, c], and float vectors [n, d]."),
    (lambda: metassl.episodes(NUMBERED.astype(int), LABELS), DataError, "x: found int64 [600, 2], allowed are"),
    (lambda: metassl.episodes(NUMBERED[:, :0], LABELS), DataError, "x: found shape [600, 0], no size may be 0."),
    (lambda: metassl.episodes([[1.0], [1.0, 2.0]], [0, 1]), DataError, "x: can't be made an array of ("),
    (lambda: metassl.episodes(NUMBERED, LABELS[:-1]), DataError, "y: found 599 labels for 600 items, needed is one label for each item and at least one item."),
    (lambda: metassl.episodes(NUMBERED, LABELS - 1), DataError, "y: found label -1, allowed are labels >= 0."),
    (lambda: metassl.episodes(NUMBERED, LABELS / 2), DataError, "y: found float64 [600], allowed are whole numbers or strings [n]."),
    (lambda: numbered(classes=[1, 2, 3, 4, 77]), DataError, "classes: found '77'."),
    (lambda: numbered(classes=[1, 2, 3, 4, 5, 5]), DataError, "classes: found '5' twice, allowed is each class once."),
    (lambda: numbered(way=21), ConfigError, "episode.way: way 21 + distractors 0 needs 21 classes, split 'train' has 20."),
    (lambda: numbered(unlabelled=26), ConfigError, "episode: shot 1 + queries 4 + unlabelled 26 needs 31 images a class, class '0' of split 'train' has 30."),
    (lambda: numbered(shot="many"), ConfigError, "episode.shot: found 'many', allowed is a whole number of at least 1, a range [low, high] of such, or, between domains, all."),
    (lambda: numbered(split="tset"), ConfigError, "split: found 'tset'. Did you mean 'test'? Allowed: test, train, val."),
    (lambda: numbered(seed=-1), ConfigError, "seed: found -1, allowed is a whole number of at least 0."),
    (lambda: numbered().having(unlabeled=3), ConfigError, "episode: found 'unlabeled'. Did you mean 'unlabelled'?"),
    (lambda: numbered().split_classes((1, 1)), ConfigError, "ratio: found (1, 1), allowed are three shares >= 0 that sum to 1."),
    (lambda: numbered().split_classes((0.8, 0.1, 0.1)), ConfigError, "episode.way: way 5 + distractors 0 needs 5 classes, split 'val' has 2."),
]  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "line"), WRONG, ids=[line for *_, line in WRONG])
def test_a_mistake_ends_in_one_line(make: Callable[[], Any], kind: type[UserError], line: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_numbers_below_0_name_no_task() -> None:
    with pytest.raises(IndexError, match="from 0"):
        _ = numbered()[-1]
