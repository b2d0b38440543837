"""Meta-test a finished run again, on other episodes.

    metassl evaluate run=outputs/<when> evaluation.episodes=2000
    metassl evaluate run=outputs/<when> episode.unlabelled=20            # another number of unlabelled images
    metassl evaluate --config-dir my_conf run=outputs/<when>             # a run with a method of your own

The results go to a folder in <run>/evaluations. A run's folder may come from anywhere, so what its config may
build is limited to this package's and torch's classes, and to those that the configs in --config-dir name.
"""

import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from metassl.cli.choices import SEARCHPATH
from metassl.cli.composing import parse_words
from metassl.cli.override_checks import check_key
from metassl.cli.own_configs import own_targets, words_of
from metassl.errors import ConfigError, UserError
from metassl.files import read_json
from metassl.instantiate import refuse_foreign_targets
from metassl.runs.config import load_config
from metassl.runs.file_names import ABOUT, CONFIG
from metassl.training.final_test import retest


def evaluate_run(arguments: list[str]) -> Path:
    """Tests the run that `run=FOLDER` names, with its config changed by the other words.

    `episode.X=v` changes the episodes of the test. Results go to FOLDER/evaluations/<when>/.
    """
    folder, changes, vouched = run_folder(arguments)
    config = run_config(folder, changes, vouched)
    choices = run_choices(folder / ABOUT)
    target = folder / "evaluations" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S.%f")
    retest(config, folder, target, choices, changes)
    return target


def run_folder(arguments: list[str]) -> tuple[Path, list[str], set[str]]:
    """The folder that `run=FOLDER` names, the words that change the run's config, and what it may build
    besides this package's and torch's classes: what the configs in `--config-dir` build.
    """
    words = words_of(arguments)
    vouched = own_targets([w for w in words if w.startswith(f"{SEARCHPATH}=")])
    named = [w.removeprefix("run=") for w in words if w.startswith("run=")]
    if len(named) != 1:
        raise ConfigError("run: say which run to test, as run=outputs/<when>.")
    folder = Path(named[0])
    for name in (CONFIG, ABOUT):
        if not (folder / name).is_file():
            raise UserError(f"run={folder}: found no {name} in it.")
    return folder, [w for w in words if not w.startswith(("run=", f"{SEARCHPATH}="))], vouched


def run_config(folder: Path, changes: list[str], vouched: Collection[str] = ()) -> DictConfig:
    """The run's config, with this machine's data folder and the changes."""
    config = load_config(folder / CONFIG)
    refuse_foreign_targets(config, vouched)
    for variable, key in (("METASSL_DATA_DIR", "data_dir"), ("METASSL_CACHE_DIR", "cache_dir")):
        if variable in os.environ:
            config.paths[key] = os.environ[variable]
    if "data_dir" in config.dataset.source:
        config.dataset.source.data_dir = config.paths.data_dir
    for override in parse_words(changes):
        _change(config, override)
    return config


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
