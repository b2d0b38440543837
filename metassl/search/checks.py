"""Looks at a space before anything runs: may each key be that, and does it change anything for this pair?"""

from collections.abc import Callable, Sequence
from typing import Any

from omegaconf import DictConfig
from optuna.distributions import CategoricalDistribution

from metassl.data.task_source import TaskSource
from metassl.errors import ConfigError
from metassl.schema.check import check_config
from metassl.search.space import Parameter
from metassl.trained.build import build_learner
from metassl.training.build import build_task_spec
from metassl.training.notes import without_effect

Variant = Callable[[Parameter, Any], DictConfig]
"""(a key of the space, one of its values) -> the config of a trial with it, first values elsewhere."""


def check_ranges(space: Sequence[Parameter], variant: Variant) -> None:
    """Raises ConfigError for the first bound or option that its key can't have."""
    for parameter in space:
        for value in parameter.ends:
            try:
                check_config(variant(parameter, value))
            except ConfigError as error:
                hint = ""
                if isinstance(value, float) and value.is_integer() and "whole number" in str(error):
                    hint = f" Whole numbers are searched by {parameter.key}=int_interval(low,high)."
                raise ConfigError(f"{parameter.key}={parameter.text}: {error}{hint}") from None


def useless(
    space: Sequence[Parameter], base: DictConfig, variant: Variant, source: TaskSource
) -> dict[str, str]:
    """Key -> why it changes nothing, whatever is chosen among the options of the others.

    Raises ConfigError for options that don't fit each other.

    Args:
        space: what is searched.
        base: the config of a trial with every first value.
        variant: makes the others.
        source: of the tasks.
    """
    words = {each.key: each.word(each.ends[0]) for each in space}
    choices = [each for each in space if isinstance(each.distribution, CategoricalDistribution)]
    configs = [base, *(variant(each, value) for each in choices for value in each.ends[1:])]
    found: dict[str, str] = {}
    for number, config in enumerate(configs):
        learner = build_learner(config, build_task_spec(config, source))
        lines = without_effect(config, learner, list(words.values()))
        named = {
            key: line.split(" has no effect here: ")[1]
            for key, word in words.items()
            for line in lines
            if line.startswith(f"{word} has no effect")
        }
        found = named if number == 0 else {key: why for key, why in found.items() if key in named}
    return found
