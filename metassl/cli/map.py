"""The command line of scripts/map.py: fills the map of pairs."""

from dataclasses import dataclass
from pathlib import Path

from metassl.cli.arguments import compose_config
from metassl.cli.choices import chosen, count, listed, options_of
from metassl.cli.own_words import separate
from metassl.errors import ConfigError
from metassl.experiments.parallel import run_in_parallel
from metassl.experiments.planned_runs import every_pair
from metassl.reports.sweeps.pair_map import write_pair_map
from metassl.runs.status import read_status

OWN = ("out", "models", "ssl", "seeds", "jobs")
REFUSED = {key: f"the map has {key}s=[...] instead." for key in ("model", "seed")}


@dataclass(frozen=True)
class MapOptions:
    """What the words of the command line say.

    Attributes:
        out: folder of the sweep.
        models, objectives: rows and columns.
        seeds: of each pair.
        jobs: processes side by side.
        common: words for every run.
    """

    out: Path
    models: list[str]
    objectives: list[str]
    seeds: list[int]
    jobs: int
    common: list[str]


def fill_map(arguments: list[str], conf: Path) -> int:
    """Does the runs that are left and writes the map; the exit code, 1 where a run failed.

    Args:
        arguments: of the command line.
        conf: the folder of the config groups.
    """
    options = read_options(arguments, conf)
    runs = every_pair(options.models, options.objectives, options.seeds, options.common)
    options.out.mkdir(parents=True, exist_ok=True)
    failed = run_in_parallel(runs, options.out, conf, options.jobs)
    print("\n".join(map(str, write_pair_map(options.out))))
    for run in failed:
        _, error = read_status(options.out / run.name)
        print(f"failed: {run.name}: {error}")
    return 1 if failed else 0


def read_options(arguments: list[str], conf: Path) -> MapOptions:
    """The options; everything that is not the map's own must be an option of train.py."""
    own, others = separate(arguments, OWN, REFUSED)
    common = ["experiment=map", *others]
    if "out" not in own:
        raise ConfigError("out: has no default, give it as out=outputs/map")
    models = chosen("models", own.get("models"), options_of("model", conf))
    objectives = chosen("ssl", own.get("ssl"), options_of("ssl", conf))
    seeds = [count("seeds", seed, 0) for seed in listed(own.get("seeds", [0, 1]))]
    compose_config([f"model={models[0]}", f"ssl={objectives[0]}", *common], conf)
    return MapOptions(
        Path(own["out"]), models, objectives, seeds, count("jobs", own.get("jobs", 2), 1), common
    )
