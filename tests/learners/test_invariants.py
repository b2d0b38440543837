"""What must not change a prediction, of every model: found from conf/ by itself.

Legend: N way, S support, Q query.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST
from metassl.trained.build import build_learner
from metassl.training.build import build_episodes, build_source, build_task_spec
from tests.conftest import CONF
from tests.support.calls import adapt, predict, query_logits
from tests.support.composing import composed

MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
WAY = 5


@pytest.fixture(scope="module")
def built(tiny_npz: Path, tmp_path_factory: pytest.TempPathFactory):
    """model -> (learner in float64, one test task), with soft k-means on U."""

    folder = tmp_path_factory.mktemp("invariants")
    words = [
        "dataset=arrays", f"dataset.source.path={tiny_npz}", f"paths.cache_dir={folder}", "backbone.filters=6",
        "ssl=soft_kmeans", f"episode.way={WAY}", "episode.shot=2", "episode.queries=2", "episode.unlabelled=2",
    ]  # fmt: skip

    @cache
    def build(model: str) -> tuple[MetaLearner, Episode]:
        own_norm = ["backbone.norm=group"] if model != "mamlpp" else []
        config = composed(*words, f"model={model}", *own_norm)
        contents = build_source(config)
        torch.manual_seed(0)
        learner = build_learner(config, build_task_spec(config, contents)).double().eval()
        tasks = build_episodes(config, contents, learner, "test", 0)(range(1)).episodes
        return learner, tree_map(lambda x: x.double() if x.is_floating_point() else x, tasks).task(0)

    return build


def logits(learner: MetaLearner, task: Episode, theta: dict[str, Tensor] | None = None) -> Tensor:
    with torch.no_grad():
        return query_logits(learner, task, TEST, theta=theta)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("model", MODELS)
def test_the_order_of_the_support(built, model: str) -> None:
    learner, task = built(model)
    order = torch.randperm(len(task.support_y), generator=torch.Generator().manual_seed(1))
    fields = ("support_x", "support_y", "support_weight")
    turned = replace(task, **{name: getattr(task, name)[order] for name in fields})
    close(logits(learner, turned), logits(learner, task))


# CAML's labels are vectors of their own that no name moves: other names are a rotation of them (test_caml.py)
@pytest.mark.parametrize("model", sorted(set(MODELS) - {"caml"}))
def test_the_names_of_the_classes(built, model: str) -> None:
    """Class c is called π(c): the logits move with it. A learned head's rows are named by class and move too."""
    learner, task = built(model)
    new = torch.tensor([3, 0, 4, 1, 2])
    old = new.argsort()
    renamed = replace(task, support_y=new[task.support_y], query_y=new[task.query_y])
    theta = {name: _renamed(p, old) if "head" in name else p for name, p in learner.theta().items()}
    close(logits(learner, renamed, theta)[:, new], logits(learner, task))


def _renamed(p: Tensor, old: Tensor) -> Tensor:
    """Rows that belong to classes, and columns too where a matrix maps classes to classes."""
    if p.shape == (WAY, WAY):
        return p[old][:, old]
    return p[old] if p.shape[:1] == (WAY,) else p


@pytest.mark.parametrize("model", MODELS)
def test_a_query_alone_where_the_learner_says_inductive(built, model: str) -> None:
    learner, task = built(model)
    with torch.no_grad():
        adapted = adapt(learner, task, TEST)
        whole = predict(learner, adapted, task.query_x)
        single = [predict(learner, adapted, x) for x in task.query_x.split(1)]
    close(whole, logits(learner, task))
    off = float((torch.cat(single) - whole).abs().max())
    assert (off < 1e-10) == (not learner.transductive)
