"""MAML: a learned initialisation from which a few gradient steps fit a task."""

from typing import Literal

from torch import nn

from metassl.backbones.base import Backbone
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.gradient.learner import BACKBONE, HEAD, GradientLearner
from metassl.schema.ranges import Whole, Words
from metassl.tasks.spec import TaskSpec


class MAML(GradientLearner):
    """Adapts backbone and linear head by gradient steps from a learned initialisation.

    φ_0 = θ, φ_{k+1} = φ_k - α ∇[CE(S; φ_k) + λ·SSL(U; φ_k)]; the outer loss is CE(Q; φ_K).
    With order=1 its first-order form (section 5.2), with adapt=[head.] ANIL (Raghu et al. 2020), with
    adapt=[backbone.] BOIL (Oh et al. 2021), with another inner optimiser Meta-SGD and its kin.

    Differs from the paper: by default the outer loop also learns the inner rates, one for each step; theirs
    is fixed (model.inner.learned=false).

    Source: Finn et al. 2017, Algorithm 2.

    Args:
        backbone: maps inputs to features.
        task: its way is the number of outputs of the linear head.
        inner: makes the inner optimiser of what it moves.
        steps, test_steps, order, adapt: see GradientLearner.
    """

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = SGD,
        steps: Whole = 3,
        test_steps: Whole | None = 4,
        order: Literal[1, 2] = 2,
        adapt: Words = (BACKBONE, HEAD),
    ) -> None:
        super().__init__(backbone, steps, test_steps, order, adapt)
        self.head = nn.Linear(backbone.out_dim, task.way)
        self.inner = inner(self.moved())
