"""From rows to tensors: what is gathered, the views, the oracle, and the types that carry them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.data.builder import EpisodeBuilder
from metassl.data.pool import Contents, Pool, split_pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.views import AffineJitter, Jitter, View
from metassl.tasks.episode import TENSOR_FIELDS, Episode, TaskBatch
from tests.support.episodes import spec

CLASSES, IMAGES = 16, 12


def pool(items: np.ndarray) -> Pool:
    """Classes 5 to 15 of 16, so that a class's place in the split is not its place in the source."""
    names = [f"c{k}" for k in range(CLASSES)]
    contents = Contents(items, np.full(CLASSES, IMAGES), names, {"test": range(5, CLASSES)}, {})
    return split_pool(contents, "test")


def images() -> np.ndarray:
    """6×5 images of 3 channels, all different."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (CLASSES * IMAGES, 6, 5, 3), dtype=np.uint8)


def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 9, (CLASSES * IMAGES, 7)).astype(np.float32)


def make(
    items: np.ndarray,
    views: dict[str, View | None],
    inner: bool = True,
    outer: bool = True,
    **changes: object,
) -> EpisodeBuilder:
    sampler = EpisodeSampler(pool(items), spec(**changes), 0, "test", outer=outer)
    return EpisodeBuilder(sampler, sampler.pool.items, views, inner, outer)


def gathered(builder: EpisodeBuilder, numbers: range) -> dict[str, tuple[Tensor, np.ndarray]]:
    """Every tensor of inputs with the rows that it must hold."""
    draw, episodes = builder.sampler(numbers), builder(numbers).episodes
    return {
        "support": (episodes.support_x, draw.support),
        "query": (episodes.query_x, draw.query),
        "inner": (episodes.unlabelled.views["plain"], draw.unlabelled),
        "outer": (episodes.outer_unlabelled.views["plain"], draw.outer),
    }


def test_images_are_scaled_and_channels_first() -> None:
    items = images()
    for x, rows in gathered(make(items, {"plain": None}), range(3)).values():
        assert x.dtype == torch.float32
        assert x.movedim(-3, -1).is_contiguous()  # channels last in memory
        assert x.shape == (*rows.shape, 3, 6, 5)
        for t, i, c in ((0, 0, 0), (1, 2, 1), (2, rows.shape[1] - 1, 2)):
            expected = items[rows[t, i]][:, :, c].astype(np.float32) / 255
            assert np.array_equal(x[t, i, c].numpy(), expected)


def test_float_images_and_vectors_pass_unchanged() -> None:
    for x, rows in gathered(make(vectors(), {"plain": None}), range(2)).values():
        assert np.array_equal(x.numpy(), vectors()[rows])
    floats = images().astype(np.float32) - 100
    for x, rows in gathered(make(floats, {"plain": None}), range(2)).values():
        assert np.array_equal(x.numpy(), np.moveaxis(floats[rows], -1, 2))


def test_labels_fit_the_images() -> None:
    builder = make(images(), {"plain": None}, shot=2)
    draw, batch = builder.sampler(range(5)), builder(range(5))
    for rows, y in ((draw.support, batch.episodes.support_y), (draw.query, batch.episodes.query_y)):
        assert np.array_equal(
            rows // IMAGES, np.take_along_axis(batch.oracle.class_ids.numpy(), y.numpy(), 1)
        )
        assert y.dtype == torch.int64


@pytest.mark.parametrize(
    "changes",
    [{}, {"way": [2, 4], "shot": [1, 2]}, {"class_aware": False}, {"distractors": 0}, {"imbalance": 3.0, "unlabelled": 4}],
)  # fmt: skip
def test_oracle_agrees_with_the_classes(changes: dict[str, object]) -> None:
    builder = make(images(), {"plain": None}, **changes)
    draw, batch = builder.sampler(range(8)), builder(range(8))
    weight, mask = batch.episodes.unlabelled.weight, batch.episodes.class_mask
    for t in range(8):
        ids = batch.oracle.class_ids[t][mask[t]].tolist()
        for j, row in enumerate(draw.unlabelled[t]):
            owner = int(row) // IMAGES
            present = bool(weight[t, j])
            label = ids.index(owner) if present and owner in ids else -1
            assert batch.oracle.unlabelled_y[t, j] == label
            assert batch.oracle.distractor[t, j] == (present and owner not in ids)
    if changes == {"distractors": 0}:
        assert not batch.oracle.distractor.any()


@pytest.mark.parametrize("view", [AffineJitter(10, 0.1, 0.2), Jitter(0.3)])
def test_an_episode_alone_has_the_views_it_has_in_a_batch(view: View) -> None:
    builder = make(images(), {"first": view, "second": view, "plain": None})
    batch = builder(range(4)).episodes
    for t in (2, 0, 3):
        alone, within = builder([t]).episodes.task(0), batch.task(t)
        for one, many in (
            (alone.unlabelled, within.unlabelled), (alone.outer_unlabelled, within.outer_unlabelled)
        ):  # fmt: skip
            assert torch.equal(one.views["plain"], many.views["plain"])
            for name in ("first", "second"):
                torch.testing.assert_close(one.views[name], many.views[name], rtol=0, atol=1e-6)


def test_further_draws_change_nothing_but_themselves() -> None:
    """Of three draws the first is what a single one is; all differ, an episode alone has those of a batch."""
    views: dict[str, View | None] = {"first": Jitter(1.0), "plain": None}
    sampler = EpisodeSampler(pool(vectors()), spec(), 0, "test", outer=True)
    one, three = (
        EpisodeBuilder(sampler, sampler.pool.items, views, True, True, 5, 2, redraws=k) for k in (1, 3)
    )
    found, alone = three(range(4)).episodes, three([2]).episodes.task(0)
    for a, b in zip(
        leaves(one(range(4)).episodes), leaves(replace(found, unlabelled=found.unlabelled.at(0))), strict=True
    ):
        assert torch.equal(a, b)
    u = found.unlabelled
    assert len(u.later) == 2
    assert not found.outer_unlabelled.later
    draws = [u.at(k) for k in range(4)]
    assert draws[3] == u.at(0)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert (draws[i].views["first"] - draws[j].views["first"]).abs().mean() > 0.5
        assert (draws[i].random - draws[j].random).abs().mean() > 0.2
    assert all(torch.equal(d.views["plain"], u.views["plain"]) for d in draws)
    for k in range(3):
        assert torch.equal(alone.unlabelled.at(k).views["first"], draws[k].views["first"][2])


def test_views_are_random_and_apart() -> None:
    """Two views of an image differ, and so do those of two episodes; U and the outer set differ."""
    jitter = Jitter(1.0)
    builder = make(vectors(), {"first": jitter, "second": jitter, "plain": None})
    u, outer = builder(range(2)).episodes.unlabelled.views, builder(range(2)).episodes.outer_unlabelled.views
    noise = [v[name] - v["plain"] for v in (u, outer) for name in ("first", "second")]
    numbers = torch.stack([n[t] for n in noise for t in (0, 1)]).flatten(1)
    correlation = torch.corrcoef(numbers) - torch.eye(len(numbers))
    assert correlation.abs().max() < 0.6  # 56 numbers each; equal ones would give 1


def test_asking_for_views_does_not_change_the_episode() -> None:
    plain = make(images(), {"plain": None})(range(3)).episodes
    jittered = make(images(), {"a": Jitter(1.0), "b": Jitter(1.0)})(range(3)).episodes
    for name in ("support_x", "support_y", "query_x", "query_y"):
        assert torch.equal(getattr(plain, name), getattr(jittered, name))


@pytest.mark.parametrize(
    ("views", "inner", "outer", "counts"),
    [
        ({}, True, True, (0, 0)), ({"plain": None}, True, True, (8, 8)), ({"plain": None}, False, True, (0, 8)),
        ({"plain": None}, True, False, (8, 0)), ({"plain": None}, False, False, (0, 0)),
    ],
)  # fmt: skip
def test_unlabelled_images_are_gathered_only_when_asked_for(
    views: dict[str, View | None], inner: bool, outer: bool, counts: tuple[int, int], monkeypatch
) -> None:
    builder = make(images(), views, inner, outer)
    read: list[int] = []
    original = builder.gather
    monkeypatch.setattr(builder, "gather", lambda rows: read.append(rows.shape[1]) or original(rows))
    episodes = builder(range(2)).episodes
    for u, count in zip((episodes.unlabelled, episodes.outer_unlabelled), counts, strict=True):
        assert len(u) == count
        assert bool(u.views) == bool(count)
        assert u.weight.shape == (2, count)
    assert sorted(read) == sorted([3, 6, *(c for c in counts if c)])


def test_no_unlabelled_images_at_all() -> None:
    episodes = make(images(), {"plain": None}, unlabelled=0, distractors=0)(range(2)).episodes
    assert len(episodes.unlabelled) == 0
    assert not episodes.unlabelled.views


def leaves(episode: Episode) -> list[Tensor]:
    found: list[Tensor] = []
    tree_map(found.append, episode)
    return found


@pytest.mark.parametrize("way", [3, [2, 3]])
def test_an_episode_survives_mapping_and_indexing(way: object) -> None:
    padded = way != 3
    episodes = make(images(), {"plain": None}, way=way)(range(4)).episodes
    assert episodes.padded == padded
    assert (episodes.count, episodes.way) == (4, 3)
    # its own tensors but for units, and a view, a weight and random numbers of each of the two sets
    assert len(leaves(episodes)) == len(TENSOR_FIELDS) - 3 + 6
    for one in (tree_map(lambda x: x, episodes), episodes.task(1), episodes.tasks(1, 3)):
        assert isinstance(one, Episode)
        assert one.padded == padded
    for name in ("support_x", "query_y", "class_mask"):
        whole = getattr(episodes, name)
        assert torch.equal(getattr(episodes.task(1), name), whole[1])
        assert torch.equal(getattr(episodes.tasks(1, 3), name), whole[1:3])
    assert episodes.tasks(1, 3).count == 2
    assert torch.equal(episodes.task(2).unlabelled.views["plain"], episodes.unlabelled.views["plain"][2])
    assert len(episodes.task(2).unlabelled) == len(episodes.unlabelled) == 8


def test_a_batch_moves_as_a_whole() -> None:
    batch = make(images(), {"plain": None}, way=[2, 3])(range(2))
    moved = batch.to("meta")
    assert isinstance(moved, TaskBatch)
    assert moved.episodes.padded
    everything = [*leaves(moved.episodes), moved.oracle.unlabelled_y, moved.oracle.class_ids]
    assert all(x.device.type == "meta" for x in everything)
    stayed = batch.to(torch.device("cpu"), non_blocking=True)
    assert torch.equal(stayed.episodes.unlabelled.views["plain"], batch.episodes.unlabelled.views["plain"])
    assert torch.equal(stayed.oracle.distractor, batch.oracle.distractor)
