"""A mistake of a classifier's caller, in the words of its arguments."""

from collections.abc import Iterator
from contextlib import contextmanager

from metassl.errors import InputError, UserError

OF_CONFIGS = "dataset.source."  # what the arguments of a classifier are called in a config


@contextmanager
def refusing() -> Iterator[None]:
    """Within it a user's mistake is a ValueError, too, and names an argument in place of a config's key."""
    try:
        yield
    except (ValueError, TypeError):
        raise
    except UserError as error:
        raise InputError(str(error).replace(OF_CONFIGS, "")) from error
