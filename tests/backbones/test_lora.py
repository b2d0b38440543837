"""Low-rank corrections of pretrained networks: how many, where, that they begin as nothing, and that they travel."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from omegaconf import DictConfig
from torch import nn

from metassl import MetaClassifier
from metassl.backbones.pretrained import PretrainedBackbone, Timm, Torchvision
from metassl.data.pool import Pool
from metassl.engine.loop import Loop
from metassl.engine.vmap import Vmap
from metassl.errors import ConfigError
from metassl.learners.gradient.maml import MAML
from metassl.pretrained.lora import LowRank, add_low_rank
from metassl.training.run import train_and_test
from tests.support.calls import meta_loss
from tests.support.console import metassl
from tests.support.episodes import SPEC, tasks_of
from tests.support.numbers import assert_same

timm = pytest.importorskip("timm")
SMALL = "shufflenet_v2_x0_5"


def made(make: Callable[..., PretrainedBackbone], model: str, **options: Any) -> PretrainedBackbone:
    torch.manual_seed(0)
    return make((1, 16, 16), model, **options)


@torch.no_grad()
def corrected(backbone: PretrainedBackbone) -> PretrainedBackbone:
    """With corrections that are not 0."""
    generator = torch.Generator().manual_seed(1)
    for p in backbone.parameters():
        p.copy_(0.05 * torch.randn(p.shape, generator=generator))
    return backbone


def test_as_many_parameters_as_the_paper_says() -> None:
    """r (in + out) of a linear layer; of a convolution r (in k² + out), but of grouped ones none."""
    pytest.importorskip("peft")
    linear = [m for m in timm.create_model("test_vit", num_classes=0).modules() if isinstance(m, nn.Linear)]
    found = made(Timm, "test_vit", size=160, train="lora", lora_rank=3)
    assert sum(p.numel() for p in found.parameters()) == 3 * sum(
        m.in_features + m.out_features for m in linear
    )
    theirs = torchvision.models.get_model(SMALL).modules()
    whole = [m for m in theirs if isinstance(m, nn.Conv2d) and m.groups == 1]
    expected = 2 * sum(m.in_channels * m.kernel_size[0] ** 2 + m.out_channels for m in whole)
    found = made(Torchvision, SMALL, train="lora", lora_rank=2)
    assert sum(p.numel() for p in found.parameters()) == expected
    assert all(".lora_" in name for name, _ in found.named_parameters())


@pytest.mark.parametrize(("make", "model", "size"), [(Torchvision, SMALL, None), (Timm, "test_vit", 160)])
def test_it_begins_as_the_frozen_network_and_alpha_scales_what_it_adds(
    make: Callable[..., PretrainedBackbone], model: str, size: int | None
) -> None:
    pytest.importorskip("peft")
    x = torch.rand(2, 1, 16, 16)
    frozen = made(make, model, size=size)
    begins = made(make, model, size=size, train="lora")
    torch.testing.assert_close(begins(x), frozen(x), rtol=0, atol=0)
    one, twice = (corrected(made(make, model, size=size, train="lora", lora_alpha=a)) for a in (1e-4, 2e-4))
    with torch.no_grad():
        first, second = (each.double()(x.double()) - frozen.double()(x.double()) for each in (one, twice))
    assert first.abs().max() > 0
    torch.testing.assert_close(second, 2 * first, rtol=0.02, atol=float(first.abs().max()) * 0.02)


def test_second_order_agrees_between_engines_and_moves_nothing_else(tiny_pool: Pool) -> None:
    pytest.importorskip("peft")
    backbone = corrected(made(Timm, "test_vit", train="lora", size=160, lora_rank=2))
    learner = MAML(backbone, SPEC, steps=1).double()
    before = {name: value.clone() for name, value in learner.backbone.named_buffers()}
    tasks = tasks_of(tiny_pool, learner)
    loop, vmap = (engine.gradients(learner, meta_loss, tasks)[0] for engine in (Loop(), Vmap(2)))
    own = {name: g for name, g in loop.items() if name.startswith("backbone.")}
    assert own.keys() <= learner.moved().keys()
    assert all(".lora_" in name and g.abs().max() > 0 for name, g in own.items())
    assert_same(vmap, loop, 1e-8)
    assert_same(dict(learner.backbone.named_buffers()), before, 0)


def test_a_layer_whose_weights_are_only_read_has_none() -> None:
    pytest.importorskip("peft")

    class Reading(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.read, self.called = nn.Linear(4, 4), nn.Linear(4, 4)
            self.attention = nn.MultiheadAttention(4, 1, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found, _ = self.attention(x, x, x)
            return nn.functional.linear(self.called(found), self.read.weight)

    network = Reading()
    add_low_rank(network, torch.zeros(2, 3, 4), "backbone", LowRank(2, 4.0))
    places = {name.split(".lora_")[0] for name, _ in network.named_parameters() if ".lora_" in name}
    assert places == {"called"}
    assert not any(module._forward_hooks for module in network.modules())


def test_a_run_and_its_export_answer_alike(
    make_config: Callable[..., DictConfig], tmp_path: Path, tiny_arrays: dict[str, np.ndarray]
) -> None:
    pytest.importorskip("peft")
    words = (
        "backbone=timm",
        "backbone.model=test_vit",
        "backbone.size=160",
        "backbone.train=lora",
        "backbone.lora_rank=2",
    )
    config, run = (
        make_config(*words, "model=maml", "ssl=none", "evaluation.checkpoint=last"),
        tmp_path / "run",
    )
    run.mkdir()
    train_and_test(config, run, {}, [])
    assert metassl("export", f"run={run}", f"to={tmp_path / 'model'}") == 0
    x, y = tiny_arrays["images"][:40], tiny_arrays["labels"][:40]
    one, other = (MetaClassifier.load(place).fit(x, y) for place in (run, tmp_path / "model"))
    np.testing.assert_array_equal(one.predict_proba(x), other.predict_proba(x))
    state = one.model.learner().backbone.state_dict()
    assert max(v.abs().max() for n, v in state.items() if ".lora_B." in n) > 0, "the training moved them"


def test_without_peft_or_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"^backbone.train: found lora, and a network without a layer"):
        add_low_rank(nn.Identity(), torch.zeros(1, 4), "backbone", LowRank(2, 4.0))
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(
        ConfigError, match=r"^backbone.train: lora needs .*pip install 'metassl\[lora\]'\.$"
    ) as caught:
        made(Torchvision, SMALL, train="lora")
    assert "\n" not in str(caught.value)
