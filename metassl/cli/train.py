"""Meta-train and meta-test: metassl train model=maml ssl=consistency dataset=glyphs."""

import os
import sys

import hydra
from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from omegaconf import DictConfig

from metassl.cli.arguments import prepare
from metassl.cli.composing import one_line
from metassl.cli.flags import read_flags
from metassl.cli.job import run_job
from metassl.cli.own_configs import own_targets, search_word
from metassl.errors import ConfigError
from metassl.shipped import conf_folder

FULL = "HYDRA_FULL_ERROR"


def train(arguments: list[str]) -> None:
    """Checks the command line and gives it to Hydra, which composes the config and runs a job or a sweep.

    Raises UserError for a mistake, also for one that only Hydra, its sweeper or its launcher can find.
    """
    program = sys.argv[: len(sys.argv) - len(arguments)]
    prepared = prepare(arguments, conf_folder())
    flags, words = read_flags(prepared, get_args_parser())
    vouched = own_targets(search_word(flags.config_dir, words))

    def job(config: DictConfig) -> float | None:
        sys.argv = [*program, *prepared]  # for Lightning, which starts the processes of `trainer=ddp` by it
        return run_job(config, vouched)

    sys.argv = [program[0], *prepared]  # Hydra has no place for the name of a command
    asked = os.environ.get(FULL) == "1"
    os.environ[FULL] = "1"  # so that Hydra hands its errors on, and they end in one line
    try:
        hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(job)()
    except HydraException as error:
        if asked:
            raise
        raise ConfigError(one_line(error)) from None
