"""What can go together: the one place that judges it, by what each part declares of itself.

A part says what it needs and offers (LearnerTraits, NormTraits, the attributes of SSLObjective and of an
engine); no other module tests for a pair. A rule says in one line what was found and what is allowed.
"""

from collections.abc import Callable, Iterator

from metassl.engine.base import Engine
from metassl.errors import ConfigError
from metassl.heads.base import Head
from metassl.learners.base import MetaLearner
from metassl.tasks.spec import TaskSpec

Rule = Callable[[MetaLearner, TaskSpec], str | None]
"""(a complete learner, its tasks) -> why it can't be, or None."""


def check(learner: MetaLearner, task: TaskSpec) -> None:
    """Raises ConfigError where a learner, its backbone's norm and its SSL objective don't fit each other."""
    for line in _refusals(learner, task):
        raise ConfigError(line)


def check_engine(learner: MetaLearner, engine: Engine) -> None:
    """Raises ConfigError where an engine can't run a learner."""
    if learner.traits.leaves_torch and not engine.allows_buffers:
        raise ConfigError(
            f"engine: tasks can't run side by side with a classifier of another library ({_of(learner)}). "
            "Allowed: engine=loop."
        )
    if learner.backbone.traits.keeps_averages and not engine.allows_buffers:
        raise ConfigError(
            "engine: tasks can't run side by side with backbone.norm=running, whose moving averages every "
            "task updates. Allowed: engine=loop, or backbone.norm=batch, group or support."
        )


def averages_need_a_follower(learner: MetaLearner, task: TaskSpec) -> str | None:
    """Moving averages can't follow passes that gradients within a task are taken through."""
    if learner.backbone.traits.keeps_averages and not learner.traits.follows_averages:
        return (
            f"backbone.norm: found '{learner.backbone.norm}', whose moving averages can't follow the "
            "gradient steps of a task. Allowed with this model: batch, group, support, none."
        )
    return None


def norms_of_steps_need_to_be_told(learner: MetaLearner, task: TaskSpec) -> str | None:
    """A norm of each inner step needs a learner that tells it the step."""
    if learner.backbone.traits.per_step and not learner.traits.tells_steps:
        return (
            f"backbone.norm: found '{learner.backbone.norm}', whose inner steps this model does not tell it. "
            "Allowed are a model that tells them, such as mamlpp, or backbone.norm=batch, group, support, "
            "none or running."
        )
    return None


def meta_parameters_need_adaptation(learner: MetaLearner, task: TaskSpec) -> str | None:
    """What is learned through the adaptation to training tasks needs such an adaptation."""
    learned = learner.ssl.meta_parameters()
    if learned and not learner.traits.adapts_in_training:
        name = learned[0].removeprefix("objective.")
        return (
            f"ssl: the objective's {name} is learned through the adaptation to training tasks, of which this "
            "model has none. Allowed are objectives without meta-parameters."
        )
    return None


def inner_losses_need_inner_steps(learner: MetaLearner, task: TaskSpec) -> str | None:
    """An objective that is a learned loss would train itself in an outer loss."""
    if learner.ssl.objective.needs_inner_loss and not learner.traits.takes_gradient_steps:
        return (
            f"ssl: found a model without inner steps ({type(learner).__name__}), whose outer loss would "
            "train the very loss in it. Allowed are models that take gradient steps."
        )
    return None


def virtual_steps_need_gradient_steps(learner: MetaLearner, task: TaskSpec) -> str | None:
    """What a gradient step on a label would do is asked of a learner that takes such steps."""
    if learner.ssl.objective.needs_gradient_steps and not learner.traits.takes_gradient_steps:
        return (
            "ssl: the objective asks what a gradient step on each label would do, found a model that takes "
            f"none ({type(learner).__name__}). Allowed are models that adapt by gradient steps."
        )
    return None


def losses_of_the_support_need_gradient_steps(learner: MetaLearner, task: TaskSpec) -> str | None:
    """A loss of S that is not that of Q is for what descends it."""
    if not (task.outcome.one_loss or learner.traits.takes_gradient_steps):
        return (
            "outcome.support_loss: found a loss of its own for S, and a model that takes no gradient steps "
            f"({type(learner).__name__}). Allowed with it is cross_entropy."
        )
    return None


def tasks_must_make_sense(learner: MetaLearner, task: TaskSpec) -> str | None:
    """What a task asks for has to have a meaning to each part: some know classes alone."""
    parts = [
        ("model", _of(learner), learner.traits.outcomes),
        ("ssl", type(learner.ssl.objective).__name__, learner.ssl.objective.outcomes),
    ]
    if learner.ssl.policy is not None:
        parts.append(("ssl.distractors", type(learner.ssl.policy).__name__, learner.ssl.policy.outcomes))
    for key, name, outcomes in parts:
        if not isinstance(task.outcome, outcomes):
            allowed = " or ".join(outcome.asks for outcome in outcomes)
            return (
                f"{key}: {name} makes sense of tasks that ask for {allowed}, found tasks that ask for "
                f"{task.outcome.asks} (outcome={task.outcome.name})."
            )
    return None


def _of(learner: MetaLearner) -> str:
    """The name of what a learner predicts by."""
    head = getattr(learner, "head", None)
    return type(head if isinstance(head, Head) else learner).__name__


def turns_need_squares(learner: MetaLearner, task: TaskSpec) -> str | None:
    """Only square images can be turned."""
    shape = task.input_shape
    square = len(shape) == 3 and shape[1] == shape[2]
    if learner.ssl.objective.needs_square_images and not square:
        return (
            f"ssl: the objective turns images, found inputs of shape {tuple(shape)}. Allowed are square "
            "images (channels, side, side)."
        )
    return None


RULES: tuple[Rule, ...] = (
    tasks_must_make_sense,
    averages_need_a_follower,
    norms_of_steps_need_to_be_told,
    meta_parameters_need_adaptation,
    inner_losses_need_inner_steps,
    virtual_steps_need_gradient_steps,
    losses_of_the_support_need_gradient_steps,
    turns_need_squares,
)


def _refusals(learner: MetaLearner, task: TaskSpec) -> Iterator[str]:
    return (line for rule in RULES if (line := rule(learner, task)) is not None)
