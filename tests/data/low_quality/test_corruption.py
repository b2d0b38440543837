"""Damaged episodes: which parts, that draws and views stay, and what is refused."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import Tensor

import metassl
from metassl.data.builder import EpisodeBuilder
from metassl.data.low_quality.corruption import corruption_of
from metassl.data.low_quality.quality import PARTS, Quality, to_interval
from metassl.data.sampler import EpisodeSampler
from metassl.data.views import AffineJitter, View
from metassl.errors import ConfigError
from metassl.tasks.episode import TaskBatch
from tests.data.test_builder import images, pool, vectors
from tests.support.episodes import spec

VIEWS: dict[str, View | None] = {"plain": None, "weak": AffineJitter(10, 0.1, 0.2)}
INPUTS = {"support": "support", "query": "query", "unlabelled": "unlabelled", "outer": "unlabelled"}


def batch(
    kind: str = "noise",
    severity: float | Sequence[float] = 0.5,
    parts: Sequence[str] = PARTS,
    numbers: Sequence[int] | range = range(4),
    items: np.ndarray | None = None,
    redraws: int = 1,
    **changes: object,
) -> TaskBatch:
    rows = images() if items is None else items
    make_up = spec(**changes)
    drawn = pool(rows)
    shape = (3, 6, 5) if rows.ndim == 4 else (7,)
    quality = Quality(corruption=kind, severity=to_interval(severity), parts=tuple(parts))
    corruption = corruption_of(quality, shape, make_up.transductive, 0, "test")
    views = VIEWS if rows.ndim == 4 else {"plain": None}
    sampler = EpisodeSampler(drawn, make_up, 0, "test", outer=True)
    builder = EpisodeBuilder(
        sampler, drawn.items, views, True, True, 2, 3, redraws=redraws, corruption=corruption
    )
    return builder(numbers)  # type: ignore[arg-type]


def parts_of(found: TaskBatch, view: str = "plain") -> dict[str, Tensor]:
    tasks = found.episodes
    return {
        "support": tasks.support_x, "query": tasks.query_x,
        "unlabelled": tasks.unlabelled.views[view], "outer": tasks.outer_unlabelled.views[view],
    }  # fmt: skip


def leaves(found: TaskBatch) -> list[Tensor]:
    return torch.utils._pytree.tree_leaves((found.episodes, found.oracle))


@pytest.mark.parametrize("kind", ["none", "noise", "blur", "occlusion", "missing"])
def test_severity_0_is_the_episode_of_before(kind: str) -> None:
    for one, other in zip(leaves(batch(kind, 0.0)), leaves(batch("none")), strict=True):
        assert torch.equal(one, other)
    # a range that begins at 0 goes through the damage itself
    few = batch(kind, [0.0, 1e-30])
    torch.testing.assert_close(few.episodes.query_x, batch("none").episodes.query_x, rtol=0, atol=1e-20)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", ["noise", "blur", "occlusion", "missing"])
def test_only_the_parts_that_are_asked_for(kind: str, part: str) -> None:
    clean, found = batch("none"), batch(kind, parts=[part])
    for name, x in parts_of(found).items():
        assert torch.equal(x, parts_of(clean)[name]) == (INPUTS[name] != part)
    labels = ("support_y", "query_y", "support_weight", "class_mask", "random")
    for name in labels:
        assert torch.equal(getattr(found.episodes, name), getattr(clean.episodes, name))
    for field in fields(found.oracle):
        assert torch.equal(getattr(found.oracle, field.name), getattr(clean.oracle, field.name))
    assert torch.equal(found.episodes.unlabelled.random, clean.episodes.unlabelled.random)


def test_a_part_is_damaged_as_it_is_when_others_are_or_are_larger() -> None:
    together = parts_of(batch())
    for name in ("support", "query"):
        assert torch.equal(parts_of(batch(parts=[name]))[name], together[name])
        assert torch.equal(parts_of(batch(unlabelled=3, distractors=0))[name], together[name])


def test_episodes_alone_are_what_they_are_together() -> None:
    together = batch("occlusion", [0.0, 1.0], numbers=range(2, 6))
    alone = batch("occlusion", [0.0, 1.0], numbers=[4])
    for name, x in parts_of(alone).items():
        assert torch.equal(x[0], parts_of(together)[name][2])


def test_views_are_made_of_the_damaged_picture_by_the_random_numbers_of_the_clean_one() -> None:
    view = VIEWS["weak"]
    assert view is not None
    clean, found = batch("none"), batch("blur", 1.0, redraws=2)
    assert not torch.equal(parts_of(clean, "weak")["unlabelled"], parts_of(found, "weak")["unlabelled"])
    # the first random numbers of the episode's own generator
    generators = EpisodeSampler(pool(images()), spec(), 0, "test", outer=True)(range(4)).generators
    plain = parts_of(found)["unlabelled"]
    numbers = np.concatenate([view.draw(g, plain.shape[1], (3, 6, 5)) for g in generators])
    expected = view.apply(plain.flatten(0, 1), torch.from_numpy(numbers)).view(plain.shape)
    assert torch.equal(parts_of(found, "weak")["unlabelled"], expected)
    later = found.episodes.unlabelled.later[0].views["plain"]
    assert torch.equal(later, plain)  # damaged once, however often views are drawn


@pytest.mark.parametrize("parts", [["query"], ["unlabelled", "query"], ["unlabelled"]])
def test_where_u_is_q_it_is_damaged_as_q_is(parts: list[str]) -> None:
    found = parts_of(batch(parts=parts, transductive=True, distractors=0))
    assert torch.equal(found["unlabelled"], found["query"])
    assert torch.equal(found["outer"], found["query"])


def test_a_range_of_severities_is_drawn_anew_for_each_episode() -> None:
    found, clean = (batch(k, [0.0, 1.0], numbers=range(300), items=vectors()) for k in ("noise", "none"))
    away = parts_of(found)["query"] - parts_of(clean)["query"]
    severity = (away.square().mean(2) / parts_of(clean)["query"].square().mean(2)).mean(1).sqrt()
    assert severity.min() < 0.1
    assert severity.max() > 0.9
    assert abs(float(severity.mean()) - 0.5) < 0.05


def test_pictures_keep_channels_last_in_memory() -> None:
    for kind in ("noise", "blur", "occlusion", "missing"):
        assert batch(kind).episodes.query_x.movedim(-3, -1).is_contiguous()


@pytest.mark.parametrize("kind", ["blur", "occlusion"])
def test_vectors_have_nothing_to_blur(kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        batch(kind, items=vectors())
    assert str(caught.value) == (
        f"episode.corruption: found {kind}, which is for pictures, and inputs of shape (7,); allowed with these: "
        "none, noise, missing."
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"corruption": "nois"}, "episode.corruption: found 'nois'. Did you mean 'noise'?"),
        ({"corruption_severity": 1.5}, "episode.corruption_severity: found 1.5, allowed is a number from 0 to 1"),
        ({"corruption_severity": [0.5, 0.1]}, "episode.corruption_severity: found [0.5, 0.1], allowed is"),
        ({"corruption_parts": ["querry"]}, "episode.corruption_parts: found ['querry'], allowed is a list of"),
    ],
)  # fmt: skip
def test_refused(changes: dict[str, object], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        spec(**changes)
    assert str(caught.value).startswith(line)


def test_by_the_library_and_a_table_of_features_is_no_short_cut() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(120, 6)).astype(np.float32), np.repeat(np.arange(12), 10)
    clean = metassl.episodes(x, y, way=3, queries=2, unlabelled=2)
    dirty = clean.having(corruption="missing", corruption_severity=1.0, corruption_parts=["query"])
    assert (dirty[0].query_x == 0).all()
    assert torch.equal(dirty[0].support_x, clean[0].support_x)
    assert clean.builder().plain
    assert not dirty.builder().plain
    assert "missing 1.0 on query" in repr(dirty)
