"""A test from a table of features gives what the direct test gives, for every closed form and objective in conf/."""

from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor

from metassl.errors import ConfigError
from metassl.evaluation.features import TASKS, MetaTest, Table, at_once, embed_once
from metassl.evaluation.meta_test import meta_test
from metassl.experiments.pair_configs import pair_config
from metassl.tasks.stage import CONTROL, TEST, Stage
from metassl.trained.build import build_learner
from metassl.training.build import build_engine, build_source, build_task_spec, build_test_stream
from tests.conftest import CONF
from tests.support.composing import composed

OBJECTIVES = sorted(path.stem for path in (CONF / "ssl").glob("*.yaml"))
HEADS = ("protonet", "matching", "relation", "tpn", "r2d2", "metaoptnet", "in_context", "rfs")
NOT_SO = ("maml", "cnaps", "baseline")  # the task enters the features, or they are adapted to by steps
VARIANTS = {"": TEST, "_deprived": CONTROL}
EPISODES = (
    "evaluation.tasks=3",
    "episode.way=3",
    "episode.queries=4",
    "episode.unlabelled=2",
    "episode.distractors=1",
)


@pytest.fixture(scope="module")
def words(tiny_npz: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    cache = tmp_path_factory.mktemp("features")
    data = ["dataset=arrays", f"dataset.source.path={tiny_npz}", f"paths.cache_dir={cache}"]
    return [*data, "backbone.filters=4", "backbone.depth=2", "engine=loop", *EPISODES]


@pytest.fixture(scope="module")
def terms() -> dict[str, DictConfig]:
    """The config of each objective, composed once for all heads."""
    return {ssl: composed(f"ssl={ssl}") for ssl in OBJECTIVES}


@pytest.mark.parametrize(("model", "norm"), list(zip(HEADS, cycle(("running", "group")), strict=False)))
def test_every_objective_gives_the_same(
    words: list[str], terms: dict[str, DictConfig], model: str, norm: str
) -> None:
    """With prototypes all of them, each other head with a third: which one of the three, goes by the head."""
    of_head = OBJECTIVES if model == "protonet" else OBJECTIVES[HEADS.index(model) % 3 :: 3]
    base = composed(*words, f"backbone.norm={norm}", f"model={model}")
    if model == "metaoptnet":
        base.model.head.steps = 10  # both sides run them
    once = 0
    for ssl in of_head:
        try:
            test = make_test(pair_config(base, terms[ssl]))
        except ConfigError:
            continue  # a pair that is refused
        fast = embed_once(test, VARIANTS.values())
        once += fast is not test
        if fast is test:
            continue
        for stage in VARIANTS.values():
            expected, found = (all_logits(t, stage) for t in (test, fast))
            same = [torch.allclose(f, e, rtol=1e-3, atol=1e-4) for f, e in zip(found, expected, strict=True)]
            assert sum(same) >= len(same) - 1, ssl  # labels of the k surest may hang on the last digit
    assert once >= len(of_head) // 3  # the others look at random views or at the images themselves


def all_logits(test: MetaTest, stage: Stage) -> Tensor:
    with torch.no_grad():
        return torch.cat([test.query_logits(batch.episodes, stage) for batch in test.batches()])


def test_accuracies_are_the_same(words: list[str]) -> None:
    config = composed(*words, "ssl=soft_kmeans", "model=protonet")
    test = make_test(config)
    expected, found = (meta_test(t, VARIANTS, "") for t in (test, embed_once(test, [TEST])))
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("model", NOT_SO)
def test_others_are_tested_directly(words: list[str], model: str) -> None:
    config = composed(*words, f"model={model}")
    test = make_test(config)
    assert embed_once(test, [TEST]) is test


@pytest.mark.parametrize("norm", ["batch", "support"])
def test_norms_that_look_at_the_task_are_tested_directly(words: list[str], norm: str) -> None:
    config = composed(*words, f"backbone.norm={norm}", "model=protonet")
    test = make_test(config)
    assert embed_once(test, [TEST]) is test


def test_an_image_is_embedded_once(words: list[str]) -> None:
    config = composed(*words, "ssl=soft_kmeans", "model=protonet")
    test, seen = make_test(config), []
    test.learner.backbone.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    fast = embed_once(test, [TEST])
    seen.clear()
    meta_test(fast, VARIANTS, "")
    table = fast.learner.backbone
    assert isinstance(table, Table)
    assert sum(seen) <= table.met <= len(table.features)
    meta_test(fast, VARIANTS, "")
    assert sum(seen) <= table.met


def make_test(config) -> MetaTest:
    contents = build_source(config)
    learner = build_learner(config, build_task_spec(config, contents)).eval()
    return MetaTest(learner, build_engine(config, learner), build_test_stream(config, contents, learner, 6))


def test_large_tasks_are_adapted_to_a_few_at_a_time(words: list[str]) -> None:
    """All pairs of the rows of 200 tasks would not fit the memory of most machines."""
    small = make_test(composed(*words, "model=protonet")).stream.builder(range(1)).episodes
    assert at_once(small, 64) == TASKS
    rows = sum(w.shape[1] for w in (small.support_weight, small.unlabelled.weight, small.query_weight))
    wide = 10**8 // rows**2
    assert at_once(small, wide) * wide * rows**2 <= 5e8
    assert at_once(small, 10**9) == 1
