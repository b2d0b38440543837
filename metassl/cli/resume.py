"""`resume=FOLDER`: go on with a run exactly where its last checkpoint stands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from metassl.errors import ConfigError, UserError
from metassl.runs.config import load_config
from metassl.runs.file_names import CONFIG
from metassl.runs.status import ended_well

CHECKPOINT = "checkpoints/last.ckpt"


def resume_words(typed: list[str], sweep: bool, compose: Callable[[list[str]], DictConfig]) -> list[str]:
    """The words of the run to go on with, in its own folder; as they are without `resume=`.

    Raises UserError when the folder holds no checkpoint, or when the config that its words and the typed ones
    make is not the config it ran with.
    """
    given = [w for w in typed if not w.startswith("resume=")]
    asked = [w.removeprefix("resume=") for w in typed if w.startswith("resume=")]
    if not asked or asked[-1] in ("null", ""):
        return typed
    folder = Path(asked[-1])
    if sweep:
        raise ConfigError("resume: goes on with one run; found a multirun. Give the folder of one job.")
    if not (folder / CHECKPOINT).is_file() or not (folder / CONFIG).is_file():
        raise UserError(
            f"resume={folder}: found no {CHECKPOINT} beside a {CONFIG}, so there is nothing to go on with."
        )
    if ended_well(folder):
        raise UserError(
            f"resume={folder}: the run is done; test it again with metassl evaluate run={folder}."
        )
    words = [*_saved_words(folder), *(w for w in given if not w.startswith("hydra."))]
    found = comparable(_composed(words, folder, compose))
    saved = comparable(load_config(folder / CONFIG))
    changed = sorted(key for key in found.keys() | saved.keys() if found.get(key) != saved.get(key))
    if changed:
        key = changed[0]
        raise ConfigError(
            f"resume={folder}: {key} is {found.get(key)!r} now and was {saved.get(key)!r} in the run. "
            "A run goes on with its own config only; start a new one for another."
        )
    kept = [w for w in given if w.startswith(("hydra.job", "hydra.searchpath="))]
    return [*words, *kept, f"hydra.run.dir={folder}", f"resume={folder}"]


def comparable(config: DictConfig) -> dict[str, Any]:
    """{dotted key: value}, without what may differ between two stretches of one run: paths and loggers."""
    config = config.copy()
    with open_dict(config):
        for key in ("hydra", "logger", "resume"):
            config.pop(key, None)
        config.paths.output_dir = ""
    content = OmegaConf.to_container(config, resolve=True)
    assert isinstance(content, dict)
    content.pop("paths")
    return {key: value for key, value in flatten(content) if not key.endswith("data_dir")}


def flatten(node: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """(dotted key, value) of every leaf of nested dicts."""
    if isinstance(node, dict):
        return [pair for key, value in node.items() for pair in flatten(value, f"{prefix}{key}.")]
    return [(prefix[:-1], node)]


def _composed(words: list[str], folder: Path, compose: Callable[[list[str]], DictConfig]) -> DictConfig:
    try:
        return compose(words)
    except ConfigError as error:
        hint = "A run with configs of your own goes on with the same --config-dir."
        raise ConfigError(f"resume={folder}: {error} {hint}") from None


def _saved_words(folder: Path) -> list[str]:
    path = folder / ".hydra" / "overrides.yaml"
    if not path.is_file():
        raise UserError(f"resume={folder}: found no {path}.")
    words = [str(word) for word in OmegaConf.load(path)]
    # The folder may come from anywhere, and Hydra's own keys can name code to run.
    return [w for w in words if not w.lstrip("+~").startswith(("resume=", "hydra"))]
