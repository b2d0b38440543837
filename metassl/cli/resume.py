"""`resume=FOLDER`: go on with a run exactly where its last checkpoint stands.

The folder may come from anywhere. Its words are taken as far as they define the experiment, by
metassl/runs/definition.py; paths, loggers and launchers are those of today's command line.
"""

import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from metassl.cli.own_configs import own_folders, own_targets
from metassl.cli.saved_words import saved_words
from metassl.errors import ConfigError, UserError
from metassl.runs.config import load_config
from metassl.runs.definition import Places, defining, known_places, place_names, places_in
from metassl.runs.file_names import CONFIG
from metassl.runs.links import refuse_links_out
from metassl.runs.status import ended_well
from metassl.targets import refuse_foreign_targets

CHECKPOINT = "checkpoints/last.ckpt"


def resume_words(
    typed: list[str], search: Sequence[str], sweep: bool, compose: Callable[[list[str]], DictConfig]
) -> list[str]:
    """The words of the run to go on with, in its own folder; as they are without `resume=`.

    Args:
        typed: words of the command line.
        search: as `search_word` has it.
        sweep: whether it is a multirun.
        compose: the config of words.

    Raises:
        UserError: the folder holds no checkpoint, asks for more than an experiment, or the config that its
            words and the typed ones make is not the config it ran with.
    """
    given = [w for w in typed if not w.startswith("resume=")]
    asked = [w.removeprefix("resume=") for w in typed if w.startswith("resume=")]
    if not asked or asked[-1] in ("null", ""):
        return typed
    folder = Path(asked[-1])
    _check_folder(folder, sweep)
    known = known_places(own_folders(search))
    places = place_names(known)
    kept, left_out = saved_words(folder, given, places)
    _check_experiment(_composed(kept, folder, compose), folder, own_targets(search), known)
    words = [*kept, *(w for w in given if not w.startswith("hydra."))]
    found = comparable(_composed(words, folder, compose), places)
    saved = comparable(load_config(folder / CONFIG), places)
    changed = sorted(key for key in found.keys() | saved.keys() if found.get(key) != saved.get(key))
    if left_out:
        again = "is not taken from the folder; where it is meant, say it again:"
        print(f"resume={folder}: {again} {' '.join(left_out)}", file=sys.stderr)
    if changed:
        key = changed[0]
        raise ConfigError(
            f"resume={folder}: {key} is {found.get(key)!r} now and was {saved.get(key)!r} in the run. "
            "A run goes on with its own config only; start a new one for another."
        )
    of_hydra = [w for w in given if w.startswith(("hydra.job", "hydra.searchpath="))]
    return [*words, *of_hydra, f"hydra.run.dir={folder}", f"resume={folder}"]


def comparable(config: DictConfig, places: Collection[str]) -> dict[str, Any]:
    """{dotted key: value}, without what may differ between two stretches of one run: places and loggers."""
    config = config.copy()
    with open_dict(config):
        for key in ("hydra", "logger", "resume"):
            config.pop(key, None)
        config.paths.output_dir = ""
    content = OmegaConf.to_container(config, resolve=True)
    assert isinstance(content, dict)
    content.pop("paths")
    return {key: value for key, value in flatten(content) if key.rpartition(".")[2] not in places}


def flatten(node: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """(dotted key, value) of every leaf of nested dicts."""
    if isinstance(node, dict):
        return [pair for key, value in node.items() for pair in flatten(value, f"{prefix}{key}.")]
    return [(prefix[:-1], node)]


def _check_folder(folder: Path, sweep: bool) -> None:
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
    refuse_links_out(folder, f"resume={folder}")


def _check_experiment(config: DictConfig, folder: Path, vouched: Collection[str], known: Places) -> None:
    """The folder's words alone must build nothing foreign, and leave every place to the command line."""
    own = OmegaConf.to_container(defining(config), resolve=False)
    refuse_foreign_targets(own, vouched)
    for place in places_in(own, known):
        if place.value != place.reference:
            raise UserError(
                f"resume={folder}: {place.key} is '{place.value}' by the words of the folder. Where files "
                f"lie is not taken from it: allowed is '{place.reference}'; give another on the command line."
            )


def _composed(words: list[str], folder: Path, compose: Callable[[list[str]], DictConfig]) -> DictConfig:
    try:
        return compose(words)
    except ConfigError as error:
        hint = "A run with configs of your own goes on with the same --config-dir."
        raise ConfigError(f"resume={folder}: {error} {hint}") from None
