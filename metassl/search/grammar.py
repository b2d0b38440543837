"""Words of a command line or of a file of conf/search that may have an interval as their value."""

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException

from metassl.errors import ConfigError


def parse_space_words(words: Sequence[str]) -> list[Override]:
    """The overrides that these words are, by Hydra's grammar and two short forms of its intervals.

    `log_interval(a,b)` is Hydra's `tag(log,interval(a,b))`, and `int_interval(a,b)` its `int(interval(a,b))`.
    Raises ConfigError for a word that is none.
    """
    functions = create_functions()
    functions.register("log_interval", _log_interval)
    functions.register("int_interval", _int_interval)
    try:
        return OverridesParser(functions).parse_overrides(list(words))
    except HydraException as error:
        said = " ".join(str(error).split("\nSee https")[0].split())
        raise ConfigError(f"command line: {said}") from None


def _log_interval(start: int | float, end: int | float) -> IntervalSweep:
    return IntervalSweep(start=float(start), end=float(end), tags={"log"})


def _int_interval(start: int, end: int) -> IntervalSweep:
    return IntervalSweep(start=start, end=end)
