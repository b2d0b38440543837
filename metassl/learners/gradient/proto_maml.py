"""Proto-MAML: MAML whose head starts, in each task, as the prototypes' linear classifier."""

from typing import Literal

from metassl.backbones.base import Backbone
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.gradient.first_head import FirstHeadMAML, PrototypeHead
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.schema.ranges import Whole, Words
from metassl.tasks.spec import TaskSpec


class ProtoMAML(FirstHeadMAML):
    """Starts the head of each task as prototypes, then adapts backbone and head by gradient steps.

    w_c = 2p_c, b_c = -‖p_c‖², so that wᵀz + b = -‖z - p_c‖² + ‖z‖². p_c is the mean feature of class c's
    support at θ, and the outer gradient flows through it. So the head has no initial weights of its own, and
    the names of the classes make no difference.

    Source: Triantafillou et al. 2020 (Meta-Dataset), section 3.

    Args:
        backbone, task, inner, steps, test_steps, order, adapt: see MAML.
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
        super().__init__(
            backbone, task, inner, steps, test_steps, order, adapt, first_head=PrototypeHead(task)
        )
