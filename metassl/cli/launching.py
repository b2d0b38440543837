"""Which launcher the words of a command line name, with its settings."""

from metassl.cli.choices import SEARCHPATH
from metassl.cli.composing import compose_config, parse_words
from metassl.experiments.launchers.base import Launcher
from metassl.instantiate import instantiate
from metassl.schema.check import check_parts
from metassl.shipped import conf_folder

GROUP = "launcher"


def read_launcher(words: list[str]) -> tuple[Launcher, list[str]]:
    """The launcher that `launcher=X` and `launcher.key=value` name, and the words that say nothing of it.

    Without a word it is `launcher=local`. Its options are the files of `conf/launcher`, and those of a folder
    that `hydra.searchpath` names. Raises ConfigError for a launcher or a setting that there is not.

    Args:
        words: of the command line; `hydra.searchpath=[...]` may be among them.
    """
    own = [word for word, key in _keys(words) if key == GROUP or key.startswith(f"{GROUP}.")]
    others = [word for word in words if word not in own]
    search = [word for word in others if word.startswith(f"{SEARCHPATH}=")]
    chosen = [word for word in own if word.startswith(f"{GROUP}=")] or [f"{GROUP}=local"]
    settings = [word for word in own if word not in chosen]
    # it is no part of a run's config, and so has to be added
    config = compose_config([*search, *(f"+{word}" for word in chosen), *settings], conf_folder())
    check_parts(config[GROUP], GROUP)
    return instantiate(config[GROUP]), others


def _keys(words: list[str]) -> list[tuple[str, str]]:
    return [(str(word.input_line), word.key_or_group) for word in parse_words(words)]
