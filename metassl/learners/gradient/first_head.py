"""What the head of a task starts as: a learned layer, or the prototypes of the task's support.

Legend: N way, K outputs, S support, D features.
"""

from typing import ClassVar, Literal

from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Anchor
from metassl.learners.gradient.learner import BACKBONE, HEAD, GradientLearner
from metassl.learners.gradient.maml import MAML
from metassl.learners.traits import LearnerTraits
from metassl.norms.base import Pass
from metassl.numerics.geometry import class_means
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification, one_hot
from metassl.schema.ranges import Whole, Words
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class FirstHead:
    """Says what the linear head of a task starts as.

    Attributes:
        outcomes: what its tasks may ask for.
        makes: prefixes of the parameters that it makes anew for each task; θ has no say in them.
    """

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Outcome,)
    makes: ClassVar[tuple[str, ...]] = ()

    def __call__(self, learner: GradientLearner, episode: Episode, anchor: Anchor) -> dict[str, Tensor]:
        """The parameters that it makes, by name; called with the task's first backbone in place."""
        return {}


class LearnedHead(FirstHead):
    """Starts every task from the head in θ, one row for each output, as MAML does.

    Right for values, of which each output has a meaning of its own. Of classes, output 0 is whichever class
    happens to be called 0: what adaptation then makes of the backbone depends on these names.
    """


class PrototypeHead(FirstHead):
    """Starts each task's head as the linear classifier of its prototypes.

    w_c = 2p_c, b_c = -‖p_c‖², so that wᵀz + b = -‖z - p_c‖² + ‖z‖²; p_c is the mean feature of class c's
    support under the backbone that the task starts from, 0 for a class that it lacks. There are no initial
    weights of a class, so other names of the classes change nothing.

    Source: Triantafillou et al. 2020 (Meta-Dataset), section 3.

    Args:
        task: its way is the number of the head's outputs.
    """

    outcomes = (Classification,)
    makes = (HEAD,)

    def __init__(self, task: TaskSpec) -> None:
        self.way = task.way

    def __call__(self, learner: GradientLearner, episode: Episode, anchor: Anchor) -> dict[str, Tensor]:
        """The head's weight [N, D] and bias [N]."""
        z = learner.embed(episode.support_x, anchor, Pass(episode.support_weight if episode.padded else None))
        # all outputs of the head, which a task may have fewer classes than
        labels = one_hot(episode.support_y, self.way).to(z.dtype)
        p = class_means(z, labels, episode.support_weight)
        return {"head.weight": 2 * p, "head.bias": -p.square().sum(-1)}


def head_without_names(task: TaskSpec) -> FirstHead:
    """The head that leaves the backbone's parameters the same meaning in every task.

    Prototypes for classes, whose names are by chance; a learned layer for values.
    """
    return PrototypeHead(task) if isinstance(task.outcome, PrototypeHead.outcomes) else LearnedHead()


class FirstHeadMAML(MAML):
    """MAML with a choice of what each task's head starts as; a base of others.

    Args:
        backbone, task, inner, steps, test_steps, order, adapt: see MAML.
        first_head: None for the one whose parameters mean the same in every task.
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
        first_head: FirstHead | None = None,
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt)
        self.first_head = head_without_names(task) if first_head is None else first_head
        self.traits = LearnerTraits(outcomes=self.first_head.outcomes)
        if self.first_head.makes:
            self.head.requires_grad_(False)  # never read

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0: θ, with the head that this task starts with."""
        return {**super().start(episode, anchor, stage), **self.first_head(self, episode, anchor)}

    def moved_of_theta(self) -> dict[str, Tensor]:
        """What the inner loop moves, but for what the head makes anew for each task: φ's part to be kept."""
        return {n: p for n, p in self.moved().items() if not n.startswith(self.first_head.makes)}
