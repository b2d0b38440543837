"""Reading weights from a checkpoint that may come from anywhere."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from metassl.errors import UserError
from metassl.learners.base import SSL, MetaLearner

PREFIX = "learner."


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, unpickled with `weights_only=True`.

    Raises UserError when the file is missing, broken, or holds anything but tensors and plain values.
    """
    if not path.is_file():
        raise UserError(f"checkpoint {path}: not found.")
    try:
        _check_sums(path)
        with warnings.catch_warnings(action="ignore"):  # of foreign pickle protocols
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes the unpickler raise almost anything
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UserError(
            f"checkpoint {path}: refused, it is broken or holds more than weights ({reason})"
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise UserError(f"checkpoint {path}: found no 'state_dict' in it.")
    return content


def _check_sums(path: Path) -> None:
    """Compares the sums that torch keeps with each tensor: it writes them and doesn't read them itself."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"the checksum of its part '{damaged}' is wrong")


def load_weights(learner: MetaLearner, path: Path) -> int:
    """Puts the checkpoint's weights into the learner; returns the step they are from.

    What another SSL objective has learned is left out: a test may use any objective that learns nothing.
    """
    content = read_checkpoint(path)
    state = {str(name): value for name, value in content["state_dict"].items()}
    own = {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}
    known = learner.state_dict().keys()
    own = {name: value for name, value in own.items() if name in known or not name.startswith(SSL)}
    try:
        learner.load_state_dict(own)
        return int(content.get("global_step", 0))
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"checkpoint {path}: does not fit the config ({reason[:200]})") from None
