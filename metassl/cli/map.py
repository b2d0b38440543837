"""Fill the map of pairs: every meta-learner with every SSL objective, the same small budget for each.

    metassl map out=outputs/map                                       # the whole map
    metassl map out=outputs/map models=[maml,protonet] ssl=[none,vat] seeds=[0,1] jobs=2
    metassl map out=outputs/map episode.distractors=3                 # any option of metassl train
    metassl map out=outputs/map --config-dir my_conf ssl=[none,mine]  # an objective of your own
    metassl map out=outputs/map jobs=16 launcher=ray                  # or slurm; local: on this machine

Cells that are done are not run again, and a killed sweep goes on where it was: type the same command.
Writes map.md, map.html and map.png into `out`: accuracies, and gains over the twin (ssl=none) on the same
episodes, for balanced and for unbalanced U.
Exit code 1 where a cell failed, 2 for a user's mistake, 130 when stopped by hand.
"""

from dataclasses import dataclass
from pathlib import Path

from metassl.cli.checking import check_words
from metassl.cli.choices import chosen, count, options_of, several
from metassl.cli.composing import compose_config
from metassl.cli.devices import check_one_device
from metassl.cli.folders import given_folder, made_folder
from metassl.cli.launching import read_launcher
from metassl.cli.own_words import separate
from metassl.errors import ConfigError
from metassl.experiments.failures import tell_failed
from metassl.experiments.launchers.base import Launcher
from metassl.experiments.parallel import run_in_parallel
from metassl.experiments.planned_runs import every_pair
from metassl.reports.sweeps.pair_map import write_pair_map
from metassl.shipped import conf_folder

OWN = ("out", "models", "ssl", "seeds", "jobs")
REFUSED = {key: f"the map has {key}s=[...] instead." for key in ("model", "seed")}


@dataclass(frozen=True)
class MapOptions:
    """What the words of the command line say.

    Attributes:
        out: folder of the sweep.
        models, objectives: rows and columns.
        seeds: of each pair.
        jobs: runs side by side.
        launcher: where they are done.
        common: words for every run.
    """

    out: Path
    models: list[str]
    objectives: list[str]
    seeds: list[int]
    jobs: int
    launcher: Launcher
    common: list[str]


def fill_map(arguments: list[str]) -> int:
    """Does the runs that are left and writes the map; the exit code, 1 where a run failed."""
    options = read_options(arguments)
    runs = every_pair(options.models, options.objectives, options.seeds, options.common)
    made_folder("out", options.out)
    failed = run_in_parallel(runs, options.out, conf_folder(), options.jobs, options.launcher)
    print("\n".join(map(str, write_pair_map(options.out))))
    tell_failed(failed, options.out)
    return 1 if failed else 0


def read_options(arguments: list[str]) -> MapOptions:
    """The options; everything that is not the map's own must be an option of `metassl train`."""
    conf = conf_folder()
    own, others = separate(arguments, OWN, REFUSED)
    launcher, others = read_launcher(others)
    common = ["experiment=map", *others]
    if "out" not in own:
        raise ConfigError("out: has no default, give it as out=outputs/map")
    out = given_folder("out", own["out"])
    models = chosen("models", own.get("models"), options_of("model", conf, others))
    objectives = chosen("ssl", own.get("ssl"), options_of("ssl", conf, others))
    seeds = [count("seeds", seed, 0) for seed in several("seeds", own.get("seeds", [0, 1, 2]))]
    words = [f"model={models[0]}", f"ssl={objectives[0]}", *common]
    config = compose_config(words, conf)
    check_words(config, words)
    check_one_device(config)
    jobs = count("jobs", own.get("jobs", 2), 1)
    return MapOptions(out, models, objectives, seeds, jobs, launcher, common)
