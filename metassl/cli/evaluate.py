"""Meta-test a finished run again, on other episodes.

    metassl evaluate run=outputs/<when> evaluation.episodes=2000
    metassl evaluate run=outputs/<when> episode.unlabelled=20            # another number of unlabelled images
    metassl evaluate --config-dir my_conf run=outputs/<when>             # a run with a method of your own

The results go to a folder in <run>/evaluations. A run's folder may come from anywhere, so what its config may
build is limited to this package's and torch's classes, and to those that the configs in --config-dir name;
and where data and caches lie is said by the environment and by paths.data_dir=... here, not by the run.
"""

import sys
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from metassl.cli.checking import check_words
from metassl.cli.choices import SEARCHPATH
from metassl.cli.composing import one_line, parse_words
from metassl.cli.override_checks import check_key
from metassl.cli.own_configs import own_folders, own_targets, words_of
from metassl.errors import ConfigError, UserError
from metassl.files import read_json
from metassl.runs.config import load_config
from metassl.runs.file_names import ABOUT, CONFIG
from metassl.runs.links import refuse_links_out
from metassl.runs.saved import saved_experiment
from metassl.training.final_test import retest


def evaluate_run(arguments: list[str]) -> Path:
    """Tests the run that `run=FOLDER` names, with its config changed by the other words.

    `episode.X=v` changes the episodes of the test. Results go to FOLDER/evaluations/<when>/.
    """
    asked = run_folder(arguments)
    folder = asked.folder
    config = run_config(*asked)
    choices = run_choices(folder / ABOUT)
    target = folder / "evaluations" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S.%f")
    retest(config, folder, target, choices, asked.changes)
    return target


class AskedRun(NamedTuple):
    """What a command line says of a finished run.

    Attributes:
        folder: of the run.
        changes: words that change its config.
        vouched: what the config may build besides this package's and torch's classes.
        own: folders of config groups of the user's own.
    """

    folder: Path
    changes: list[str]
    vouched: Collection[str]
    own: list[Path]


def run_folder(arguments: list[str]) -> AskedRun:
    """The folder that `run=FOLDER` names, and what else the words say. Raises UserError for none."""
    words = words_of(arguments)
    search = [w for w in words if w.startswith(f"{SEARCHPATH}=")]
    named = [w.removeprefix("run=") for w in words if w.startswith("run=")]
    if len(named) != 1:
        raise ConfigError("run: say which run to test, as run=outputs/<when>.")
    folder = Path(named[0])
    for name in (CONFIG, ABOUT):
        if not (folder / name).is_file():
            raise UserError(f"run={folder}: found no {name} in it.")
    refuse_links_out(folder, f"run={folder}")
    changes = [w for w in words if not w.startswith(("run=", f"{SEARCHPATH}="))]
    return AskedRun(folder, changes, own_targets(search), own_folders(search))


def run_config(
    folder: Path, changes: list[str], vouched: Collection[str] = (), own: Iterable[Path] = ()
) -> DictConfig:
    """What of the run's config defines its experiment, with today's places and the changes.

    Args:
        folder, changes, vouched, own: see AskedRun.
    """
    config = saved_experiment(folder, vouched, own)
    for override in parse_words(changes):
        _change(config, override)
    try:
        OmegaConf.resolve(config)
    except OmegaConfBaseException as error:
        raise ConfigError(f"command line: {one_line(error)}") from None
    check_words(config, changes)
    _say_where(folder, load_config(folder / CONFIG).paths.get("data_dir"), config)
    return config


def _say_where(folder: Path, before: object, config: DictConfig) -> None:
    """Says so where a run was trained on data that lay elsewhere."""
    now = config.paths.data_dir
    if "data_dir" in config.dataset.source and before is not None and str(before) != str(now):
        print(f"run={folder}: data are read from paths.data_dir={now}, the run had {before}", file=sys.stderr)


def run_choices(path: Path) -> dict[str, str]:
    """The option of each config group, from a run.json."""
    choices = read_json(path).get("choices")
    if not isinstance(choices, dict):
        raise UserError(f"{path}: is damaged, found no 'choices' in it.")
    return {str(group): str(option) for group, option in choices.items()}


def _change(config: DictConfig, override: Override) -> None:
    """Applies one `key=value`; a change of the episode is one of the test episodes."""
    key = override.key_or_group
    if override.is_sweep_override() or override.is_add() or override.is_delete() or key.startswith("hydra."):
        raise ConfigError(
            f"{override.input_line}: allowed in a test is one value for a key that the run has."
        )
    check_key(override, config)
    node = OmegaConf.select(config, key)
    if isinstance(node, DictConfig):
        example = f"{key}.{next(map(str, node))}=..."
        raise ConfigError(f"{key}: can't be exchanged in a test; change single keys, such as {example}")
    OmegaConf.update(config, key, override.value())
    name = key.removeprefix("episode.")
    if key != name and name in config.episode.test:
        OmegaConf.update(config, f"episode.test.{name}", override.value())
