"""The stream of meta-batches: in order, whoever makes them, and an error of the maker comes out."""

import threading

import pytest
import torch

from metassl.data.builder import EpisodeBuilder
from metassl.data.pool import Pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.task_stream import TaskStream, ahead
from tests.support.episodes import spec


def test_ahead_is_map_in_another_thread() -> None:
    names: list[str] = []

    def square(x: int) -> int:
        names.append(threading.current_thread().name)
        return x * x

    assert list(ahead(square, range(5))) == [0, 1, 4, 9, 16]
    assert all(name.startswith("episodes") for name in names)
    assert list(ahead(square, [])) == []
    assert next(ahead(square, iter(range(10**9)))) == 0  # an endless stream is not exhausted


def test_an_error_of_the_maker_comes_out() -> None:
    made = ahead(lambda x: 1 // x, [1, 0, 1])
    assert next(made) == 1
    with pytest.raises(ZeroDivisionError):
        next(made)


def test_a_stream_ends_where_it_should(tiny_pool: Pool) -> None:
    builder = EpisodeBuilder(EpisodeSampler(tiny_pool, spec(), 0, "train"), tiny_pool.items, {"plain": None})
    stream = TaskStream(builder, tasks=4, episodes=10)
    assert [batch.episodes.count for batch in stream] == [4, 4, 2]
    assert [batch.episodes.count for batch in stream.first(5)] == [4, 1]
    torch.testing.assert_close(next(iter(stream)).episodes.support_x, builder(range(4)).episodes.support_x)
