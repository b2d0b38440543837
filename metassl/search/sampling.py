"""How the next values are chosen, so that a study that goes on proposes what an undisturbed one does."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, GridSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from metassl.errors import ConfigError
from metassl.search.space import Parameter

Make = Callable[[int], BaseSampler]
"""seed -> a fresh sampler."""


class SteadySampler(BaseSampler):
    """Draws every number anew from the study's seed, the trial's number and the key.

    What a sampler proposes then depends on the finished trials alone, and not on the process that asks: a
    study that was killed and goes on has the same trials as one that was not.

    Args:
        make: the sampler that chooses.
        seed: of the study.
    """

    def __init__(self, make: Make, seed: int) -> None:
        self.make, self.seed = make, seed

    def _of(self, trial: FrozenTrial, key: str = "") -> BaseSampler:
        return self.make(derived_seed(self.seed, trial.number, key))

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """As the sampler itself."""
        self._of(trial).before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As the sampler itself."""
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As the sampler itself, for keys that are chosen together."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As the sampler itself, for one key."""
        return self._of(trial, param_name).sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """As the sampler itself."""
        self._of(trial).after_trial(study, trial, state, values)


class WholeGrid(GridSampler):
    """Every point of a grid once; the search, and not the sampler, knows when it is done."""

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Stops nothing."""


def derived_seed(seed: int, number: int, key: str) -> int:
    """A seed of 32 bits that two trials or keys share by chance alone."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}/{key}".encode()).digest()[:4])


def build_sampler(name: str, space: Sequence[Parameter], seed: int, jobs: int) -> BaseSampler:
    """The sampler of this name, one of SAMPLERS. Raises ConfigError for a grid of what can't be counted."""
    if name == "grid":
        points = grid(space)
        return SteadySampler(lambda _: WholeGrid(points, seed=seed), seed)
    return SteadySampler(SAMPLERS[name](jobs), seed)


def grid(space: Sequence[Parameter]) -> dict[str, list[Any]]:
    """Key -> its values. Raises ConfigError for an interval."""
    found = {each.key: each.values for each in space}
    for key, values in found.items():
        if values is None:
            text = next(each.text for each in space if each.key == key)
            raise ConfigError(
                f"sampler: found grid, which needs values that can be counted, and {key}={text}. Allowed are "
                "choice(a,b,c), range(a,b,step) and int_interval(a,b)."
            )
    return {key: values for key, values in found.items() if values is not None}


def _tpe(jobs: int) -> Make:
    # side by side, trials that still run count as bad ones, or all would try the same place
    return lambda seed: TPESampler(seed=seed, constant_liar=jobs > 1)


def _cmaes(jobs: int) -> Make:
    return lambda seed: CmaEsSampler(
        seed=seed, warn_independent_sampling=False, independent_sampler=RandomSampler(seed)
    )


def _gp(jobs: int) -> Make:
    return lambda seed: GPSampler(seed=seed, independent_sampler=RandomSampler(seed))


SAMPLERS: Mapping[str, Callable[[int], Make]] = {
    "tpe": _tpe,
    "cmaes": _cmaes,
    "gp": _gp,
    "random": lambda jobs: RandomSampler,
}
NAMES = (*SAMPLERS, "grid")
