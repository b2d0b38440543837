"""Which objective the model `handwriting` should have at test, by validation characters.

    python -m benchmarks.handwriting_objective ../shared/data

The features of the package's weights, to which each of the objectives is added, on tasks of the five
alphabets of Omniglot's background set that chose its checkpoint, 5-way 1-shot: with 10 unlabelled drawings of
each character, with 3, with five of each of five foreign characters among them, and with classes of sizes 10
to 1. The test split is not read. --tasks of each, 300 by default, the same for all; 95% intervals over them,
and of the paired difference to no objective. The folder holds the data as METASSL_DATA_DIR does. Writes
results/pictures/handwriting_objective.json.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import metassl
from metassl.evaluation.intervals import over_episodes, paired
from metassl.files import write_json
from metassl.provenance import git_state
from metassl.trained.folder import read_model
from metassl.trained.likeness import unit

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
REGIMES: Mapping[str, Mapping[str, Any]] = {
    "10 unlabelled": {"unlabelled": 10},
    "3 unlabelled": {"unlabelled": 3},
    "5 foreign": {"unlabelled": 10, "distractors": 5, "distractor_unlabelled": 5},
    "10 to 1": {"unlabelled": 10, "imbalance": 10},
}
AT_A_TIME = 256  # pictures that are embedded


def features(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """[n, D] of the drawings of the validation alphabets and their turns, and the character of each."""
    place = {"paths.data_dir": str(folder), "dataset.source.split": "lake"}
    x, y = metassl.dataset("omniglot", "val", options=place)
    backbone = read_model(MODEL).learner().backbone
    pictures = torch.from_numpy(unit(x)).permute(0, 3, 1, 2)
    with torch.no_grad():
        found = torch.cat([backbone(part) for part in pictures.split(AT_A_TIME)])
    return found.numpy(), y


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
    z, y = features(given.folder)
    found = dict[str, dict[str, list[float]]]()
    for regime, make_up in REGIMES.items():
        episodes = metassl.episodes(z, y, split="val", **make_up)
        found[regime] = {}
        for name, (ssl, changes) in OBJECTIVES.items():
            at = {} if ssl == NONE else {"ssl.at": "test"}
            learner = metassl.learner(
                "protonet", ssl=ssl, backbone="raw", task=episodes.task, options={**at, **changes}
            )
            result = metassl.evaluate(learner, episodes, given.tasks)
            found[regime][name] = result.columns["accuracy"].round(4).tolist()
            own, without = (np.array(found[regime][each]) for each in (name, NONE))
            gain = "" if name == NONE else paired(own, without).percent(signed=True)
            print(f"{regime:<16}{name:<24}{over_episodes(own).percent():<14}{gain}", flush=True)
    given.to.parent.mkdir(parents=True, exist_ok=True)
    write_json(given.to, {"tasks": given.tasks, "commit": git_state()["revision"], "right": found})


if __name__ == "__main__":
    main()
