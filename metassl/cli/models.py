"""List the trained models that the package brings.

    metassl models             # a line each
    metassl models handwriting # the whole card: data, licence, command, scores

A name stands wherever a model is asked for: MetaClassifier.load("handwriting"), `metassl label images=photos/
model=handwriting`. Reading one needs no network, and runs nothing of it.
"""

from metassl.errors import ConfigError, one_of
from metassl.shipped import shipped_models
from metassl.trained.folder import CARD


def list_models(arguments: list[str]) -> int:
    """Prints the models, or the card of one; the exit code. Raises UserError."""
    shipped = shipped_models()
    if len(arguments) > 1:
        raise ConfigError(f"models: found {len(arguments)} words, allowed is the name of one model.")
    for name in arguments:
        if name not in shipped:
            raise ConfigError(one_of("models", name, shipped))
        print((shipped[name].parent / CARD).read_text(encoding="utf-8").rstrip())
        return 0
    width = max(map(len, shipped))
    for name, path in shipped.items():
        card = (path.parent / CARD).read_text(encoding="utf-8")
        about = (
            next(line for line in card.splitlines() if line.startswith("| what it does |"))
            .split("|")[2]
            .strip()
        )
        print(f"{name:<{width}}  {path.stat().st_size / 1000:4.0f} kB  {about}")
    return 0
