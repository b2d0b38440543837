"""Checks a command line before anything runs, so that a slip ends in one clear line."""

import os
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from metassl.cli.choices import options_of
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
        plain = [o for o in overrides if o.key_or_group in groups]
        base = _compose([_first(o) for o in plain])
        for override in overrides:
            if override.key_or_group not in groups:
                check_key(override, base, groups)
        return _compose([_first(o) for o in overrides])


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


def _values(override: Override) -> list[Any]:
    if override.is_sweep_override():
        return list(override.sweep_string_iterator())
    return [override.value()]


def _check_choices(override: Override, conf: Path) -> None:
    group = override.key_or_group
    options = options_of(group, conf)
    if override.is_delete():
        raise ConfigError(f"~{group}: a run needs each group. Choose another option: {group}=...")
    for value in _values(override):
        if str(value) not in options:
            raise ConfigError(one_of(group, "null" if value is None else value, options))


def check_key(override: Override, config: DictConfig, groups: set[str]) -> None:
    """The key must be there already, unless the user says + on purpose; the kind of value must fit.

    What ~ takes away must be an argument that its class has a default of.
    """
    key = override.key_or_group
    if override.is_add() or key.split(".")[0] == "hydra":
        return
    if override.is_delete():
        _check_deleted(key, config)
        return
    node: Any = config
    walked: list[str] = []
    for part in key.split("."):
        known = list(node.keys()) if isinstance(node, DictConfig) else []
        if part not in known:
            names = [*known, *groups] if not walked else known
            where = ".".join(walked)
            shown = sorted(".".join((*walked, str(n))) for n in names if n != "hydra")
            raise ConfigError(one_of(f"key {key}" if where else "key", key, shown))
        walked.append(part)
        if isinstance(node, DictConfig):
            node = None if OmegaConf.is_missing(node, part) else node._get_node(part)
            node = (
                node._value() if node is not None and not isinstance(node, DictConfig | ListConfig) else node
            )
    for value in _values(override):
        _check_kind(key, value, node)


def _check_deleted(key: str, config: DictConfig) -> None:
    """Only an argument of a class (one beside `_target_`) may have a default that the class itself knows."""
    above, _, name = key.rpartition(".")
    parent = OmegaConf.select(config, above) if above else config
    names = list(parent.keys()) if isinstance(parent, DictConfig) else []
    if name in names and "_target_" not in names:
        raise ConfigError(f"~{key}: a run needs this key. Give it another value: {key}=...")


def _check_kind(key: str, value: Any, default: Any) -> None:
    """A word where a number or true/false stands can only be a slip."""
    if isinstance(value, str) and not value.startswith("$"):
        if isinstance(default, bool) and value.lower() not in ("true", "false"):
            raise ConfigError(f"{key}: found '{value}', allowed is true or false.")
        if isinstance(default, int | float) and not isinstance(default, bool) and not _is_number(value):
            raise ConfigError(f"{key}: found '{value}', allowed is a number.")
    whole = isinstance(default, int) and not isinstance(default, bool)
    if whole and (isinstance(value, float) or value is None):
        raise ConfigError(f"{key}: found {value}, allowed is a whole number.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.startswith("[")
    return True


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
