"""Runs on ratings beside the field's plain methods, on the same episodes of users that neither has met.

    python -m benchmarks.recommendation [NAME=]RUN... [--split val] [--shots 5 10 20] [--cells] [--to FILE]

RUN are folders of `metassl train dataset=movielens …` or of the suite movielens. Those of one name that
differ in dataset.source.fold are of different test users, who are pooled, and those of one fold are
averaged. The strengths of plain methods are chosen on the validation users of each fold and cell. Prints
for each K, and with --cells for all four cells at K = 10, MAE and nDCG@5 as means over the users with 95%
intervals, and how far each run is ahead of each plain method, paired over the users. FILE gets the
numbers of every user.
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.rating_baselines import STRENGTHS, Fitted
from benchmarks.rating_episodes import Cell, Measured, Run, measured_plain, plain_tasks
from metassl.evaluation.intervals import over_episodes
from metassl.files import write_json

CELLS = [Cell(10, "new", "new"), Cell(10, "known", "known"), Cell(10, "known", "new")]
CHOSEN_BY = {"ease": "ndcg_5"}  # the others by their error
SCORES = {"mae": -1, "ndcg_5": 1}  # which direction is better
Found = dict[str, dict[str, list[float]]]
"""Method -> score -> a number for each user of all folds."""


def main(folders: Sequence[str], split: str, shots: Sequence[int], cells: bool, to: Path | None) -> None:
    """Prints a block for each K and cell."""
    torch.set_num_threads(1)
    runs = [_run(folder) for folder in folders]
    by_fold: dict[int, list[Run]] = defaultdict(list)
    for run in runs:
        by_fold[run.fold].append(run)
    methods = {fold: Fitted(own[0].source) for fold, own in by_fold.items()}
    kept: dict[str, Any] = {"runs": len(runs), "folds": sorted(by_fold), "split": split, "cells": {}}
    for cell in [Cell(k) for k in shots] + (CELLS if cells else []):
        found: Found = defaultdict(lambda: defaultdict(list))
        chosen = {}
        for fold, own in sorted(by_fold.items()):
            plain, chosen[fold] = plain_methods(own[0], methods[fold], cell, split)
            for name, measured in {**plain, **learned(own, cell, split)}.items():
                for score, values in measured.items():
                    found[name][score] += np.round(values, 5).tolist()
        print(block(cell, found, {run.name for run in runs}), flush=True)
        kept["cells"][cell.name] = {"found": found, "strengths": chosen}
        if to is not None:
            write_json(to, kept)


def _run(word: str) -> Run:
    """The run of NAME=FOLDER, or of a folder, whose own name may have such a sign."""
    name, _, folder = ("", "", word) if Path(word).is_dir() else word.partition("=")
    return Run(Path(folder), name)


def learned(runs: Sequence[Run], cell: Cell, split: str) -> dict[str, Measured]:
    """Of the runs of one fold, the mean over seeds."""
    each: dict[str, list[Measured]] = defaultdict(list)
    for run in runs:
        each[run.name].append(run.measured(cell, split))
    return {
        name: {score: np.mean([m[score] for m in own], axis=0) for score in own[0]}
        for name, own in each.items()
    }


def plain_methods(
    run: Run, methods: Fitted, cell: Cell, split: str
) -> tuple[dict[str, Measured], Mapping[str, Any]]:
    """Of the plain methods, and the strengths that were chosen on validation users."""
    choice, test = (plain_tasks(run.config, run.source, cell, each) for each in ("val", split))
    found = {
        "global mean": measured_plain(methods.global_mean(), test),
        "item mean": measured_plain(methods.item_mean(), test),
    }
    strengths = {}
    for name, options in STRENGTHS.items():
        by = CHOSEN_BY.get(name, "mae")
        tried = [measured_plain(getattr(methods, name)(**each), choice)[by].mean() for each in options]
        best = int(np.argmax(tried) if by.startswith("ndcg") else np.argmin(tried))
        strengths[name] = dict(options[best])
        found[name.replace("_", " ")] = measured_plain(getattr(methods, name)(**options[best]), test)
    return found, strengths


def block(cell: Cell, found: Mapping[str, Mapping[str, list[float]]], names: set[str]) -> str:
    """The lines of one cell."""
    plain = [name for name in found if name not in names]
    count = len(next(iter(found.values()))["mae"])
    lines = [f"{cell.name}, {count} users:"]
    for name, own in found.items():
        mae, ndcg = over_episodes(own["mae"]), over_episodes(own["ndcg_5"])
        lines.append(f"  {name}: MAE {mae.plain()}, nDCG@5 {ndcg.percent()}")
        if name in names:
            for score, sign in SCORES.items():
                ahead = {p: over_episodes(sign * (np.array(own[score]) - found[p][score])) for p in plain}
                shown = [f"{p} {a.plain(4, True)}{'*' if a.excludes_zero else ''}" for p, a in ahead.items()]
                lines.append(f"    ahead by {score}: {', '.join(shown)}")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", metavar="[NAME=]RUN", nargs="+")
    parser.add_argument("--split", default="test", choices=("val", "test"))
    parser.add_argument("--shots", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--cells", action="store_true")
    parser.add_argument("--to", type=Path)
    given = parser.parse_args()
    main(given.runs, given.split, given.shots, given.cells, given.to)
