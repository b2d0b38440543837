"""Models of pictures with random weights, as folders."""

from pathlib import Path

from omegaconf import OmegaConf

import metassl
from metassl.outcomes.classification import CLASSES
from metassl.trained.facts import Facts
from metassl.trained.folder import write_model
from metassl.trained.likeness import Numbers
from metassl.trained.model import SECTIONS, Model
from tests.support.composing import composed

AS_THEY_ARE = {"scale": "none", "categories": 20, "width": None}


def random_model(model: str, ssl: str, known: Numbers, way: int = 5, channels: int = 1) -> Model:
    """A learner of 28 × 28 pixels with eight filters, as if it had met pictures of these descriptions."""
    facts, words = (
        Facts(way, (channels, 28, 28), 10, known),
        ("backbone.filters=8", "backbone.pools=2", "backbone.norm=group"),
    )
    config = composed(f"model={model}", f"ssl={ssl}", *words)
    sections = {name: OmegaConf.to_container(config[name], resolve=True) for name in SECTIONS}
    learner = metassl.learner(model, ssl=ssl, task=facts.task(CLASSES), options=words)
    return Model(sections, facts, AS_THEY_ARE, {"seed": 3}, 1.5, learner.state_dict(), "here")


def random_folder(folder: Path, known: Numbers, model: str = "protonet", ssl: str = "soft_kmeans") -> Path:
    """The same in a folder of `metassl export`."""
    write_model(random_model(model, ssl, known), folder)
    return folder
