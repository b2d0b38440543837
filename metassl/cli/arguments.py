"""Checks a command line before anything runs, so that a slip ends in one clear line."""

from pathlib import Path
from typing import Any, cast

from hydra._internal.utils import get_args_parser
from omegaconf import DictConfig, OmegaConf

from metassl.cli.checking import check_words
from metassl.cli.composing import compose_config
from metassl.cli.devices import check_one_device
from metassl.cli.earlier_runs import refuse_other_run, refuse_other_sweep
from metassl.cli.flags import read_flags
from metassl.cli.folders import writable
from metassl.cli.own_configs import own_targets, search_word
from metassl.cli.resume import flatten, resume_words
from metassl.errors import ConfigError
from metassl.runs.definition import refuse_foreign_experiment

# Flags that run nothing, or no config of this package
HYDRAS_OWN = (
    "help", "hydra_help", "cfg", "info", "shell_completion",
    "config_path", "config_name", "experimental_rerun",
)  # fmt: skip


def prepare(arguments: list[str], conf: Path) -> list[str]:
    """The arguments for Hydra: flags first, as it wants them.

    Raises ConfigError for what can't be composed, and for values that can't be (metassl.schema), before any
    folder is made.

    Args:
        arguments: the command line without the program's name.
        conf: the folder of the config groups.
    """
    flags, words = read_flags(arguments, get_args_parser())
    if sum(map(bool, (flags.run, flags.multirun, flags.cfg, flags.info, flags.shell_completion))) > 1:
        raise ConfigError("command line: --run, --multirun, --cfg, --info and -sc don't go together.")
    typed = [a for a in arguments if a not in words]
    if any(getattr(flags, name) for name in HYDRAS_OWN):
        return [*typed, *words]
    sweep = flags.multirun or "hydra.mode=MULTIRUN" in words
    _refuse_launcher(words)
    search = search_word(flags.config_dir, words)
    resumed = any(word.startswith("resume=") for word in words)
    if resumed:
        words = resume_words(words, search, sweep, lambda changed: compose_config([*search, *changed], conf))
    config = compose_config([*search, *words], conf, sweep)
    _check_given(config)
    if sweep:
        check_one_device(config)
    if resumed:  # its words come from the run's folder, and the classes that they name are now imported
        refuse_foreign_experiment(config, own_targets(search))
    check_words(config, words, sweep)
    _check_folder(config, sweep)
    if sweep:
        refuse_other_sweep(Path(config.hydra.sweep.dir), words)
    elif config.resume is None:
        refuse_other_run(Path(config.hydra.run.dir))
    return [*typed, *words]


def _refuse_launcher(words: list[str]) -> None:
    """Raises ConfigError for a word of other commands that is known and has no meaning here."""
    for word in words:
        if word.startswith(("launcher=", "launcher.")):
            raise ConfigError(
                f"{word}: is a word of metassl map, benchmark and search. Allowed for a sweep of train: "
                "hydra/launcher=..."
            )


def _own(config: DictConfig) -> dict[str, Any]:
    """The config without Hydra's part, as it is written."""
    plain = cast(dict[str, Any], OmegaConf.to_container(config, resolve=False))
    return {key: value for key, value in plain.items() if key != "hydra"}


def _check_given(config: DictConfig) -> None:
    """Every value without a default must be on the command line."""
    missing = [key for key, value in flatten(_own(config)) if value == "???"]
    if missing:
        raise ConfigError(f"{missing[0]}: has no default, give it as {missing[0]}=...")


def _check_folder(config: DictConfig, sweep: bool) -> None:
    """The output folder must be writable before anything is computed."""
    folder = Path(config.hydra.sweep.dir if sweep else config.hydra.run.dir)
    writable(f"output folder {folder}", folder)
