"""Norms with a set of numbers for each inner step."""

import pytest
import torch
from torch.nn import functional as F

from metassl.backbones.conv4 import Conv4
from metassl.errors import ConfigError
from metassl.norms.base import Pass
from metassl.norms.kinds import BatchStatistics
from metassl.norms.per_step import PerStep, PerStepAverages
from metassl.trained.build import build_learner
from tests.support.episodes import SPEC
from tests.support.numbers import random


def test_norm_of_a_step() -> None:
    """In training batch norm with γ_k, β_k; at test the averages of step k; further steps take the last."""
    norm, always, x = PerStepAverages(3, 2), PerStep(3, 2), random(5, 3, 4, 4)
    plain = BatchStatistics(3).double()
    norm.double().train()
    for p in norm.parameters():
        torch.nn.init.normal_(p)
    always.load_state_dict({n: p for n, p in norm.state_dict().items() if n in ("weight", "bias")})
    always.double()
    norm.mean.copy_(random(3, 3, seed=1))
    norm.var.copy_(random(3, 3, seed=2).square() + 0.1)
    for step, k in ((0, 0), (2, 2), (7, 2)):
        how = Pass(step=step, met={})
        plain.weight.data, plain.bias.data = norm.weight[k].detach(), norm.bias[k].detach()
        torch.testing.assert_close(norm.train()(x, how), plain(x))
        torch.testing.assert_close(always.eval()(x, how), plain(x))
        ((mean, var),) = how.met[norm]
        torch.testing.assert_close(mean, x.mean((0, 2, 3)))
        torch.testing.assert_close(var, x.var((0, 2, 3), correction=0))
        expected = F.batch_norm(x, norm.mean[k], norm.var[k], norm.weight[k], norm.bias[k])
        torch.testing.assert_close(norm.eval()(x, how), expected)


def test_features_of_every_backbone_can_take_the_norm() -> None:
    assert Conv4((1, 16, 16), 4, "per_step").out_dim == 4


@pytest.mark.parametrize("norm", ["per_step", "per_step_running"])
@pytest.mark.parametrize("model", ["maml", "protonet"])
def test_norms_of_steps_are_refused_elsewhere(make_config, model: str, norm: str) -> None:
    """Nobody would tell them the step, and the averages would stay where they began."""
    config = make_config(f"model={model}", f"backbone.norm={norm}")
    with pytest.raises(ConfigError, match=f"backbone.norm: found '{norm}'.*mamlpp"):
        build_learner(config, SPEC)
