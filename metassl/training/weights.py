"""Puts the weights of a checkpoint, which may come from anywhere, into a learner."""

from pathlib import Path

from torch import Tensor

from metassl.checkpoint_file import read_checkpoint
from metassl.errors import UserError
from metassl.learners.base import SSL, MetaLearner

PREFIX = "learner."


def load_weights(learner: MetaLearner, path: Path) -> int:
    """Puts the checkpoint's weights into the learner; returns the step they are from.

    What another SSL objective has learned is left out: a test may use any objective that learns nothing.
    """
    own, step = checkpoint_weights(path)
    known = learner.state_dict().keys()
    own = {name: value for name, value in own.items() if name in known or not name.startswith(SSL)}
    try:
        learner.load_state_dict(own)
        return step
    except (RuntimeError, TypeError, ValueError, AttributeError, LookupError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"checkpoint {path}: does not fit the config ({reason[:200]})") from None


def checkpoint_weights(path: Path) -> tuple[dict[str, Tensor], int]:
    """A learner's weights by its own names, and the step that they are from."""
    content = read_checkpoint(path)
    state = {str(name): value for name, value in content["state_dict"].items()}
    own = {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}
    try:
        return own, int(content.get("global_step", 0))
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"checkpoint {path}: does not fit the config ({error})") from None
