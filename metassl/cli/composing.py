"""Composes the config of a command line; a slip ends in one clear line."""

import re
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from metassl.cli.choices import SEARCHPATH, Options
from metassl.cli.override_checks import check_choice, check_key, check_values, first_of
from metassl.errors import ConfigError


def compose_config(words: list[str], conf: Path, sweep: bool = False) -> DictConfig:
    """The config that these overrides give; of a swept one the first choice stands for all.

    Args:
        words: overrides; `hydra.searchpath=[file://...]` names further folders of config groups.
        conf: the folder of the config groups.
        sweep: whether an override may have several values.
    """
    overrides = parse_words(words)
    try:
        with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
            return _checked(overrides, conf, sweep)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_group_of_other_models(str(error), conf) or one_line(error)) from None


def _group_of_other_models(message: str, conf: Path) -> str | None:
    """Says which models, or data sets, have a group that was chosen from in vain; None where that is not what
    happened."""
    found = re.search(r"Could not override '(\w+)'", message)
    if found is None:
        return None
    group = found[1]
    for owner in ("model", "dataset"):
        texts = {
            path.stem: path.read_text(encoding="utf-8") for path in sorted((conf / owner).glob("*.yaml"))
        }
        having = [name for name, text in texts.items() if re.search(rf"- /{group}[@:]", text)]
        if having:
            allowed = " or ".join(having)
            return (
                f"{group}: found a choice of a part that this {owner} has none of. Allowed with {owner}="
                f"{allowed}."
            )
    return None


def _checked(overrides: list[Override], conf: Path, sweep: bool) -> DictConfig:
    """First the options of groups, then single keys, which depend on them."""
    search = [str(o.input_line) for o in overrides if o.key_or_group == SEARCHPATH]
    known = Options(conf, search)
    keys = {override.key_or_group for override in overrides}
    options = {key: [] if "." in key else known.of(key) for key in keys}
    chosen = [o for o in overrides if options[o.key_or_group] and not o.is_delete()]
    for override in chosen:
        check_choice(override, options[override.key_or_group])

    def plain(override: Override) -> str:
        one_of_many = sweep and override.is_sweep_override()
        return first_of(override, options[override.key_or_group]) if one_of_many else str(override.input_line)

    changes = [o for o in overrides if o not in chosen]
    for override in changes:
        check_values(override)
    whole = None if any(o.is_delete() for o in changes) else _found(list(map(plain, overrides)))
    if whole is not None:
        return whole
    base = _compose([*search, *map(plain, chosen)])
    groups = known.groups()
    for override in changes:
        check_key(override, base, groups)
    return _compose(list(map(plain, overrides)))


def _found(words: list[str]) -> DictConfig | None:
    """The config of these words; None where Hydra finds a mistake in them, of which it may say too little."""
    try:
        return _compose(words)
    except (HydraException, OmegaConfBaseException):
        return None


def parse_words(words: list[str]) -> list[Override]:
    """The overrides that these words are, by Hydra's grammar."""
    try:
        return OverridesParser.create().parse_overrides(words)
    except HydraException as error:
        raise ConfigError(f"command line: {one_line(error)}") from None


def one_line(error: HydraException | OmegaConfBaseException) -> str:
    """What Hydra says, and what omegaconf said to it, on one line."""
    cause = str(error.__cause__).split("\n")[0] if isinstance(error.__cause__, OmegaConfBaseException) else ""
    return " ".join(f"{error} {cause}".split())


def _compose(words: list[str]) -> DictConfig:
    return compose("config", overrides=words, return_hydra_config=True)
