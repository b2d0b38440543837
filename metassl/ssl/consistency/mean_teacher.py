"""Mean Teacher: the student must predict what a slow average of itself predicts.

Legend: U unlabelled, N way.
"""

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from metassl.numerics.losses import weighted_mean
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from metassl.tasks.spec import TaskSpec

if TYPE_CHECKING:
    from metassl.learners.base import MetaLearner

SSL = "ssl."


class Teacher(nn.Module):
    """A slow average of a predictor, over inner and over outer steps at once.

    teacher_k = e_k + θ̄ - θ, where
        e_k = m·e_{k-1} + (1 - m)·φ_k, e_0 = φ_0: over the inner steps k of a task that see U,
        θ̄ ← M·θ̄ + (1 - M)·θ: over the outer steps, from the first θ on.
    It is the average initialisation, moved as this task has moved so far. A closed form has no inner steps
    (φ = θ), so its teacher is θ̄; with M = 0 a gradient learner's teacher is e_k.
    Averages as in Tarvainen & Valpola 2017, eq. 2. No gradient flows through it.

    Args:
        momentum: m, 0..1.
        outer_momentum: M, 0..1.
    """

    def __init__(self, momentum: float, outer_momentum: float) -> None:
        super().__init__()
        self.momentum, self.outer_momentum = momentum, outer_momentum

    def bind(self, learner: "MetaLearner") -> None:
        """Makes room for θ̄ and θ̄ - θ, which go into checkpoints."""
        for name, p in _parameters(learner).items():
            self.register_buffer(_key("mean", name), p.clone())
            self.register_buffer(_key("lag", name), torch.zeros_like(p))

    def follow(self, context: Context) -> Context:
        """The task as the teacher sees it now. Called once an inner step: it keeps e_k in the memory."""
        average = {name: p.detach() for name, p in context.params.items()}
        if context.memory:
            average = {
                name: self.momentum * context.memory[name] + (1 - self.momentum) * p
                for name, p in average.items()
            }
        context.remember(average)
        lags = dict(self.named_buffers())
        return context.under({n: p + lags.get(_key("lag", n), 0.0) for n, p in average.items()})

    @torch.no_grad()
    def after_outer_step(self, learner: "MetaLearner") -> None:
        """θ̄ follows θ. In place: the copies of a learner in other threads share its buffers."""
        for name, p in _parameters(learner).items():
            mean = self.get_buffer(_key("mean", name))
            mean.lerp_(p, 1 - self.outer_momentum)
            self.get_buffer(_key("lag", name)).copy_(mean - p)


class MeanTeacher(SSLObjective):
    """penalty = mean over U of ‖p_student(x, η) - p_teacher(x, η')‖²; the teacher is a constant.

    Source: Tarvainen & Valpola 2017, eq. 1 and 2.

    Args:
        momentum: of the teacher over inner steps, 0..1.
        outer_momentum: of the teacher over outer steps, 0..1.
    """

    views: ClassVar = {"first": "weak", "second": "weak"}

    def __init__(self, momentum: float, outer_momentum: float) -> None:
        super().__init__()
        self.teacher = Teacher(momentum, outer_momentum)

    def bind(self, learner: "MetaLearner", task: TaskSpec) -> None:
        """See SSLObjective."""
        self.teacher.bind(learner)

    def penalty(self, context: Context) -> Tensor:
        """Scalar in 0..2."""
        with torch.no_grad():
            teacher = self.teacher.follow(context).logits("second").softmax(-1)
        student = context.logits("first").softmax(-1)
        return weighted_mean((student - teacher).square().sum(-1), context.weight)

    @torch.no_grad()
    def after_outer_step(self, learner: "MetaLearner") -> None:
        """See SSLObjective."""
        self.teacher.after_outer_step(learner)


def _parameters(learner: "MetaLearner") -> dict[str, Tensor]:
    return {name: p.detach() for name, p in learner.named_parameters() if not name.startswith(SSL)}


def _key(kind: str, name: str) -> str:
    return f"{kind}:{name.replace('.', ':')}"  # a buffer's name has no dot
