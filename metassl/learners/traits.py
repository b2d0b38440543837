"""What a learner needs and offers, declared in one place; metassl.compatibility judges by it."""

from dataclasses import dataclass

from metassl.outcomes.base import Outcome


@dataclass(frozen=True)
class LearnerTraits:
    """What others have to know of a learner.

    Attributes:
        takes_gradient_steps: whether adaptation is by gradient steps on an inner loss.
        adapts_in_training: whether training tasks are adapted to, so that the outer loop can train an SSL
            objective's meta-parameters through it.
        follows_averages: whether training can follow the moving averages of a `running` norm.
        tells_steps: whether it tells norms which inner step a pass is of (backbone.norm=per_step).
        reads_unlabelled: whether adaptation looks at U even where the objective neither labels nor penalises
            it (a set encoder over S ∪ U).
        reads_queries: whether adaptation looks at the query labels: an oracle for comparison, no method.
        transductive: whether the prediction of one query depends on the others, norms apart.
        embeds_apart: whether nothing of a task enters its images' features, the norm apart; then a test can
            embed each image once.
        keeps_tasks: whether it keeps examples of training tasks, so that of several processes each has to
            see the tasks of all.
        leaves_torch: whether adaptation is done by another library, which needs the values of tensors.
        outcomes: what its tasks may ask for.
    """

    takes_gradient_steps: bool = True
    adapts_in_training: bool = True
    follows_averages: bool = False
    tells_steps: bool = False
    reads_unlabelled: bool = False
    reads_queries: bool = False
    transductive: bool = False
    embeds_apart: bool = False
    keeps_tasks: bool = False
    leaves_torch: bool = False
    outcomes: tuple[type[Outcome], ...] = (Outcome,)
