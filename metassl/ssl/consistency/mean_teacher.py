"""Mean Teacher: the student must predict what a slow average of itself predicts.

Legend: U unlabelled, N way.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from metassl.numerics.losses import weighted_mean
from metassl.numerics.tensors import Tensors
from metassl.outcomes.base import Outcome
from metassl.schema.ranges import Share
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context, Memory

OWNER = "teacher"  # of the average in the memory of a task


class Teacher(nn.Module):
    """A slow average of a predictor, over inner and over outer steps at once.

    teacher_k = e_k + θ̄ - θ, where
        e_k = m·e_{k-1} + (1 - m)·φ_k, e_0 = φ_0: over the inner steps k of a task that see U,
        θ̄ ← M·θ̄ + (1 - M)·θ: over the outer steps, from the first θ on.
    It is the average initialisation, moved as this task has moved so far. A closed form has no inner steps
    (φ = θ), so its teacher is θ̄; with M = 0 a gradient learner's teacher is e_k.
    Averages as in Tarvainen & Valpola 2017, eq. 2. No gradient flows through it.

    θ̄ and θ̄ - θ are buffers, which go into checkpoints.

    Args:
        parameters: θ, the learner's parameters by name.
        momentum: m, 0..1.
        outer_momentum: M, 0..1.
    """

    def __init__(self, parameters: Tensors, momentum: float = 0.95, outer_momentum: float = 0.99) -> None:
        super().__init__()
        self.momentum, self.outer_momentum = momentum, outer_momentum
        for name, p in parameters.items():
            self.register_buffer(_key("mean", name), p.detach().clone())
            self.register_buffer(_key("lag", name), torch.zeros_like(p.detach()))

    @torch.no_grad()
    def remember(self, context: Context) -> Memory:
        """e_k of this inner step."""
        average = {name: p.detach() for name, p in context.params.items()}
        before = context.memory.get(OWNER)
        if before is not None:
            average = {n: self.momentum * before[n] + (1 - self.momentum) * p for n, p in average.items()}
        return {OWNER: average}

    def sees(self, context: Context) -> Context:
        """The task as the teacher sees it now."""
        lags = dict(self.named_buffers())
        average = context.memory[OWNER]
        return context.under({n: p + lags.get(_key("lag", n), 0.0) for n, p in average.items()})

    @torch.no_grad()
    def after_outer_step(self, parameters: Tensors) -> None:
        """θ̄ follows θ. In place: the copies of a learner in other threads share its buffers."""
        for name, p in parameters.items():
            mean = self.get_buffer(_key("mean", name))
            mean.lerp_(p, 1 - self.outer_momentum)
            self.get_buffer(_key("lag", name)).copy_(mean - p)


class MeanTeacher(SSLObjective):
    """Asks for the predictions of a slow average of the learner itself.

    penalty = mean over U of ‖p_student(x, η) - p_teacher(x, η')‖²; the teacher is a constant.

    Differs from the paper: the average runs over the inner steps of a task, from an average initialisation.

    Source: Tarvainen & Valpola 2017, eq. 1 and 2.

    Args:
        parameters: the learner's parameters by name.
        momentum: of the teacher over inner steps, 0..1.
        outer_momentum: of the teacher over outer steps, 0..1.
    """

    views: ClassVar = {"first": "weak", "second": "weak"}
    outcomes = (Outcome,)
    redraws = True
    over_steps = ("momentum",)

    def __init__(self, parameters: Tensors, momentum: Share = 0.95, outer_momentum: Share = 0.99) -> None:
        super().__init__()
        self.teacher = Teacher(parameters, momentum, outer_momentum)

    def remember(self, context: Context) -> Memory:
        """The teacher's average over the inner steps."""
        return self.teacher.remember(context)

    def penalty(self, context: Context) -> Tensor:
        """Scalar, 0 or more; of classes 2 at most."""
        with torch.no_grad():
            teacher = self.teacher.sees(context).predictions("second")
        student = context.predictions("first")
        return weighted_mean((student - teacher).square().sum(-1), context.weight)

    @torch.no_grad()
    def after_outer_step(self, parameters: Tensors) -> None:
        """See SSLObjective."""
        self.teacher.after_outer_step(parameters)


def _key(kind: str, name: str) -> str:
    return f"{kind}:{name.replace('.', ':')}"  # a buffer's name has no dot
