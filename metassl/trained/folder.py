"""A model as a folder, config.json and model.safetensors, which may be sent to others.

Where a network made vectors of the pictures of its training, its weights are a third file.

It is read without its training data, without configs and without Lightning. It may come from anywhere: it
builds only this package's and torch's classes, and its weights are numbers and nothing else.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metassl.errors import DataError, UserError
from metassl.files import read_json, sha256_of, write_atomically, write_json
from metassl.runs.facts import is_number
from metassl.runs.file_names import ENCODER
from metassl.targets import refuse_foreign_targets
from metassl.trained.encoder import TrainedEncoder, read_encoder
from metassl.trained.facts import Facts, read_facts
from metassl.trained.model import SECTIONS, Model
from metassl.trained.onnx_file import Graph
from metassl.weights_file import read_weights, write_weights

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
ONNX = "embedding.onnx"
WEIGHED = (WEIGHTS, ENCODER)  # the files whose bits config.json knows
FORMAT = "metassl model, version 1"
ENCODING = {"scale": str, "categories": int, "width": int | None}
STARTS_FROM = ("pretrained",)  # arguments that name a file of weights, which these take the place of
IN_SECTION = {"backbone": ("weights",)}  # and those that mean it in one section alone


def is_model(folder: Path) -> bool:
    """Whether a folder holds a model, and no run."""
    return (folder / CONFIG).is_file()


def write_model(model: Model, folder: Path, half: bool = False, graph: Graph | None = None) -> None:
    """Writes the files of a model, each whole or not at all.

    Args:
        model: of any kind.
        folder: made where it is missing.
        half: keep 16 bits of each weight.
        graph: of its embedding, which is written as a file of its own; None: it is not.

    Raises:
        UserError: the folder has a model already, which is not written over.
    """
    for name in (CONFIG, WEIGHTS, ENCODER, ONNX, CARD):
        if (folder / name).exists():
            raise UserError(f"to: '{folder / name}' is there already and is not written over.")
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder / WEIGHTS, model.weights, {}, half)
    if model.encoder is not None:
        write_weights(folder / ENCODER, model.encoder.weights, {}, half)
    if graph is not None:
        write_atomically(folder / ONNX, lambda path: path.write_bytes(graph.content))
    content = {
        "format": FORMAT,
        **{name: _without_files(model.sections[name], _files_of(name)) for name in SECTIONS},
        "encoder": None if model.encoder is None else model.encoder.section,
        "onnx": None if graph is None else {"file": ONNX, **graph.about},
        "encoding": dict(model.encoding),
        "trained_on": model.facts.plain(),
        "temperature": model.temperature,
        "about": dict(model.about),
        "sha256": {name: sha256_of(folder / name) for name in WEIGHED if (folder / name).is_file()},
    }
    write_json(folder / CONFIG, content)  # the last, so that a folder with it is whole


def read_model(folder: Path) -> Model:
    """The model of a folder, which may come from anywhere.

    Raises:
        UserError: a file that is missing, damaged, of another format or of a later version.
        ConfigError: it would build other classes than this package's and torch's.
    """
    path = folder / CONFIG
    content = read_json(path)
    if content.get("format") != FORMAT:
        raise DataError(f"{path}: found the format {content.get('format')!r}, known is {FORMAT!r}.")
    sections = {name: content.get(name) for name in SECTIONS}
    for name, section in sections.items():
        if not isinstance(section, dict):
            raise DataError(f"{path}: '{name}' has to be keys with values, as in a config.")
    facts, encoder = read_facts(path, content.get("trained_on")), content.get("encoder")
    _check_encoder(path, encoder, facts)
    refuse_foreign_targets({**sections, "encoder": encoder}, where=str(path))
    about = content.get("about")
    model = Model(
        sections=sections,
        facts=facts,
        encoding=_encoding(path, content.get("encoding")),
        about=about if isinstance(about, dict) else {},
        temperature=_temperature(path, content.get("temperature")),
        weights=read_weights(folder / WEIGHTS, "model"),
        name=str(folder),
        encoder=encoder_of(folder, encoder, facts),
    )
    _check_sums(folder, content.get("sha256"))
    return model


def _check_sums(folder: Path, sums: Any) -> None:
    """Raises DataError where a file is not what was written; a model of before there were sums has none."""
    if sums is None:
        return
    if not isinstance(sums, dict) or not set(sums) <= set(WEIGHED):
        raise DataError(f"{folder / CONFIG}: 'sha256' has to have a sum for files of {', '.join(WEIGHED)}.")
    for name, expected in sums.items():
        path = folder / name
        if path.is_file() and sha256_of(path) != expected:
            raise DataError(
                f"model: {path}: is not the file that {CONFIG} was written with (its SHA-256 differs): it is "
                "damaged, or of another model."
            )


def _check_encoder(path: Path, section: Any, facts: Facts) -> None:
    whole = isinstance(section, dict) and facts.encoded_shape is not None and facts.pictures is not None
    if not whole and not (section is None and facts.encoded_shape is None):
        raise DataError(
            f"{path}: 'encoder' has to be keys with values where trained_on has an encoded_shape and "
            "pictures, and null where it has no encoded_shape."
        )


def encoder_of(folder: Path, section: Mapping[str, Any] | None, facts: Facts) -> TrainedEncoder | None:
    """What made vectors of the pictures of a training, whose weights lie in its folder; None: nothing did."""
    if section is None or facts.encoded_shape is None:
        return None
    return read_encoder(folder / ENCODER, section, facts.encoded_shape)


def _temperature(path: Path, value: Any) -> float:
    if not is_number(value) or not value > 0:
        raise DataError(f"{path}: found temperature {value!r}, allowed are numbers above 0.")
    return float(value)


def _encoding(path: Path, content: Any) -> dict[str, Any]:
    found = content if isinstance(content, dict) else {}
    if set(found) != set(ENCODING) or not all(isinstance(found[key], ENCODING[key]) for key in ENCODING):
        raise DataError(f"{path}: 'encoding' has to have scale, categories and width.")
    return found


def _files_of(section: str) -> tuple[str, ...]:
    """The arguments of a section that name a file of weights."""
    return (*STARTS_FROM, *IN_SECTION.get(section, ()))


def _without_files(section: Any, files: tuple[str, ...]) -> Any:
    """The section, of which no part reads weights of another file."""
    if isinstance(section, Mapping):
        return {k: None if k in files else _without_files(value, files) for k, value in section.items()}
    return [_without_files(value, files) for value in section] if isinstance(section, list) else section
