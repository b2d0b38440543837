"""Which trials end early, because others were better at the same step."""

from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.trial import FrozenTrial, create_trial

RUNGS = "rungs"  # the attribute of a trial: name of a rung -> [step at which it was reached, value there]


def build_pruner(name: str, steps: int, every: int) -> BasePruner:
    """The pruner of this name, one of PRUNERS.

    Args:
        name: of the pruner.
        steps: of a whole training.
        every: steps between two validations.
    """
    return PRUNERS[name](steps, every)


def ends_now(pruner: BasePruner, study: optuna.Study, number: int, step: int) -> tuple[bool, dict[str, Any]]:
    """Whether a trial is to end at a step, and the rungs that it has reached by then.

    Optuna's successive halving writes down that a trial has reached a rung, and asked again (of one that was
    killed in between) it would take the trial for one that has passed it. Here it writes into a copy of the
    study, in which the trial has not yet come to this step, so that the answer depends on the trials alone.

    Args:
        pruner: that decides.
        study: whose trials are compared; the trial's value at the step is there.
        number: of the trial.
        step: that it has come to.
    """
    if isinstance(pruner, NopPruner):
        return False, {}
    copy = optuna.create_study(study_name=study.study_name, direction=study.direction, pruner=pruner)
    for trial in study.get_trials(deepcopy=False):
        copy.add_trial(_until(trial, step) if trial.number == number else _until(trial, None))
    trial = copy.get_trials(deepcopy=False)[number]
    ended = pruner.prune(copy, trial)
    known = _rungs(study.get_trials(deepcopy=False)[number], step)
    reached = copy.get_trials(deepcopy=False)[number].system_attrs
    return ended, {name: known.get(name, [step, value]) for name, value in reached.items()}


def _until(trial: FrozenTrial, step: int | None) -> FrozenTrial:
    """A trial as it was when it came to a step, or as it is, with nothing that pruners don't read."""
    values = trial.intermediate_values
    return create_trial(
        state=trial.state,
        values=trial.values,
        intermediate_values={k: v for k, v in values.items() if step is None or k <= step},
        system_attrs={name: value for name, (_, value) in _rungs(trial, step).items()},
    )


def _rungs(trial: FrozenTrial, step: int | None) -> dict[str, Any]:
    """The rungs that a trial had reached before a step."""
    found = trial.user_attrs.get(RUNGS, {})
    return {name: pair for name, pair in found.items() if step is None or pair[0] < step}


def _hyperband(steps: int, every: int) -> BasePruner:
    """Li et al. 2018: brackets of successive halving, from one validation up to the whole training."""
    return HyperbandPruner(min_resource=every, max_resource=steps, reduction_factor=3)


def _median(steps: int, every: int) -> BasePruner:
    """Ends what is worse than the median of the earlier trials at the same step, from the fifth trial on."""
    return MedianPruner(n_startup_trials=5)


PRUNERS: Mapping[str, Callable[[int, int], BasePruner]] = {
    "hyperband": _hyperband,
    "median": _median,
    "none": lambda steps, every: NopPruner(),
}
