"""An option that changes nothing for the chosen pair says so, and one that does is not named."""

from collections.abc import Sequence

import pytest

import metassl
from metassl.learners.base import MetaLearner
from metassl.library.configs import composed
from metassl.trained.build import build_learner
from metassl.training.notes import without_effect

TASK = metassl.TaskSpec(way=5, input_shape=(8,), base_classes=30)
ALL = ("model", "ssl", "backbone", "episode", "evaluation", "optimizer", "trainer")


def notes(model: str, ssl: str, typed: Sequence[str]) -> list[str]:
    config = composed({"model": model, "ssl": ssl, "backbone": "mlp"}, list(typed), allowed=ALL)
    learner: MetaLearner = build_learner(config, TASK)
    return without_effect(config, learner, [f"model={model}", f"ssl={ssl}", *typed])


@pytest.mark.parametrize(
    ("model", "ssl", "typed", "named"),
    [
        ("protonet", "soft_kmeans", ["ssl.weight=0.5"], "ssl.refit_weight"),
        ("protonet", "soft_kmeans", ["ssl.step_schedule=ramp"], "closed form"),
        ("protonet", "soft_kmeans", ["ssl.from_step=2"], "closed form"),
        ("protonet", "consistency", ["ssl.refit_weight=0.5"], "labels nothing"),
        ("protonet", "mean_teacher", ["ssl.objective.momentum=0.5"], "closed form"),
        ("maml", "soft_kmeans", ["ssl.refit_weight=0.5"], "ssl.weight"),
        ("maml", "soft_kmeans", ["ssl.outer_weight=0.5"], "ssl.at=inner"),
        ("maml", "soft_kmeans", ["ssl.at=test", "ssl.start=0.5"], "at the test alone"),
        ("maml", "soft_kmeans", ["ssl.at=outer", "ssl.weight=0.5"], "ssl.outer_weight"),
        ("maml", "none", ["ssl.weight=0.5"], "ssl=none"),
        ("maml", "soft_kmeans", ["ssl.distractor_threshold=0.7"], "ssl.distractors=none"),
        ("maml", "soft_kmeans", ["episode.distractor_unlabelled=3"], "no distractors"),
        ("maml", "soft_kmeans", ["episode.transductive=true", "episode.distractors=2"], "U is the queries"),
        ("maml", "soft_kmeans", ["episode.test.transductive=true", "episode.test.imbalance=3"], "U is the"),
        ("maml", "soft_kmeans", ["ssl.in_statistics=true"], "norm=batch"),
        ("maml", "soft_kmeans", ["backbone.norm_steps=3"], "norm=batch"),
        ("maml", "soft_kmeans", ["optimizer.ssl_lr=0.1"], "no parameters"),
        ("maml", "soft_kmeans", ["evaluation.episodes=20", "evaluation.baseline_episodes=30"], "all 20"),
        ("maml", "soft_kmeans", ["evaluation.twin=false", "evaluation.train_twin=false"], "there is none"),
    ],
)
def test_an_option_without_effect_is_named(model: str, ssl: str, typed: list[str], named: str) -> None:
    (line,) = notes(model, ssl, typed)
    assert line.startswith(f"{typed[-1]} has no effect here: ")
    assert named in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("model", "ssl", "typed"),
    [
        ("maml", "soft_kmeans", ["ssl.weight=0.5", "ssl.step_schedule=ramp", "ssl.start=0.5", "ssl.ramp=0"]),
        ("protonet", "soft_kmeans", ["ssl.refit_weight=0.5", "ssl.start=0.5"]),
        ("protonet", "consistency", ["ssl.weight=0.5"]),
        ("cnaps", "descriptor", ["ssl.weight=0.5"]),
        ("maml", "learned_critic", ["optimizer.ssl_lr=0.1", "ssl.at=both", "ssl.outer_weight=2"]),
        ("maml", "soft_kmeans", ["ssl.distractors=threshold", "ssl.distractor_threshold=0.7"]),
        ("maml", "soft_kmeans", ["episode.distractors=1", "episode.distractor_unlabelled=3"]),
        ("maml", "soft_kmeans", ["episode.transductive=true", "episode.queries=3", "trainer.steps=80"]),
        ("maml", "soft_kmeans", []),
    ],
)
def test_an_option_that_counts_is_not(model: str, ssl: str, typed: list[str]) -> None:
    assert notes(model, ssl, typed) == []


def test_a_norm_that_a_pretrained_network_does_not_take() -> None:
    typed = ["backbone=torchvision", "backbone.norm=batch", "backbone.model=shufflenet_v2_x0_5"]
    config = composed({"model": "maml", "ssl": "none", "backbone": "torchvision"}, typed[1:], allowed=ALL)
    task = metassl.TaskSpec(way=5, input_shape=(3, 32, 32), base_classes=30)
    (line,) = without_effect(config, build_learner(config, task), typed)
    assert line == "backbone.norm=batch has no effect here: this network keeps the norms that it came with."
    (line,) = without_effect(config, build_learner(config, task), ["backbone.lora_rank=2"])
    assert line == "backbone.lora_rank=2 has no effect here: it is of backbone.train=lora, found none."
