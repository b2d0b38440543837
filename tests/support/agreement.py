"""What every learner has to pass: the engines agree, padding is harmless, nothing becomes NaN."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.engine.base import Engine
from metassl.engine.loop import Loop
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.ssl.base import SSLObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST, Stage
from tests.support.calls import TRAIN, outer_gradients, query_logits
from tests.support.episodes import cut_padding, episodes, meta_batch, narrow
from tests.support.numbers import flat
from tests.support.objectives import OBJECTIVES, soft_kmeans
from tests.support.terms import term

Make = Callable[[str, SSLTerm], MetaLearner]


def assert_agree(
    learner: MetaLearner,
    tasks: Episode,
    engines: Iterable[Engine],
    stage: Stage = TRAIN,
    rtol: float = 1e-8,
    atol: float = 1e-8,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The loop's gradient and scores are finite and those of other engines; returns them."""
    one, scores = outer_gradients(learner, tasks, stage)
    assert flat(one).isfinite().all()
    assert scores["loss"].isfinite()
    for engine in engines:
        many, others = outer_gradients(learner, tasks, stage, engine)
        torch.testing.assert_close(flat(many), flat(one), rtol=rtol, atol=atol)
        torch.testing.assert_close(others, scores, rtol=rtol, atol=atol)
    return one, scores


def assert_cut_is_same(learner: MetaLearner, task: Episode, rtol: float = 1e-8, atol: float = 1e-10) -> None:
    """A padded task gives the gradient of the same task with its padding cut off."""
    padded, plain = (outer_gradients(learner, meta_batch(t))[0] for t in (task, cut_padding(task)))
    torch.testing.assert_close(flat(padded), flat(plain), rtol=rtol, atol=atol)


def assert_engines_agree(
    make: Make,
    pool: Pool,
    norm: str,
    objective: Callable[[], SSLObjective] | str,
    tolerance: float = 1e-8,
) -> None:
    """Loop, Vmap and Threads give one finite gradient, the same scores, and the same predictions."""
    ssl = term(OBJECTIVES[objective]() if isinstance(objective, str) else objective())
    learner = make(norm, ssl)
    tasks = episodes(pool, ssl, 3, way=[2, 3])
    assert tasks.padded
    one, _ = assert_agree(learner, tasks, (Vmap(2), Threads(2)), rtol=tolerance, atol=tolerance)
    assert flat(one).any()
    learner.eval()

    def logits(learner: MetaLearner, task: Episode) -> Tensor:
        return query_logits(learner, task, TEST)

    with torch.no_grad():
        expected = Loop().map(learner, logits, tasks)
        assert torch.isfinite(expected).all()
        torch.testing.assert_close(
            Vmap(2).map(learner, logits, tasks), expected, rtol=tolerance, atol=tolerance
        )


def assert_padding_is_harmless(make: Make, pool: Pool, norm: str, tolerance: float = 1e-8) -> None:
    """A padded task gives the gradient and the predictions of the same task without its padding."""
    ssl = term(soft_kmeans())
    learner = make(norm, ssl)
    task = narrow(episodes(pool, ssl, 8, way=[2, 3], shot=[1, 2], distractors=0))
    assert_cut_is_same(learner, task, tolerance, tolerance)
    kept = task.query_weight > 0
    found, expected = (query_logits(learner, t, TEST) for t in (task, cut_padding(task)))
    torch.testing.assert_close(found[kept], expected, rtol=tolerance, atol=tolerance)
