"""The embedding as an ONNX file: run by onnxruntime, against the classifier's own features."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

import metassl
from metassl.data.images.encoders import TimmFeatures
from metassl.errors import ConfigError, UserError
from metassl.learners.adapted import Anchor
from metassl.outcomes.classification import CLASSES
from metassl.trained.encoder import TrainedEncoder
from metassl.trained.facts import Facts
from metassl.trained.folder import ONNX, write_model
from metassl.trained.likeness import described
from metassl.trained.model import SECTIONS, Model
from metassl.trained.onnx_file import OPSET, Graph, embedding_graph
from tests.support.composing import composed

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
CONV4 = ("backbone.filters=4", "backbone.depth=2")
RNG = np.random.default_rng(0)


def made(model: str, backbone: str, words: Sequence[str], shape: tuple[int, ...] = (1, 16, 16)) -> Model:
    """A model with random weights and averages of some pictures."""
    facts = Facts(3, shape, 10, described(RNG.random((9, 16, 16, 1))))
    learner = metassl.learner(model, ssl="none", backbone=backbone, task=facts.task(CLASSES), options=words)
    for name, buffer in learner.named_buffers():
        if name.endswith(("running_mean", ".mean")):
            buffer.uniform_(-0.1, 0.1)
        if name.endswith(("running_var", ".var")):
            buffer.uniform_(0.5, 1.5)
    config = composed(f"model={model}", "ssl=none", f"backbone={backbone}", *words)
    sections = {name: OmegaConf.to_container(config[name], resolve=True) for name in SECTIONS}
    encoding = {"scale": "none", "categories": 20, "width": None}
    return Model(sections, facts, encoding, {}, 1.0, learner.state_dict(), "here")


def answers(graph: Graph, x: np.ndarray) -> np.ndarray:
    session = runtime.InferenceSession(graph.content, providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(["features"], {"pictures": x})[0]
    return found


@torch.no_grad()
def features(model: Model, x: np.ndarray) -> np.ndarray:
    """By the learner, of pictures as a data set holds them."""
    inputs = torch.from_numpy(x / np.float32(255))
    if model.encoder is not None:
        inputs = torch.from_numpy(model.encoder(x.transpose(0, 2, 3, 1) / np.float32(255)))
    found: np.ndarray = model.learner().embed(inputs, Anchor(inputs[:0], torch.zeros(0))).numpy()
    return found


@pytest.mark.parametrize(("model", "backbone", "words"), [
    ("protonet", "conv4", (*CONV4, "backbone.norm=running")),
    ("protonet", "conv4", (*CONV4, "backbone.norm=group", "model.unit_length=true")),
    ("maml", "conv4", (*CONV4, "backbone.norm=none")),
    ("mamlpp", "conv4", (*CONV4, "backbone.norm=per_step_running")),
    ("protonet", "resnet12", ("backbone.channels=[4,8,8,16]", "backbone.norm=running")),
    ("maml", "torchvision", ("backbone.model=resnet18", "backbone.size=32")),
])  # fmt: skip
def test_it_gives_the_features_of_any_number_of_pictures(
    model: str, backbone: str, words: Sequence[str]
) -> None:
    one = made(model, backbone, words)
    graph = embedding_graph(one)
    proto = onnx.load_from_string(graph.content)
    assert [each.version for each in proto.opset_import if each.domain == ""] == [OPSET]
    for count in (1, 7):
        x = RNG.integers(0, 256, (count, 1, 16, 16)).astype(np.float32)
        expected = features(one, x)
        assert expected.shape == (count, *graph.about["features"])
        np.testing.assert_allclose(answers(graph, x), expected, atol=1e-5)
    assert graph.adapts == (model != "protonet")


def test_an_encoder_in_front_is_part_of_it() -> None:
    """With its resizing, mean and deviation, and vectors of length 1."""
    pytest.importorskip("timm")
    network = TimmFeatures("test_resnet", seed=1).network((3, 16, 16))
    section: dict[str, Any] = {
        "_target_": "metassl.data.images.encoders.TimmFeatures", "model": "test_resnet", "size": 40,
    }  # fmt: skip
    behind = made("protonet", "adapter", ("backbone.norm=group", "backbone.sizes=[8]"), (96,))
    torch.nn.init.normal_(behind.weights["backbone.last.weight"])
    facts = Facts(3, (96,), 10, behind.facts.pictures, (3, 16, 16))
    encoder = TrainedEncoder(section, network.whole_state(), (3, 16, 16), "here")
    one = Model(behind.sections, facts, behind.encoding, {}, 1.0, behind.weights, "here", encoder)
    graph = embedding_graph(one)
    assert graph.sentence() == "pictures B×3×16×16, float32 from 0 to 255, to features B×96; opset 18"
    x = RNG.integers(0, 256, (7, 3, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(answers(graph, x), features(one, x), atol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "support", "per_step"])
def test_features_that_depend_on_other_pictures_are_refused(norm: str) -> None:
    model = "mamlpp" if norm == "per_step" else "maml"
    with pytest.raises(ConfigError) as caught:
        embedding_graph(made(model, "conv4", (*CONV4, f"backbone.norm={norm}")))
    assert str(caught.value) == (
        f"onnx: found backbone.norm={norm}, by which the features of a picture depend on others; allowed are running, "
        "group, none and per_step_running."
    )


def test_vectors_missing_packages_and_networks_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigError, match=r"^onnx: here reads vectors; allowed are models of pictures\.$"):
        embedding_graph(made("protonet", "mlp", ("backbone.norm=group",), (8,)))
    one = made("protonet", "conv4", (*CONV4, "backbone.norm=none"))

    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("no word\nfor it")

    monkeypatch.setattr(torch.onnx, "export", failing)
    with pytest.raises(ConfigError) as caught:
        embedding_graph(one)
    assert str(caught.value) == "onnx: the network of here can't be written as ONNX (no word for it)."
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r"^onnx: needs .*\): pip install 'metassl\[onnx\]'\.$") as caught:
        embedding_graph(one)
    assert "\n" not in str(caught.value)


def test_the_file_lies_in_the_models_folder_and_is_not_written_over(tmp_path: Path) -> None:
    one = made("protonet", "conv4", (*CONV4, "backbone.norm=none"))
    graph = Graph(b"content", {"opset": 18}, False)
    write_model(one, tmp_path / "model", graph=graph)
    assert (tmp_path / "model" / ONNX).read_bytes() == b"content"
    assert {path.name for path in (tmp_path / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        ONNX,
    }
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ONNX).touch()
    with pytest.raises(UserError, match=r"embedding.onnx' is there already and is not written over"):
        write_model(one, tmp_path / "other")
