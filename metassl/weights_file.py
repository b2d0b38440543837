"""Reads and writes weights as safetensors: names, numbers and a few words, nothing that could run."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from metassl.errors import UserError
from metassl.files import write_atomically


def read_weights(path: Path, key: str) -> dict[str, Tensor]:
    """The tensors of a file, float16 as float32; UserError names the key that gave the path."""
    if not path.is_file():
        raise UserError(f"{key}: {path}: not found.")
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"{key}: {path}: no whole file of safetensors ({reason}).") from None
    for name, value in found.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise UserError(f"{key}: {path}: found NaN or infinite numbers in '{name}', the file is damaged.")
    return {name: value.float() if value.is_floating_point() else value for name, value in found.items()}


def write_weights(
    path: Path, weights: Mapping[str, Tensor], about: Mapping[str, object], half: bool = True
) -> None:
    """Writes tensors and some words about them, whole or not at all; `half`: as float16 if not whole."""
    small = {name: _stored(value.detach(), half).contiguous() for name, value in weights.items()}
    words = {name: json.dumps(value) for name, value in about.items()}
    content = save(small, words)  # its own way to a file leaves one that others can't read
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def _stored(value: Tensor, half: bool) -> Tensor:
    return value.half() if half and value.is_floating_point() else value.clone()
