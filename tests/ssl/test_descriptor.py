"""The objective that only carries U to learners that read it."""

from metassl.data.pool import Pool
from metassl.ssl.descriptor import Descriptor
from tests.support.contexts import D, U, context
from tests.support.episodes import episodes
from tests.support.numbers import random
from tests.support.terms import make_term


def test_a_descriptor_only_carries_images(tiny_pool: Pool) -> None:
    objective = Descriptor()
    given = context({"plain": random(U, D)})
    assert objective.label(given) is None
    assert objective.penalty(given) is None
    assert episodes(tiny_pool, make_term(objective), 1).unlabelled.views["plain"].shape[1] > 0
