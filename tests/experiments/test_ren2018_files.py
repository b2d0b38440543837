"""The experiment files of Ren et al. 2018's tables say what the paper's protocol says."""

import pytest

from metassl.cli.choices import options_of
from metassl.data.class_tasks import ClassTasks
from metassl.training.build import build_make_ups
from tests.conftest import CONF
from tests.support.composing import composed

TABLES = {"mini": (0.4, "table 2"), "tiered": (0.1, "table 3")}
NAMES = [name for name in options_of("experiment", CONF) if "_imagenet/" in name]


def test_every_cell_has_a_file() -> None:
    cells = {f"{shot}shot{away}" for shot in (1, 5) for away in ("", "_distractors")}
    methods = {"soft_kmeans", "soft_kmeans_cluster", "masked_soft_kmeans"}
    expected = {f"{method}_{cell}" for method in methods for cell in cells}
    expected |= {"supervised_1shot", "supervised_5shot"}
    assert set(NAMES) == {f"ren2018_{table}_imagenet/{name}" for table in TABLES for name in expected}


@pytest.mark.parametrize("name", NAMES)
def test_cell(name: str) -> None:
    folder, _, cell = name.partition("/")
    table = folder.removeprefix("ren2018_").removesuffix("_imagenet")
    label_ratio, source = TABLES[table]
    config = composed(f"experiment={name}", "seed=1001")
    train, test = build_make_ups(config, ClassTasks(None))  # type: ignore[arg-type]  # no image is asked for
    away, shot = (5 if cell.endswith("_distractors") else 0), (5 if "_5shot" in cell else 1)
    for spec, queries, unlabelled in ((train, 5, 5), (test, 20, 20)):
        assert (spec.way.high, spec.shot.low, spec.shot.high) == (5, shot, shot)
        assert (spec.queries, spec.unlabelled, spec.distractor_unlabelled) == (
            queries,
            unlabelled,
            unlabelled,
        )
        assert spec.distractors == away
    assert (train.label_ratio, test.label_ratio, train.label_seed) == (label_ratio, 1, 1001)
    assert config.dataset.name == f"{table}_imagenet"
    method = cell.split("_1shot")[0].split("_5shot")[0]
    objective = config.ssl.objective._target_.split(".")[-2]
    assert objective == ("none" if method == "supervised" else method)
    assert (config.trainer.steps, config.trainer.tasks, config.evaluation.checkpoint) == (200_000, 1, "last")
    assert config.optimizer.scheduler.milestones == [50_000, 75_000, 100_000, 125_000, 150_000, 175_000]
    assert (config.optimizer.optimizer.lr, config.optimizer.optimizer.weight_decay) == (1e-3, 5e-5)
    assert (config.backbone.filters, config.backbone.init_std) == (64, 0.01)
    assert config.published.source == f"Ren et al. 2018, {source}"
    assert config.published.read == (config.published.accuracy is not None)
    assert (config.published.accuracy is None) == (method == "supervised")
