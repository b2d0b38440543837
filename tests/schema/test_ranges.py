"""Values that once went through in silence, each an example of its kind, and their neighbours that are right."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from metassl.errors import ConfigError
from metassl.schema.check import check_config

NAN = float("nan")
TARGETS = {
    "model._target_": "metassl.learners.gradient.maml.MAML",
    "model.inner._target_": "metassl.inner.sgd.SGD",
    "ssl.objective._target_": "metassl.ssl.self_labelling.pseudo_label.PseudoLabel",
    "dataset.source._target_": "metassl.data.curves.tasks.Curves",
    "dataset.views.weak._target_": "metassl.data.views.AffineJitter",
    "optimizer.optimizer._target_": "torch.optim.Adam",
    "optimizer.scheduler._target_": "torch.optim.lr_scheduler.CosineAnnealingLR",
}


def check(**keys: Any) -> None:
    tree = OmegaConf.create({})
    parts = {t: c for t, c in TARGETS.items() if any(k.startswith(t.removesuffix("_target_")) for k in keys)}
    for key, value in {**parts, **keys}.items():
        OmegaConf.update(tree, key, value, force_add=True)
    check_config(tree)


@pytest.mark.parametrize(
    ("key", "wrong", "right"),
    [
        ("episode.test.transductive", "no", [True, False, None]),
        ("episode.class_aware", "off", [True, False]),
        ("ssl.stop_gradient", "banana", [True, None]),
        ("ssl.weight", -1, [0, 0.5, 100]),
        ("ssl.start", 2, [0, 1, 0.3]),
        ("model.steps", -1, [0, 5]),
        ("model.order", 3, [1, 2]),
        ("model.inner.rate", 0, [1e-9, 1]),
        ("ssl.distractor_threshold", NAN, [0.5, 5]),
        ("ssl.objective.threshold", 7, [0, 1]),
        ("trainer.clip", -1, [1, None]),
        ("seed", -1, [0]),
        ("seed", 2**32, [2**32 - 1]),
        ("dataset.views.weak.scale", 5, [0, 0.5]),
        ("dataset.source.noise", -1, [0, 3.5]),
        ("evaluation.baseline_episodes", 0, [1]),
        ("published", 3, [{"accuracy": 90.0}, None]),
        ("paths", None, [{"data_dir": "data"}]),
        ("evaluation", None, [{"episodes": 1}]),
        ("dataset.source", None, [{"_target_": TARGETS["dataset.source._target_"]}]),
        ("optimizer.optimizer.lr", -1, [0.1]),
        ("optimizer.optimizer.betas", [0.9, 1.0], [[0.9, 0.999]]),
        ("optimizer.scheduler.T_max", 0, [10]),
        ("episode.way", [5, 2], [5, [2, 5]]),
    ],
)
def test_refused_and_taken(key: str, wrong: Any, right: list[Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        check(**{key: wrong})
    assert str(caught.value).startswith(f"{key}: found ")
    for value in right:
        check(**{key: value})
