"""Puts trained weights into a head."""

from pathlib import Path

from torch import nn

from metassl.errors import UserError, one_of
from metassl.shipped import shipped_models
from metassl.weights_file import read_weights

KEY = "model.head.pretrained"


def load_pretrained(head: nn.Module, of: str) -> None:
    """Puts in place the weights of a model that comes with the package, by its name, or of a file."""
    shipped = shipped_models()
    path = shipped.get(of, Path(of))
    if of not in shipped and not path.is_file():
        raise UserError(one_of(KEY, of, [*shipped, "a file of safetensors"]))
    weights = read_weights(path, KEY)
    own = {name: tuple(p.shape) for name, p in head.state_dict().items()}
    given = {name: tuple(p.shape) for name, p in weights.items()}
    if own != given:
        odd = sorted(name for name in {*own, *given} if own.get(name) != given.get(name))[0]
        raise UserError(
            f"{KEY}: {path}: of another size: {odd} is {given.get(odd, 'not there')}, "
            f"here it is {own.get(odd, 'not there')}."
        )
    head.load_state_dict(weights)
