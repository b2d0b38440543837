"""A trained learner, and all that whoever uses it has to know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from metassl.construct import construct
from metassl.errors import UserError
from metassl.learners.base import SSL, MetaLearner
from metassl.outcomes.base import Outcome
from metassl.trained.build import build_learner
from metassl.trained.encoder import TrainedEncoder
from metassl.trained.facts import Facts
from metassl.trained.widening import widened

SECTIONS = ("outcome", "backbone", "model", "ssl")


@dataclass(frozen=True, repr=False)
class Model:
    """What a learner is built of, its weights, and what it was trained on.

    Attributes:
        sections: outcome, backbone, model and ssl, as a config has them, plain and resolved.
        facts: of the tasks of its training.
        encoding: how the rows of a table were made numbers: scale, categories, width.
        about: where it comes from, for people: choices, words, seed, versions, scores.
        temperature: t of softmax(logits / t), by validation tasks of the training; 1 where it is not known.
        weights: by the names of the learner.
        name: for messages.
        encoder: makes inputs of pictures; None: pictures, or vectors, are the inputs.
    """

    sections: Mapping[str, Any]
    facts: Facts
    encoding: Mapping[str, Any]
    about: Mapping[str, Any]
    temperature: float
    weights: Mapping[str, Tensor]
    name: str
    encoder: TrainedEncoder | None = None

    def __repr__(self) -> str:
        """What it is, in a line: a classifier that has it shows it."""
        return f"<Model {self.name}: {self.facts.sentence()}>"

    @property
    def outcome(self) -> Outcome:
        """What its tasks ask for."""
        made: Outcome = construct(self.sections["outcome"], {})
        return made

    def learner(self, way: int | None = None) -> MetaLearner:
        """The learner, in evaluation mode.

        Args:
            way: classes of the tasks that it is to take; None: as in its training. See
                metassl.trained.widening.

        Raises:
            UserError: parts that can't be made, weights of other parts, or of another number of classes.
        """
        with torch.random.fork_rng(devices=()):  # its first weights are of no influence
            made = build_learner(self.sections, self.facts.task(self.outcome, way))
        known = made.state_dict()
        # what an objective has learned that the learner has no more is of no use, as for a meta-test
        own = {name: p for name, p in self.weights.items() if name in known or not name.startswith(SSL)}
        if way is not None:
            own = widened(own, known, self.facts.way, way)
        try:
            made.load_state_dict(own)
        except (RuntimeError, TypeError, ValueError, AttributeError, LookupError, OverflowError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{self.name}: the weights don't fit the config ({reason[:200]})") from None
        return made.eval()
