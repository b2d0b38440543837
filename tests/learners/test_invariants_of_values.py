"""What must not change a prediction where tasks ask for values, of every model that can: found from conf/ by itself.

Legend: S support, Q query.
"""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import TEST
from metassl.trained.build import build_learner
from metassl.training.build import build_episodes, build_source, build_task_spec
from tests.conftest import CONF
from tests.support.calls import adapt, predict, query_logits
from tests.support.composing import composed
from tests.support.episodes import cut_padding

MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
CLASSES_ALONE = {
    "baseline",
    "baseline_pp",
    "leo",
    "caml",
    "feat",
    "metaoptnet",
    "proto_maml",
    "rfs",
    "simple_cnaps",
    "relation",
    "mixed_starts",
    "starts",
    "tabular_icl",
    "tpn",
}
WORDS = (
    "dataset=curves", "ssl=label_propagation", "episode.shot=[3,6]", "episode.queries=4", "episode.unlabelled=5",
    "backbone=mlp_40", "backbone.sizes=[16,16]",
)  # fmt: skip


@pytest.fixture(scope="module")
def built():
    """model -> (learner in float64, one test task with padding in its support), with label propagation on U."""

    @cache
    def build(model: str) -> tuple[MetaLearner, Episode]:
        own = {"mamlpp": ["backbone.norm=per_step", "backbone.norm_steps=4"], "cavia": ["model.layer=1"]}
        norm = own.get(model, ["backbone.norm=none"])
        config = composed(*WORDS, f"model={model}", *norm)
        source = build_source(config)
        torch.manual_seed(0)
        learner = build_learner(config, build_task_spec(config, source)).double().eval()
        tasks = build_episodes(config, source, learner, "test", 0)(range(9)).episodes
        t = next(t for t in range(9) if tasks.support_weight[t].sum() == 4)
        return learner, tree_map(lambda x: x.double() if x.is_floating_point() else x, tasks).task(t)

    return build


def outputs(learner: MetaLearner, task: Episode) -> Tensor:
    with torch.no_grad():
        return query_logits(learner, task, TEST)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-8)


VALUED = sorted(set(MODELS) - CLASSES_ALONE)


@pytest.mark.parametrize("model", sorted(CLASSES_ALONE))
def test_models_of_classes_alone_say_so(built, model: str) -> None:
    with pytest.raises(ConfigError, match="that ask for classes, found tasks that ask for values"):
        built(model)


@pytest.mark.parametrize("model", VALUED)
def test_the_order_of_the_support(built, model: str) -> None:
    learner, task = built(model)
    order = torch.randperm(len(task.support_y), generator=torch.Generator().manual_seed(1))
    fields = ("support_x", "support_y", "support_weight")
    turned = replace(task, **{name: getattr(task, name)[order] for name in fields})
    close(outputs(learner, turned), outputs(learner, task))


@pytest.mark.parametrize("model", VALUED)
def test_padding(built, model: str) -> None:
    learner, task = built(model)
    close(outputs(learner, cut_padding(task)), outputs(learner, task))


@pytest.mark.parametrize("model", VALUED)
def test_the_labels_matter_and_those_of_the_queries_do_not(built, model: str) -> None:
    learner, task = built(model)
    base = outputs(learner, task)
    close(outputs(learner, replace(task, query_y=task.query_y + 3)), base)
    assert not torch.allclose(outputs(learner, replace(task, support_y=-task.support_y)), base, atol=1e-4)


@pytest.mark.parametrize("model", VALUED)
def test_unlabelled_points_matter(built, model: str) -> None:
    learner, task = built(model)
    # not a shift or another scale, which a batch norm takes away
    views = {name: x.square() - x for name, x in task.unlabelled.views.items()}
    moved = replace(task, unlabelled=Unlabelled(views, task.unlabelled.weight, task.unlabelled.random))
    assert not torch.allclose(outputs(learner, moved), outputs(learner, task), atol=1e-8)


@pytest.mark.parametrize("model", VALUED)
def test_a_query_alone_where_the_learner_says_inductive(built, model: str) -> None:
    learner, task = built(model)
    with torch.no_grad():
        adapted = adapt(learner, task, TEST)
        whole = predict(learner, adapted, task.query_x)
        single = [predict(learner, adapted, x) for x in task.query_x.split(1)]
    close(whole, outputs(learner, task))
    off = float((torch.cat(single) - whole).abs().max())
    assert (off < 1e-10) == (not learner.transductive)
