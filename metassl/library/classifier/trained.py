"""The learner that a classifier uses: the package's own, one of a notebook, or a trained one by its place."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.library.classifier.default_model import NAME, default_model
from metassl.library.saved_models import AS_TABLES, read_saved
from metassl.trained.encoder import TrainedEncoder
from metassl.trained.facts import Facts
from metassl.trained.model import Model


class Trained(NamedTuple):
    """A learner, and what it was trained on, so far as that is known.

    Attributes:
        learner: with its weights.
        encoding: scale, categories and width, as metassl.library.classifier.estimator has them.
        model: what the learner is made of; None: it came as an object.
    """

    learner: MetaLearner
    encoding: Mapping[str, Any]
    model: Model | None = None

    @property
    def facts(self) -> Facts | None:
        """Of its training, where they are known."""
        return None if self.model is None else self.model.facts

    @property
    def encoder(self) -> TrainedEncoder | None:
        """What makes its inputs of pictures, where something does."""
        return None if self.model is None else self.model.encoder

    @property
    def temperature(self) -> float:
        """Of its probabilities."""
        return 1.0 if self.model is None else self.model.temperature

    def of_classes(self, count: int) -> MetaLearner:
        """The learner for so many classes, with a warning where they are more than it was trained on.

        Raises:
            ConfigError: it has no places for them.
        """
        if self.model is None or count <= self.model.facts.way:
            return self.learner
        warnings.warn(
            f"y: found {count} classes, the model was trained on up to {self.model.facts.way} and may "
            "be worse at more.",
            UserWarning,
            stacklevel=3,
        )
        return self.model.learner(count)


def model_of(model: Model | MetaLearner | str | Path | None) -> Trained:
    """The learner that a caller means: an object, a place as of `read_saved`, or None for the default."""
    if isinstance(model, Model):
        return Trained(model.learner(), model.encoding, model)
    if model is None or str(model) == NAME:
        return Trained(default_model(), AS_TABLES)
    if isinstance(model, MetaLearner):
        return Trained(model, AS_TABLES)
    if isinstance(model, str | Path) and str(model):
        return model_of(read_saved(model))
    raise ConfigError(
        f"model: found {model!r}, allowed is a MetaLearner, a run's or a model's folder, a name, or None."
    )
