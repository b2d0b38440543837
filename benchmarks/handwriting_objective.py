"""Which objective the model `handwriting` should have at test, by validation characters.

    python -m benchmarks.handwriting_objective ../shared/data

The weights of the package with each of the objectives in place of its own, on tasks of the five alphabets of
Omniglot's background set that chose its checkpoint, 5-way 1-shot: with 10 unlabelled drawings of each
character, with 3, with five of each of five foreign characters among them, and with classes of sizes 10 to 1.
The test split is not read. --tasks of each, 300 by default, the same for all; 95% intervals over them, and of
the paired difference to no objective. The folder holds the data as METASSL_DATA_DIR does. Writes
results/pictures/handwriting_objective.json.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

import metassl
from metassl.evaluation.intervals import over_episodes, paired
from metassl.files import write_json
from metassl.learners.base import MetaLearner
from metassl.library.configs import composed
from metassl.provenance import git_state
from metassl.trained.folder import read_model
from metassl.trained.model import Model

MODEL = Path(metassl.__file__).parent / "models" / "handwriting"
NONE = "none"
OBJECTIVES: Mapping[str, tuple[str, Mapping[str, Any]]] = {  # name -> ssl=, and its changes
    NONE: ("none", {}),
    "label_propagation": ("label_propagation", {}),
    "soft_kmeans": ("soft_kmeans", {}),
    "soft_kmeans, 3 steps": ("soft_kmeans", {"ssl.objective.iterations": 3}),
    "sinkhorn": ("sinkhorn", {}),
    "ilpc": ("ilpc", {}),
    "paddle": ("paddle", {}),
    "random_walk": ("random_walk", {}),
}
TASKS = {"episode.way": 5, "episode.shot": 1, "episode.queries": 5}
REGIMES: Mapping[str, Mapping[str, Any]] = {
    "10 unlabelled": {"episode.unlabelled": 10},
    "3 unlabelled": {"episode.unlabelled": 3},
    "5 foreign": {"episode.unlabelled": 10, "episode.distractors": 5, "episode.distractor_unlabelled": 5},
    "10 to 1": {"episode.unlabelled": 10, "episode.imbalance": 10},
}


def having(model: Model, ssl: str, changes: Mapping[str, Any]) -> MetaLearner:
    """The learner of a model for 5 classes, with another objective at test."""
    at = {} if ssl == NONE else {"ssl.at": "test"}
    config = composed({"model": "protonet", "ssl": ssl}, {**at, **changes}, allowed=("ssl",))
    section = OmegaConf.to_container(config.ssl, resolve=True)
    return replace(model, sections={**model.sections, "ssl": section}).learner()


def main() -> None:
    """Prints the table and writes the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument(
        "--to", type=Path, default=Path("benchmarks/results/pictures/handwriting_objective.json")
    )
    given = parser.parse_args()
    place = {"paths.data_dir": str(given.folder), "dataset.source.split": "lake"}
    model, found = read_model(MODEL), dict[str, dict[str, list[float]]]()
    for regime, make_up in REGIMES.items():
        episodes = metassl.episodes_of("omniglot", "val", options={**place, **TASKS, **make_up})
        found[regime] = {}
        for name, (ssl, changes) in OBJECTIVES.items():
            result = metassl.evaluate(having(model, ssl, changes), episodes, given.tasks)
            found[regime][name] = result.columns["accuracy"].tolist()
            own, without = (np.array(found[regime][each]) for each in (name, NONE))
            gain = "" if name == NONE else paired(own, without).percent(signed=True)
            print(f"{regime:<16}{name:<24}{over_episodes(own).percent():<14}{gain}", flush=True)
    given.to.parent.mkdir(parents=True, exist_ok=True)
    write_json(given.to, {"tasks": given.tasks, "commit": git_state()["revision"], "right": found})


if __name__ == "__main__":
    main()
