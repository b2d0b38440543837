"""`resume=FOLDER`: go on with a run exactly where its last checkpoint stands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from metassl.errors import ConfigError, UserError
from metassl.runs.config import load_config
from metassl.runs.file_names import CONFIG, RESULTS

CHECKPOINT = "checkpoints/last.ckpt"


def resume_arguments(arguments: list[str], compose: Callable[[list[str]], DictConfig]) -> list[str]:
    """The arguments of the run to go on with, in its own folder; as they are without `resume=`.

    Raises UserError when the folder holds no checkpoint, or when the config that its arguments and
    the given ones make is not the config it ran with.
    """
    given = [a for a in arguments if not a.startswith("resume=")]
    asked = [a.removeprefix("resume=") for a in arguments if a.startswith("resume=")]
    if not asked or asked[-1] in ("null", ""):
        return arguments
    folder = Path(asked[-1])
    if "-m" in arguments or "--multirun" in arguments:
        raise ConfigError("resume: goes on with one run; found a multirun. Give the folder of one job.")
    if not (folder / CHECKPOINT).is_file() or not (folder / CONFIG).is_file():
        raise UserError(
            f"resume={folder}: found no {CHECKPOINT} beside a {CONFIG}, so there is nothing to go on with."
        )
    if (folder / RESULTS).is_file():
        raise UserError(
            f"resume={folder}: the run is done; test it again with scripts/evaluate.py run={folder}."
        )
    words = [*_saved_words(folder), *(a for a in given if not a.startswith("hydra."))]
    found = comparable(compose(words))
    saved = comparable(load_config(folder / CONFIG))
    changed = sorted(key for key in found.keys() | saved.keys() if found.get(key) != saved.get(key))
    if changed:
        key = changed[0]
        raise ConfigError(
            f"resume={folder}: {key} is {found.get(key)!r} now and was {saved.get(key)!r} in the run. "
            "A run goes on with its own config only; start a new one for another."
        )
    here = [f"hydra.run.dir={folder}", f"resume={folder}"]
    return [*words, *(a for a in given if a.startswith("hydra.job")), *here]


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


def _saved_words(folder: Path) -> list[str]:
    path = folder / ".hydra" / "overrides.yaml"
    if not path.is_file():
        raise UserError(f"resume={folder}: found no {path}.")
    words = [str(word) for word in OmegaConf.load(path)]
    # The folder may come from anywhere, and Hydra's own keys can name code to run.
    return [w for w in words if not w.lstrip("+~").startswith(("resume=", "hydra"))]
