"""Puts the weights of a file into a network."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from metassl.checkpoint_file import read_plain
from metassl.errors import ConfigError
from metassl.weights_file import read_weights

HUB = "hub"
WITHIN = ("state_dict", "model")  # names under which files of others keep the weights
COUNTER = "num_batches_tracked"  # of batch normalisation, without a use here


def load_file(network: nn.Module, file: str, key: str, model: str, heads: Collection[str]) -> None:
    """The weights of a .safetensors, .pt or .pth file; those of a classifier's own last layer are left out.

    Args:
        network: gets them.
        file: its path.
        key: of the config that named it, for messages.
        model: what the network is called.
        heads: names of the layers that are left out.

    Raises:
        UserError: no such file, a damaged one, one that holds more than weights, or weights of other sizes.
    """
    found = {name: value.float() if value.is_floating_point() else value for name, value in _read(file, key)}
    left_out = tuple(f"{head}." for head in heads)
    expected = network.state_dict()
    kept = {n: value for n, value in found.items() if n in expected or not n.startswith(left_out)}
    why = _difference(kept, expected)
    if why:
        raise ConfigError(f"{key}: {file}: no weights of {model}: {why}.")
    network.load_state_dict(kept, strict=False)


def _difference(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str | None:
    """The first difference in words."""
    for name, value in expected.items():
        if name not in found:
            if not name.endswith(COUNTER):
                return f"found no '{name}'"
        elif found[name].shape != value.shape:
            return f"'{name}' has the size {tuple(found[name].shape)}, expected is {tuple(value.shape)}"
    unknown = [name for name in found if name not in expected]
    return f"found '{unknown[0]}', which it has not" if unknown else None


def _read(file: str, key: str) -> list[tuple[str, Tensor]]:
    path = Path(file)
    if path.suffix == ".safetensors":
        return list(read_weights(path, key).items())
    if path.suffix not in (".pt", ".pth"):
        raise ConfigError(
            f"{key}: found '{file}', allowed are null (random), {HUB} (downloaded), or a file .safetensors, "
            ".pt or .pth."
        )
    content: Any = read_plain(path, f"{key}:")
    for name in WITHIN:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ConfigError(f"{key}: {file}: found no weights by their names in it.")
    return [(str(name).removeprefix("module."), value) for name, value in content.items()]
