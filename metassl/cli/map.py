"""The command line of scripts/map.py."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metassl.cli.arguments import compose_config, parse_words
from metassl.cli.choices import chosen, count, listed, options_of
from metassl.errors import ConfigError
from metassl.experiments.cells import grid
from metassl.experiments.run import run_cells
from metassl.reports.map import write_map

OWN = ("out", "models", "ssl", "seeds", "jobs")


@dataclass(frozen=True)
class MapOptions:
    """What the words of the command line say.

    Attributes:
        out: folder of the sweep.
        models, objectives: rows and columns.
        seeds: of each cell.
        jobs: processes side by side.
        common: words for every cell.
    """

    out: Path
    models: list[str]
    objectives: list[str]
    seeds: list[int]
    jobs: int
    common: list[str]


def fill_map(arguments: list[str], conf: Path) -> int:
    """Runs the cells that are left and writes the map; the exit code, 1 where a cell failed."""
    options = read_options(arguments, conf)
    cells = grid(options.models, options.objectives, options.seeds, options.common)
    options.out.mkdir(parents=True, exist_ok=True)
    failed = run_cells(cells, options.out, conf, options.jobs)
    print("\n".join(map(str, write_map(options.out))))
    for cell in failed:
        status = json.loads((options.out / cell.name / "status.json").read_text(encoding="utf-8"))
        print(f"failed: {cell.name}: {status['error']}")
    return 1 if failed else 0


def read_options(arguments: list[str], conf: Path) -> MapOptions:
    """The options; everything that is not the map's own must be an option of train.py."""
    own: dict[str, Any] = {}
    common = ["experiment=map"]
    for override in parse_words(arguments):
        key = override.key_or_group
        if key in OWN:
            own[key] = override.value()
        elif key in ("model", "seed"):
            raise ConfigError(f"{key}: the map has {key}s=[...] instead.")
        else:
            common.append(str(override.input_line))
    if "out" not in own:
        raise ConfigError("out: has no default, give it as out=outputs/map")
    models = chosen("models", own.get("models"), options_of("model", conf))
    objectives = chosen("ssl", own.get("ssl"), options_of("ssl", conf))
    seeds = [count("seeds", seed, 0) for seed in listed(own.get("seeds", [0, 1]))]
    compose_config([f"model={models[0]}", f"ssl={objectives[0]}", *common], conf)
    return MapOptions(
        Path(own["out"]), models, objectives, seeds, count("jobs", own.get("jobs", 2), 1), common
    )
