"""Groups of the outer optimiser: the SSL objective's parameters and the rest."""

from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, open_dict
from torch import nn
from torch.nn import functional as F

import metassl
from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.trained.build import build_learner
from metassl.training.build import build_module, build_source, build_task_spec
from metassl.training.groups import one_group, parameter_groups

LR = 0.003


def learner_of(config: DictConfig) -> MetaLearner:
    return build_learner(config, build_task_spec(config, build_source(config)))


def configured(config: DictConfig) -> tuple[MetaLearner, dict[str, Any]]:
    learner = learner_of(config)
    return learner, build_module(config, learner).configure_optimizers()


def rates(learner: MetaLearner, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """Rate of each parameter, by its name."""
    names = {id(p): name for name, p in learner.named_parameters()}
    return {names[id(p)]: group["lr"] for group in optimizer.param_groups for p in group["params"]}


def test_what_an_objective_states_is_a_factor_of_the_rate(make_config) -> None:
    config = make_config("model=maml", "ssl=learned_hparams", "ssl@ssl.wrapped=rotation")
    learner, made = configured(config)
    found = rates(learner, made["optimizer"])
    assert set(found) == {name for name, p in learner.named_parameters() if p.requires_grad}
    objective: Any = learner.ssl.objective
    for name, rate in found.items():
        stated = objective.rate(name.removeprefix("ssl.objective."))
        assert rate == pytest.approx(LR * (stated if name.startswith("ssl.") else 1.0)), name
    assert found["ssl.objective.factors"] == pytest.approx(30 * LR)
    assert found["ssl.objective.objective.head.bias"] == pytest.approx(LR)


def test_one_rate_for_all_of_ssl_where_it_is_given(make_config) -> None:
    learner, made = configured(make_config("model=maml", "ssl=learned_critic", "optimizer.ssl_lr=0.02"))
    for name, rate in rates(learner, made["optimizer"]).items():
        assert rate == (0.02 if name.startswith("ssl.") else LR), name


@pytest.mark.parametrize("ssl", ["none", "consistency"])
def test_one_group_where_nothing_is_learned_inside(make_config, ssl: str) -> None:
    learner, made = configured(make_config("model=maml", f"ssl={ssl}"))
    (group,) = made["optimizer"].param_groups
    expected = [p for p in learner.parameters() if p.requires_grad]
    assert all(one is two for one, two in zip(group["params"], expected, strict=True))


def test_a_schedule_lowers_every_group_alike(make_config) -> None:
    config = make_config("model=maml", "ssl=learned_hparams", "trainer.steps=10")
    learner, made = configured(config)
    before = rates(learner, made["optimizer"])
    for _ in range(5):
        made["optimizer"].step()
        made["lr_scheduler"]["scheduler"].step()
    for name, rate in rates(learner, made["optimizer"]).items():
        assert rate == pytest.approx(before[name] / 2), name


def test_a_config_of_before_there_were_groups_has_one(make_config) -> None:
    """In the order of its checkpoint's optimiser state."""
    config = make_config("model=maml", "ssl=learned_hparams")
    with open_dict(config):
        del config.optimizer["ssl_lr"]
    learner, made = configured(config)
    (group,) = made["optimizer"].param_groups
    assert all(one is two for one, two in zip(group["params"], one_group(learner)[0].params, strict=True))
    assert group["lr"] == LR


def test_what_is_not_learned_is_in_no_group(make_config) -> None:
    learner = learner_of(make_config("model=baseline", "ssl=rotation"))
    params = {id(p) for group in parameter_groups(learner) for p in group.params}
    assert params == {id(p) for p in learner.parameters() if p.requires_grad}
    assert any(not p.requires_grad for p in learner.parameters())


def test_the_library_trains_lambda_at_its_own_rate() -> None:
    """Two outer steps of Adam: λ's number moves by 30 rates a step at most, a weight by one."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 8)).astype("float32"), np.repeat(np.arange(10), 20)
    episodes = metassl.episodes(x, y, way=3, shot=1, unlabelled=2, queries=2)
    learner = metassl.learner("maml", ssl="learned_hparams", task=episodes.task, options={"ssl.start": 0.0})
    objective: Any = learner.ssl.objective
    learner.ssl.ramp = 0.0
    before, weight = objective.factors.detach().clone(), head(learner).weight.detach().clone()
    metassl.fit(learner, episodes, steps=2, tasks=2, optimizer="adam")
    moved = (objective.factors.detach() - before).abs().max()
    assert 0.01 < moved <= 2 * 30 * 0.001 + 1e-4
    assert (head(learner).weight.detach() - weight).abs().max() <= 2 * 0.001 + 1e-5
    assert F.softplus(objective.factors).min() > 0


def head(learner: Any) -> nn.Linear:
    made: nn.Linear = learner.head
    return made


def test_a_training_of_nothing_is_refused() -> None:
    task = metassl.TaskSpec(way=5, input_shape=(8,), base_classes=30)
    learner = metassl.learner("protonet", task=task).requires_grad_(False)
    episodes = metassl.episodes(np.random.default_rng(0).normal(size=(300, 8)), np.repeat(np.arange(10), 30))
    with pytest.raises(ConfigError, match=r"^model: found nothing to train in it or its backbone\. Allowed"):
        metassl.fit(learner, episodes, 1)
