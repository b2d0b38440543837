"""SSL terms at full strength from the first outer step on."""

from typing import Any

from metassl.ssl.base import SSLObjective
from metassl.ssl.term import SSLTerm

WEIGHT, REFIT_WEIGHT, OUTER_WEIGHT = 0.7, 0.6, 0.3  # what `full` and `term` set
FROM_STEP = 1


def make_term(
    objective: SSLObjective,
    at: str = "inner",
    *,
    weight: float = 1.0,
    refit_weight: float = 1.0,
    outer_weight: float = 1.0,
    start: float = 0.0,
    ramp: float = 0.0,
    from_step: int = FROM_STEP,
    step_schedule: str = "constant",
    in_statistics: bool = False,
    distractors: str = "none",
    distractor_threshold: float = 0.5,
    stop_gradient: bool | None = None,
) -> SSLTerm:
    """A term that counts at once, everywhere with weight 1 unless told otherwise."""
    return SSLTerm(
        objective,
        at=at,
        weight=weight,
        refit_weight=refit_weight,
        outer_weight=outer_weight,
        start=start,
        ramp=ramp,
        from_step=from_step,
        step_schedule=step_schedule,
        in_statistics=in_statistics,
        distractors=distractors,
        distractor_threshold=distractor_threshold,
        stop_gradient=stop_gradient,
    )


def full(objective: SSLObjective, at: str = "inner", **changes: Any) -> SSLTerm:
    """A term with three weights that differ, so that a mixed-up one shows."""
    weights = {"weight": WEIGHT, "refit_weight": REFIT_WEIGHT, "outer_weight": OUTER_WEIGHT}
    return make_term(objective, at, **(weights | changes))


def term(objective: SSLObjective, at: str = "both") -> SSLTerm:
    """A term that enters everywhere, the statistics of the norms among it."""
    return full(objective, at, in_statistics=True)
