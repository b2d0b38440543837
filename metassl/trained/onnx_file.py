"""The embedding of a model as an ONNX file: pictures to features, for whatever runs such files.

Legend: B pictures, C channels, H height, W width, D features.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.errors import ConfigError
from metassl.learners.adapted import Anchor
from metassl.learners.base import MetaLearner
from metassl.trained.encoder import TrainedEncoder
from metassl.trained.model import Model

OPSET = 18  # the first whose Resize smooths as torch does
INPUT, OUTPUT = "pictures", "features"
WHITE = 255.0


@dataclass(frozen=True)
class Graph:
    """A network as ONNX has it.

    Attributes:
        content: of the file.
        about: what goes in and what comes out, for people and for config.json.
        adapts: whether the model changes this network for a task.
    """

    content: bytes
    about: Mapping[str, Any]
    adapts: bool

    def sentence(self) -> str:
        """For people."""
        found, given = ("×".join(map(str, self.about[key])) for key in (OUTPUT, INPUT))
        return f"pictures B×{given}, float32 from 0 to 255, to features B×{found}; opset {OPSET}"


class PictureEmbedding(nn.Module):
    """Makes features of pictures as MetaClassifier.embed does, with the parameters of before any adaptation.

    Args:
        learner: whose norms look at no other picture.
        encoder: makes vectors of pictures in front of it, where something does.
    """

    def __init__(self, learner: MetaLearner, encoder: TrainedEncoder | None) -> None:
        super().__init__()
        self.learner = learner
        self.network = None if encoder is None else encoder.network
        self.unit = encoder is not None and encoder.embedder.unit

    def forward(self, pictures: Tensor) -> Tensor:
        """[B, C, H, W] from 0 to 255 -> [B, D]."""
        x = pictures / WHITE
        if self.network is not None:
            x = self.network(x)
            x = F.normalize(x, dim=1) if self.unit else x
        return self.learner.embed(x, Anchor(x[:0], x[:0].flatten(1).sum(1)))


def embedding_graph(model: Model) -> Graph:
    """What turns pictures of the model's size into features, range, mean, deviation and resizing included.

    Raises:
        ConfigError: the packages are missing, the model reads no pictures, features that depend on other
            pictures, or a network that ONNX has no words for.
    """
    learner, shape = model.learner(), model.facts.picture_shape
    if shape is None:
        raise ConfigError(f"onnx: {model.name} reads vectors; allowed are models of pictures.")
    traits = learner.backbone.traits
    if traits.transductive or traits.from_support:
        raise ConfigError(
            f"onnx: found backbone.norm={learner.backbone.norm}, by which the features of a picture depend "
            "on others; allowed are running, group, none and per_step_running."
        )
    _needs_packages()
    network = PictureEmbedding(learner, model.encoder).eval()
    try:
        content, size = _exported(network, shape)
    except Exception as error:  # of whatever layer is the first that has no counterpart
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ConfigError(f"onnx: the network of {model.name} can't be written as ONNX ({reason}).") from None
    about = {"opset": OPSET, INPUT: list(shape), "range": [0, WHITE], "type": "float32", OUTPUT: [size]}
    return Graph(content, about, not learner.traits.embeds_apart)


def _needs_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"onnx: needs the packages onnx and onnxscript ({error}): pip install 'metassl[onnx]'."
        ) from None


@torch.no_grad()
def _exported(network: PictureEmbedding, shape: tuple[int, ...]) -> tuple[bytes, int]:
    """The file's content, and D."""
    example = torch.linspace(0, WHITE, 2 * torch.Size(shape).numel()).view(2, *shape)
    with warnings.catch_warnings(action="ignore"):  # of torch's own parts, to each other
        program = torch.onnx.export(
            network, (example,), input_names=[INPUT], output_names=[OUTPUT], opset_version=OPSET,
            dynamic_shapes={INPUT: {0: torch.export.Dim("batch")}}, dynamo=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    proto = program.model_proto
    proto.doc_string = (
        f"{INPUT} [B, {', '.join(map(str, shape))}] float32, RGB or brightness from 0 to 255, "
        f"to {OUTPUT} [B, D]: the embedding as it was trained, before any adaptation to a task."
    )
    return proto.SerializeToString(), int(network(example).shape[1])
