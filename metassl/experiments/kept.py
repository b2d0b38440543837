"""What a worker keeps from one run to the next."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metassl.training.twin_tests import TwinTests


class Kept:
    """Holds what many runs of one worker share, so that each is made once.

    A worker makes one when it starts and hands it to each of its runs; it ends with the worker. What a run
    finds in it changes none of its numbers.
    """

    @cached_property
    def twins(self) -> "TwinTests":
        """Tests of twins."""
        from metassl.training.twin_tests import TwinTests  # here, for a sweep is started without torch

        return TwinTests()
