"""What is taken of another library's network: its features, which weights are learned, and attention written out."""

import pytest
import torch
import torchvision
from torch import nn

from metassl.pretrained.attention import WrittenOut, write_out_attention
from metassl.pretrained.freezing import last_block, train_only
from metassl.pretrained.network import PretrainedNetwork, Taken
from metassl.pretrained.of_torchvision import of_torchvision
from tests.support.numbers import random


@pytest.mark.parametrize(("name", "expected"), [
    ("resnet18", "layer4.1"), ("resnet50", "layer4.2"), ("vit_b_16", "encoder.layers.encoder_layer_11"),
    ("convnext_tiny", "features.7.2"), ("swin_t", "features.7.1"), ("efficientnet_b0", "features.8"),
])  # fmt: skip
def test_the_last_block(name: str, expected: str) -> None:
    with torch.device("meta"):
        network = torchvision.models.get_model(name, weights=None)
    head = [n for n, m in network.named_modules() if isinstance(m, nn.Linear)][-1]
    setattr(network.get_submodule(head.rpartition(".")[0]), head.rpartition(".")[2], nn.Identity())
    assert last_block(network) is network.get_submodule(expected)


def test_what_is_not_learned_is_a_buffer_of_the_same_name() -> None:
    def small() -> nn.Sequential:
        torch.manual_seed(0)
        blocks = nn.ModuleList(nn.Sequential(nn.Sequential(nn.Linear(2, 2)), nn.ReLU()) for _ in range(2))
        return nn.Sequential(nn.Linear(2, 2), nn.Sequential(*blocks), nn.LayerNorm(2))

    x, expected = torch.ones(1, 2), list(small().state_dict())
    last = ["1.1.0.0.weight", "1.1.0.0.bias", "2.weight", "2.bias"]
    for train, learned in (("none", []), ("last", last), ("all", expected)):
        network = small()
        train_only(network, train)
        assert [name for name, _ in network.named_parameters()] == learned
        assert sorted(network.state_dict()) == sorted(expected)
        torch.testing.assert_close(network(x), small()(x), rtol=0, atol=0)
        assert network(x).requires_grad == bool(learned)


@pytest.mark.parametrize("batch_first", [True, False])
def test_attention_written_out_is_the_same_and_has_a_second_derivative(batch_first: bool) -> None:
    torch.manual_seed(0)
    plain = nn.MultiheadAttention(8, 2, batch_first=batch_first).double().eval()
    x = random(3, 5, 8).requires_grad_()
    expected = plain(x, x, x, need_weights=False)[0]
    write_out_attention(plain)
    assert isinstance(plain, WrittenOut)
    found = plain(x, x, x, need_weights=False)[0]
    torch.testing.assert_close(found, expected)
    (slope,) = torch.autograd.grad(found.square().sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert x.grad.abs().sum() > 0


def test_pictures_are_resized_and_normalised_and_grey_is_repeated() -> None:
    network = PretrainedNetwork(Taken(nn.Identity(), (0.5, 0.25, 0.0), (1.0, 0.5, 2.0)), 3, None)
    z = network(torch.full((1, 1, 1, 1), 0.75))
    torch.testing.assert_close(z, torch.tensor([[0.25, 1.0, 0.375]]))
    sized = PretrainedNetwork(Taken(nn.Identity(), (0.0,), (1.0,)), 1, 1)
    torch.testing.assert_close(sized(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])), torch.tensor([[0.5]]))
    assert not network.train().network.training


def test_a_whole_state_has_the_normalisation_and_fits_such_a_network_alone() -> None:
    """A library may have another mean by the time that the state is read."""

    def made(mean: tuple[float, ...], width: int = 3) -> PretrainedNetwork:
        return PretrainedNetwork(Taken(nn.Flatten(), mean, (0.5,)), width, None)

    first, other = made((0.1, 0.2, 0.3)), made((0.0,))
    other.restore(first.whole_state())
    x = random(2, 3, 4, 4).float()
    torch.testing.assert_close(other(x), first(x), rtol=0, atol=0)
    with pytest.raises(RuntimeError, match=r"mean has the shape \(1, 1, 1\)"):
        other.restore(made((0.1,), 1).whole_state())
    with pytest.raises(KeyError):
        other.restore({"std": first.std})


def test_channels_are_prepared_alike_whatever_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """GoogLeNet's weights expect it; a model that was exported is built without their file."""
    with torch.device("meta"):
        network = torchvision.models.googlenet(init_weights=False, aux_logits=False)
    monkeypatch.setattr(torchvision.models, "get_model", lambda *_, **__: network)
    assert not network.transform_input
    assert of_torchvision("backbone", "googlenet", None, 3).network.transform_input
