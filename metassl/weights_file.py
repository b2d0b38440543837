"""Reads and writes weights as safetensors: names, numbers and a few words, nothing that could run."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from metassl.errors import UserError
from metassl.files import write_atomically


def read_weights(path: Path, key: str) -> dict[str, Tensor]:
    """The tensors of a file, as float32; UserError names the key that gave the path."""
    if not path.is_file():
        raise UserError(f"{key}: {path}: not found.")
    try:
        return {name: value.float() for name, value in load_file(path).items()}
    except (SafetensorError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"{key}: {path}: no whole file of safetensors ({reason}).") from None


def write_weights(path: Path, weights: Mapping[str, Tensor], about: Mapping[str, object]) -> None:
    """Writes tensors as float16, with some words about them, whole or not at all."""
    small = {name: value.detach().half().contiguous() for name, value in weights.items()}
    words = {name: json.dumps(value) for name, value in about.items()}
    write_atomically(path, lambda temporary: save_file(small, temporary, words))
