"""The configs of `conf/` without a command line: options by their names, changed by keys or words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from metassl.docs.options import option_names
from metassl.errors import ConfigError, one_of
from metassl.schema.check import check_config
from metassl.shipped import conf_folder

Options = Mapping[str, Any] | Sequence[str]
"""{"ssl.refit_weight": 0.5}, or the words of a command line, ["ssl.refit_weight=0.5"]."""


def composed(choices: Mapping[str, str], *options: Options, allowed: Sequence[str]) -> DictConfig:
    """The config that the command line has for the same choices and changes.

    Args:
        choices: config group -> option.
        options: changes; later ones win.
        allowed: keys, or the beginnings of keys, that may be changed.

    Raises:
        ConfigError: an unknown option or key, with the nearest spelling, or a value that can't be.
    """
    conf = conf_folder()
    groups = {path.name for path in conf.iterdir() if path.is_dir()}
    chosen, changes = dict(choices), dict[str, Any]()
    pairs = [pair for each in options for pair in _pairs(each)]
    _refuse_others([key for key, _ in pairs], allowed)
    for key, value in pairs:
        (chosen if key.split("@")[0] in groups else changes)[key] = value
    for group, name in chosen.items():
        names = option_names(group.split("@")[0], conf)
        if name not in names:
            raise ConfigError(one_of(group, name, names))
    config = _compose(conf, [f"{group}={name}" for group, name in chosen.items()])
    for key, value in changes.items():
        _change(config, key, value)
    check_config(config)
    return config


def check_keys(allowed: Sequence[str], *options: Options) -> None:
    """Raises ConfigError for a change of what isn't allowed: keys, or the beginnings of keys."""
    _refuse_others([key for each in options for key, _ in _pairs(each)], allowed)


def _refuse_others(keys: Sequence[str], allowed: Sequence[str]) -> None:
    for key in keys:
        if not any(key == known or key.startswith((f"{known}.", f"{known}@")) for known in allowed):
            raise ConfigError(_unknown(key, allowed))


def _pairs(options: Options) -> Iterator[tuple[str, Any]]:
    """Key and value of each change."""
    if isinstance(options, Mapping):
        yield from options.items()
        return
    if isinstance(options, str):
        raise ConfigError(f"options: found the text '{options}', allowed is a list of such, ['{options}'].")
    try:
        overrides = OverridesParser.create().parse_overrides(list(options))
    except HydraException as error:
        raise ConfigError(f"options: {str(error).splitlines()[0]}") from None
    for override in overrides:
        if override.is_sweep_override() or override.is_add() or override.is_delete():
            raise ConfigError(f"options: found '{override.input_line}', allowed is one value, as key=value.")
        yield override.get_key_element(), override.value()


def _unknown(key: str, allowed: Sequence[str]) -> str:
    return one_of("options", key, [known if "." in known else f"{known}.…" for known in allowed])


def _compose(conf: Path, words: list[str]) -> DictConfig:
    try:
        with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
            return compose("config", overrides=words)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(" ".join(str(error).split("\n")[0].split())) from None


def _change(config: DictConfig, key: str, value: Any) -> None:
    """Changes a value that is there, as Hydra does with a word of the command line."""
    above, _, name = key.rpartition(".")
    parent = _node(config, above)
    known = [str(each) for each in parent] if isinstance(parent, DictConfig) else []
    if name not in known:
        raise ConfigError(one_of("options", key, [f"{above}.{each}" for each in known]))
    try:
        OmegaConf.update(config, key, value.item() if hasattr(value, "item") else value)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{key}: {str(error).splitlines()[0]}") from None


def _node(config: DictConfig, key: str) -> Any:
    """What stands at a dotted key; None where a part of it isn't there, or has yet to be given."""
    found: Any = None
    with suppress(OmegaConfBaseException):
        found = OmegaConf.select(config, key)
    return found
