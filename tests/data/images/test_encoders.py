"""Pictures that are embedded once: against the network itself, the store, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from omegaconf import DictConfig

from metassl.data.images.encoders import TimmFeatures, TorchvisionFeatures
from metassl.errors import ConfigError, UserError
from metassl.training.build import build_source
from metassl.training.embedding import view_nodes
from metassl.training.run import train_and_test
from metassl.training.twin import twin_key
from tests.support.composing import composed

SMALL = "shufflenet_v2_x0_5"
EMBEDDED = ("features=torchvision", f"features.model={SMALL}", "features.size=32")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a classifier, with averages under which features are no zeros."""
    torch.manual_seed(0)
    network = torchvision.models.get_model(SMALL, num_classes=3)
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.momentum = 1.0
    with torch.no_grad():
        network(torch.rand(8, 3, 32, 32))
    path = tmp_path_factory.mktemp("weights") / "w.pth"
    torch.save(network.state_dict(), path)
    return path


def test_vectors_are_the_networks_features_of_length_one(weights: Path) -> None:
    items = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    network = torchvision.models.get_model(SMALL, num_classes=3).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.fc = torch.nn.Identity()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((torch.from_numpy(items) / 255 - mean) / std).permute(0, 3, 1, 2)
    expected = network(x).detach().numpy()
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    for batch in (2, 64):
        found = TorchvisionFeatures(SMALL, str(weights), size=None, batch=batch).embed_pictures(items)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)
    floats = TorchvisionFeatures(SMALL, str(weights), None).embed_pictures((items / 255).astype(np.float32))
    np.testing.assert_allclose(floats, expected, atol=1e-5)


def test_random_weights_are_those_of_the_seed_and_leave_random_numbers_alone() -> None:
    pytest.importorskip("timm")
    items = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1), dtype=np.uint8)
    state = torch.get_rng_state()
    one, same, other = (
        TimmFeatures("test_resnet", size=None, seed=s).embed_pictures(items) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3
    assert torch.equal(torch.get_rng_state(), state)


def test_the_fingerprint_holds_what_the_file_holds(tmp_path: Path, weights: Path) -> None:
    copied, changed = tmp_path / "a.pth", tmp_path / "w.pth"
    content = weights.read_bytes()
    copied.write_bytes(content)
    changed.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    first = TorchvisionFeatures(SMALL, str(weights)).fingerprint()
    assert TorchvisionFeatures(SMALL, str(copied)).fingerprint() == first
    others = [
        TorchvisionFeatures(SMALL, str(changed)), TorchvisionFeatures(SMALL, str(weights), 32), TorchvisionFeatures(SMALL),
        TorchvisionFeatures(SMALL, seed=1), TorchvisionFeatures(SMALL, "hub"), TimmFeatures(SMALL, str(weights)),
    ]  # fmt: skip
    prints = [str(each.fingerprint()) for each in others]
    assert len({*prints, str(first)}) == 7
    with pytest.raises(UserError, match=r"^features.weights: .*no.pth: can't be read \(No such file"):
        TorchvisionFeatures(SMALL, str(tmp_path / "no.pth")).fingerprint()


def test_a_data_set_is_embedded_once(
    make_config: Callable[..., DictConfig], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config("backbone=adapter", *EMBEDDED, f"features.weights={weights}", "model=protonet")
    source = build_source(config)
    pictures = build_source(make_config())
    assert source.items().shape == (800, 1024)
    np.testing.assert_allclose(np.linalg.norm(source.items(), axis=1), 1, atol=1e-4)
    assert source.contents.class_names == pictures.contents.class_names
    assert source.contents.splits == pictures.contents.splits
    assert f"features of torchvision's {SMALL}, '{weights}'" in source.description()
    assert pictures.items().shape == (800, 16, 16, 1)
    expected = TorchvisionFeatures(SMALL, str(weights), 32).embed_pictures(pictures.items()[:3])
    np.testing.assert_allclose(source.items()[:3], expected, atol=1e-5)
    monkeypatch.setattr(TorchvisionFeatures, "embed_pictures", None)
    np.testing.assert_array_equal(build_source(config).items(), source.items())
    assert "Jitter" in view_nodes(config)["weak"]["_target_"]


def test_a_run_on_features_and_its_twin(
    make_config: Callable[..., DictConfig], tmp_path: Path, weights: Path
) -> None:
    words = ("backbone=adapter", "model=protonet", "ssl=soft_kmeans", *EMBEDDED)
    config = make_config(*words, f"features.weights={weights}")
    (tmp_path / "run").mkdir()
    assert train_and_test(config, tmp_path / "run", {"model": "m", "ssl": "s"}, []) is not None
    other = make_config(*words)
    plain = make_config("backbone=adapter", "model=protonet", "ssl=soft_kmeans")
    assert len({twin_key(each) for each in (config, other, plain)}) == 3


@pytest.mark.parametrize(("words", "line"), [
    (("dataset=curves", "features=torchvision"), "features: dataset 'curves' makes its tasks itself. Allowed with features are"),
    (("dataset=glyphs", "features=tfidf"), "features: found features of texts, but dataset 'glyphs' holds none. Allowed with pictures: features=torchvision or"),
    (("dataset=text", "dataset.source.path=x.csv", "features=timm"), "features: found features of pictures, but dataset 'text' holds texts. Allowed with it:"),
])  # fmt: skip
def test_features_of_what_they_are_not_for(words: tuple[str, ...], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_source(composed(*words))
    assert str(caught.value).startswith(line)


def test_vectors_need_no_features(tmp_path: Path, make_config: Callable[..., DictConfig]) -> None:
    rows: dict[str, Any] = {"images": np.zeros((12, 5), np.float32), "labels": np.repeat(np.arange(6), 2)}
    np.savez(tmp_path / "v.npz", **rows)
    config = make_config("backbone=adapter", f"dataset.source.path={tmp_path / 'v.npz'}", *EMBEDDED)
    with pytest.raises(
        ConfigError, match=r"^features: found items of shape \(5,\) in 'arrays', which are no pictures"
    ):
        build_source(config)


def test_features_do_not_stand_in_for_a_network_of_vectors(make_config: Callable[..., DictConfig]) -> None:
    from metassl.trained.build import build_learner
    from metassl.training.build import build_task_spec

    config = make_config("backbone=conv4", *EMBEDDED)
    with pytest.raises(ConfigError, match=r"conv4 needs images .* for vectors take backbone=mlp"):
        build_learner(config, build_task_spec(config, build_source(config)))


def test_other_sizes_and_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    items = np.zeros((1, 8, 8, 3), np.uint8)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"^features.device: found cuda, which is not there"):
        TorchvisionFeatures(SMALL, device="cuda").embed_pictures(items)
    with pytest.raises(
        ConfigError, match=r"^features: vgg11 can't take pictures of shape \(3, 8, 8\) .*features.size="
    ):
        TorchvisionFeatures("vgg11", size=None).embed_pictures(items)
