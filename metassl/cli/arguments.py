"""Checks a command line before anything runs, so that a slip ends in one clear line."""

import os
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from metassl.cli.choices import options_of
from metassl.cli.override_checks import check_key, override_values
from metassl.cli.resume import flatten, resume_arguments
from metassl.errors import ConfigError, one_of

ALONE = (
    "--help", "-h", "--hydra-help", "--version", "--info", "-i", "--cfg", "-c", "--shell-completion", "-sc",
)  # fmt: skip


def prepare(arguments: list[str], conf: Path) -> list[str]:
    """The arguments for Hydra. Raises ConfigError for what can't be composed.

    Args:
        arguments: the command line without the program's name.
        conf: the folder of the config groups.
    """
    if any(a.split("=")[0] in ALONE for a in arguments):
        return arguments
    arguments = resume_arguments(arguments, lambda words: compose_config(words, conf))
    flags = [a for a in arguments if a.startswith("-")]
    words = [a for a in arguments if not a.startswith("-")]
    sweep = any(f in ("-m", "--multirun") for f in flags)
    config = compose_config(words, conf, sweep)
    _check_given(config)
    _check_folder(config, sweep)
    return arguments


def compose_config(words: list[str], conf: Path, sweep: bool = False) -> DictConfig:
    """The config that these overrides give; of a swept one the first choice stands for all."""
    overrides = parse_words(words)
    for override in overrides:
        if override.is_sweep_override() and not sweep:
            raise ConfigError(
                f"{override.key_or_group}: found several values. Add -m to run one job for each, or write a "
                f"list as {override.key_or_group}=[...]."
            )
    groups = {folder.name for folder in conf.iterdir() if folder.is_dir()}
    for override in overrides:
        if override.key_or_group in groups:
            _check_choices(override, conf)
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        base = _compose([_first(o) for o in overrides if o.key_or_group in groups])
        changes = [o for o in overrides if o.key_or_group not in groups]
        for override in changes:
            check_key(override, base, groups)
        return _compose([_first(o) for o in overrides]) if changes else base


def parse_words(words: list[str]) -> list[Override]:
    """The overrides that these words are, by Hydra's grammar."""
    try:
        return OverridesParser.create().parse_overrides(words)
    except HydraException as error:
        raise ConfigError(f"command line: {str(error).splitlines()[0]}") from None


def _compose(words: list[str]) -> DictConfig:
    try:
        return compose("config", overrides=words, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(" ".join(str(error).split("\n")[0].split())) from None


def _first(override: Override) -> str:
    """The override with the first of its swept values."""
    if not override.is_sweep_override():
        return str(override.input_line)
    return f"{override.get_key_element()}={next(iter(override.sweep_string_iterator()))}"


def _check_choices(override: Override, conf: Path) -> None:
    group = override.key_or_group
    options = options_of(group, conf)
    if override.is_delete():
        raise ConfigError(f"~{group}: a run needs each group. Choose another option: {group}=...")
    for value in override_values(override):
        if str(value) not in options:
            raise ConfigError(one_of(group, "null" if value is None else value, options))


def _check_given(config: DictConfig) -> None:
    """Every value without a default must be on the command line."""
    content = OmegaConf.to_container(config, resolve=False)
    missing = [key for key, value in flatten(content) if value == "???" and not key.startswith("hydra.")]
    if missing:
        raise ConfigError(f"{missing[0]}: has no default, give it as {missing[0]}=...")


def _check_folder(config: DictConfig, sweep: bool) -> None:
    """The output folder must be writable before anything is computed."""
    folder = Path(config.hydra.sweep.dir if sweep else config.hydra.run.dir)
    existing = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise ConfigError(
            f"output folder {folder}: can't be written, '{existing}' is read-only or no folder."
        )
