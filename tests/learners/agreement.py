"""What every learner has to pass: the engines agree, padding is harmless, nothing becomes NaN."""

from collections.abc import Callable
from typing import ClassVar

import torch
from metassl.engine.outer import Unrolled
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from metassl.data.pool import Pool
from metassl.engine.loop import Loop
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.numerics.losses import weighted_mean
from metassl.ssl.base import SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.context import Context
from metassl.ssl.none import NoObjective
from metassl.ssl.self_labelling.pseudo_label import PseudoLabel
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST, Stage
from tests.engine.test_tasks import cut_padding, episodes, flat, term

TRAIN = Stage(training=True)
OBJECTIVES = {
    "none": NoObjective,
    "pseudo_label": lambda: PseudoLabel(0.2),
    "consistency": Consistency,
    "soft_kmeans": lambda: SoftKMeans(1),
}


class Entropy(SSLObjective):
    """exp(ω)·entropy of the predictions on U, ω a meta-parameter."""

    views: ClassVar = {"plain": "plain"}

    def __init__(self) -> None:
        super().__init__()
        self.omega = nn.Parameter(torch.tensor(0.3))

    def penalty(self, context: Context) -> Tensor:
        p = context.logits("plain").log_softmax(-1)
        p = torch.where(context.episode.class_mask, p, torch.zeros_like(p))
        return self.omega.exp() * weighted_mean(-(p.exp() * p).sum(-1), context.weight)


OMEGA = "ssl.objective.omega"
Make = Callable[[str, SSLTerm], MetaLearner]


def assert_engines_agree(make: Make, pool: Pool, norm: str, objective: str, tolerance: float = 1e-8) -> None:
    """Loop, Vmap and Threads give one finite gradient, the same scores, and the same predictions."""
    ssl = term(OBJECTIVES[objective]())
    learner = make(norm, ssl)
    tasks = episodes(pool, ssl, 3, way=[2, 3])
    assert tasks.padded
    one, one_scores = Unrolled(Loop())(learner, learner.theta(), tasks, TRAIN)
    assert torch.isfinite(flat(one)).all()
    assert flat(one).any()
    for runner in (Vmap(2), Threads(2)):
        many, scores = Unrolled(runner)(learner, learner.theta(), tasks, TRAIN)
        torch.testing.assert_close(flat(many), flat(one), rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(scores, one_scores, rtol=tolerance, atol=tolerance)
    theta = learner.eval().theta()

    def logits(copy: MetaLearner, task: Episode) -> Tensor:
        return copy.query_logits(theta, task, TEST)

    with torch.no_grad():
        expected = Loop().map(learner, logits, tasks)
        assert torch.isfinite(expected).all()
        torch.testing.assert_close(
            Vmap(2).map(learner, logits, tasks), expected, rtol=tolerance, atol=tolerance
        )


def assert_padding_is_harmless(make: Make, pool: Pool, norm: str, tolerance: float = 1e-8) -> None:
    """A padded task gives the gradient and the predictions of the same task without its padding."""
    ssl = term(SoftKMeans(1))
    learner = make(norm, ssl)
    tasks = episodes(pool, ssl, 8, way=[2, 3], shot=[1, 2], distractors=0)
    narrow = next(t for t in range(8) if not tasks.class_mask[t].all())
    task, cut = tasks.task(narrow), cut_padding(tasks.task(narrow))
    padded, plain = (
        Unrolled(Loop())(learner, learner.theta(), tree_map(lambda x: x[None], t), TRAIN)[0]
        for t in (task, cut)
    )
    torch.testing.assert_close(flat(padded), flat(plain), rtol=tolerance, atol=tolerance)
    theta, kept = learner.theta(), task.query_weight > 0
    found, expected = (learner.query_logits(theta, t, TEST) for t in (task, cut))
    torch.testing.assert_close(found[kept], expected, rtol=tolerance, atol=tolerance)
