"""Networks of torchvision and timm as backbones: what they promise of features, averages, gradients and files."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from metassl.backbones.pretrained import PretrainedBackbone, Timm, Torchvision
from metassl.data.pool import Pool
from metassl.engine.loop import Loop
from metassl.engine.vmap import Vmap
from metassl.errors import ConfigError, DataError, UserError
from metassl.learners.gradient.maml import MAML
from metassl.tasks.spec import TaskSpec
from metassl.training.groups import parameter_groups
from tests.support.calls import meta_loss
from tests.support.episodes import SPEC, tasks_of
from tests.support.numbers import assert_same

timm = pytest.importorskip("timm")
SMALL = "shufflenet_v2_x0_5"
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
Make = Callable[..., PretrainedBackbone]


def made(make: Make, model: str, shape: tuple[int, ...] = (1, 16, 16), **options: Any) -> PretrainedBackbone:
    torch.manual_seed(0)
    return make(shape, model, **options)


def pictures(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def scrambled(backbone: PretrainedBackbone) -> PretrainedBackbone:
    """With averages of batch normalisation as of some pictures, under which features are no zeros."""
    norms = [m for m in backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        backbone(pictures(8, 3, 32, 32) if norms else pictures(1, 3, 160, 160))
    backbone.train()
    assert not any(norm.training for norm in norms)
    return backbone


def test_features_are_torchvisions() -> None:
    backbone = scrambled(made(Torchvision, "resnet18", (3, 32, 32)))
    theirs = torchvision.models.resnet18().eval()
    theirs.fc = torch.nn.Identity()
    theirs.load_state_dict({n.removeprefix("network.network."): v for n, v in backbone.state_dict().items()})
    x = pictures(3, 3, 32, 32)
    expected = theirs((x - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1))
    torch.testing.assert_close(backbone.train()(x), expected)
    assert backbone.out_dim == expected.shape[1] == 512


@pytest.mark.parametrize("model", ["test_vit", "test_resnet"])
def test_features_are_timms_with_its_mean_and_deviation(model: str) -> None:
    backbone = scrambled(made(Timm, model, (3, 160, 160)))
    theirs = timm.create_model(model, num_classes=0).eval()
    theirs.load_state_dict({n.removeprefix("network.network."): v for n, v in backbone.state_dict().items()})
    x = pictures(2, 3, 160, 160)
    torch.testing.assert_close(backbone(x), theirs((x - 0.5) / 0.5), rtol=1e-4, atol=1e-5)
    assert backbone.out_dim == theirs.num_features


def test_features_of_a_picture_depend_on_no_other_one_and_grey_is_colour() -> None:
    backbone, x = scrambled(made(Torchvision, SMALL)), pictures(4, 1, 16, 16)
    torch.testing.assert_close(backbone(x)[:1], backbone(x[:1]))
    torch.testing.assert_close(backbone(x.expand(4, 3, 16, 16)), backbone(x))
    assert not backbone.traits.transductive
    assert not backbone.traits.keeps_averages


def test_a_step_moves_what_is_trained_alone(tiny_pool: Pool) -> None:
    """Averages and frozen weights stay to the bit, and are no parameters."""
    for train, prefix in (
        ("none", ()),
        ("last", ("network.network.stage4.3.", "network.network.conv5.")),
        ("all", ("",)),
    ):
        learner = MAML(scrambled(made(Torchvision, SMALL, train=train)), SPEC, steps=1).double().train()
        before = {name: value.clone() for name, value in learner.backbone.state_dict().items()}
        params = [p for group in parameter_groups(learner) for p in group.params]
        loss, _ = meta_loss(learner, tasks_of(tiny_pool, learner, 1).task(0))
        optimizer = torch.optim.SGD(params, 0.1)
        loss.backward()
        optimizer.step()
        moved = [n for n, v in learner.backbone.state_dict().items() if not torch.equal(v, before[n])]
        assert bool(moved) == bool(prefix)
        assert all(name.startswith(prefix) and "running" not in name for name in moved)
        own = {id(p) for p in learner.backbone.parameters()}
        assert bool(own & {id(p) for p in params}) == bool(prefix)
        assert any(name.startswith("backbone.") for name in learner.moved()) == bool(prefix)


@pytest.mark.parametrize(("make", "model", "size"), [(Torchvision, SMALL, None), (Timm, "test_vit", 160)])
def test_second_order_in_the_last_block_agrees_between_engines(
    tiny_pool: Pool, make: Make, model: str, size: int | None
) -> None:
    learner = MAML(scrambled(made(make, model, train="last", size=size)), SPEC, steps=1).double()
    tasks = tasks_of(tiny_pool, learner)
    loop, vmap = (engine.gradients(learner, meta_loss, tasks)[0] for engine in (Loop(), Vmap(2)))
    assert any(name.startswith("backbone.") and g.abs().max() > 0 for name, g in loop.items())
    assert_same(vmap, loop, 1e-8)
    learner.order = 1
    first, _ = Loop().gradients(learner, meta_loss, tasks)
    assert any(not torch.allclose(first[name], g) for name, g in loop.items()), "the second order is there"


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_weights_of_a_file(tmp_path: Path, kind: str) -> None:
    """Of a classifier of any number of classes."""
    torch.manual_seed(3)
    theirs = torchvision.models.get_model(SMALL, num_classes=7)
    file = tmp_path / f"w.{kind}"
    save_file(theirs.state_dict(), file) if kind == "safetensors" else torch.save(
        {"state_dict": theirs.state_dict()}, file
    )
    found = made(Torchvision, SMALL, weights=str(file)).state_dict()
    expected = {f"network.network.{n}": v for n, v in theirs.state_dict().items() if not n.startswith("fc.")}
    assert_same(found, expected, 0)
    theirs = timm.create_model("test_resnet", num_classes=7)
    save_file(theirs.state_dict(), tmp_path / "timm.safetensors")
    found = made(Timm, "test_resnet", weights=str(tmp_path / "timm.safetensors")).state_dict()
    assert_same(
        found,
        {f"network.network.{n}": v for n, v in theirs.state_dict().items() if not n.startswith("fc.")},
        0,
    )


def test_files_that_are_no_weights_of_the_network(tmp_path: Path) -> None:
    state = torchvision.models.get_model(SMALL).state_dict()
    name = "conv1.0.weight"
    cases = {
        "other.pth": (
            {**state, name: state[name][:3]},
            f"'{name}' has the size (3, 3, 3, 3), expected is (24, 3, 3, 3)",
        ),
        "less.pth": ({n: v for n, v in state.items() if n != name}, f"found no '{name}'"),
        "more.pth": ({**state, "conv9.weight": torch.ones(1)}, "found 'conv9.weight', which it has not"),
    }
    for file, (content, why) in cases.items():
        torch.save(content, tmp_path / file)
        with pytest.raises(ConfigError) as caught:
            made(Torchvision, SMALL, weights=str(tmp_path / file))
        assert str(caught.value) == f"backbone.weights: {tmp_path / file}: no weights of {SMALL}: {why}."
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({"a": Path}, tmp_path / "code.pt")
    (tmp_path / "cut.safetensors").write_bytes(b"\x00" * 20)
    for file, why in (
        ("list.pt", "found no weights by their names"),
        ("code.pt", "refused"),
        ("cut.safetensors", "no whole file"),
        ("no.pth", "not found"),
    ):
        with pytest.raises(UserError, match=rf"^backbone.weights: .*{file}.*{why}") as refused:
            made(Torchvision, SMALL, weights=str(tmp_path / file))
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("make", "shape", "options", "line"), [
    (Torchvision, (1, 16, 16), {"model": "resnet81"}, "backbone.model: found 'resnet81'. Did you mean 'resnet18' or"),
    (Timm, (1, 16, 16), {"model": "test_vitt"}, "backbone.model: found 'test_vitt'. Did you mean 'test_vit"),
    (Timm, (1, 16, 16), {"model": "test_vit.mine"}, "backbone.model: 'test_vit.mine' can't be made (Invalid pretrained tag"),
    (Torchvision, (1, 16, 16), {"model": "squeezenet1_1"}, "backbone.model: found 'squeezenet1_1', which ends in no linear layer"),
    (Torchvision, (1, 16, 16), {"weights": "w.bin"}, "backbone.weights: found 'w.bin', allowed are null (random), hub"),
    (Torchvision, (5,), {}, "backbone: found inputs of shape (5,), but a pretrained network takes pictures; for vectors take backbone=mlp"),
    (Torchvision, (2, 16, 16), {}, "backbone: found pictures of 2 channels, resnet18 takes 3, or 1, which is repeated."),
    (Timm, (3, 8, 8), {"model": "test_vit"}, "backbone: test_vit can't take pictures of shape (3, 8, 8)"),
])  # fmt: skip
def test_what_is_refused(make: Make, shape: tuple[int, ...], options: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(shape, **options)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_timm_takes_other_numbers_of_channels() -> None:
    assert made(Timm, "test_resnet", (5, 32, 32))(pictures(2, 5, 32, 32)).shape == (2, 96)


def test_without_timm_and_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str, weights: str | None) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torchvision.models, "get_model", offline)
    with pytest.raises(
        DataError, match=r"^backbone.weights: those of resnet18 can't be downloaded \(no network\)"
    ):
        made(Torchvision, "resnet18", weights="hub")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"^backbone: timm's networks need .*pip install 'metassl\[timm\]'"):
        made(Timm, "test_vit")


def test_models_with_nothing_to_modulate_or_to_adapt_say_so() -> None:
    from metassl.learners.amortised.cnaps import CNAPs

    backbone = made(Torchvision, SMALL)
    with pytest.raises(
        ConfigError, match=r"^backbone: found Torchvision with norm=none, in which this model finds nothing"
    ):
        CNAPs(backbone)
    task = TaskSpec(way=3, input_shape=(1, 16, 16), base_classes=5)
    with pytest.raises(
        ConfigError, match=r"^model.adapt: found \['backbone.'\], which names no parameter; .* here 'head.'\."
    ):
        MAML(backbone, task, adapt=["backbone."])
