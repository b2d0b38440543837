"""Folders of finished jobs, as a sweep leaves them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

EPISODES = 200
RESULTS = {"split": "test", "episodes": EPISODES, "way": 5, "shot": 1, "queries": 5, "unlabelled": 5}
RESULTS |= {"distractors": 0, "at": "inner", "norm": "batch", "transductive": True, "steps": 400}
RESULTS |= {"commit": "0123456789abcdef"}


def write_job(
    folder: Path,
    model: str,
    ssl: str,
    seed: int,
    level: float = 0.6,
    gain: float | None = None,
    extra: Iterable[str] = (),
    **results: Any,
) -> Path:
    """A finished job whose accuracy is about `level`; the episodes' difficulty is shared by all jobs."""
    folder.mkdir(parents=True)
    about = {
        "choices": {
            "model": model,
            "ssl": ssl,
            "dataset": "glyphs",
            "backbone": "conv4",
            "optimizer": "adam",
        },
        "seed": seed,
        "overrides": [f"model={model}", f"ssl={ssl}", f"seed={seed}", *extra],
        "git": {"revision": "0123456789abcdef", "dirty": False},
    }
    (folder / "run.json").write_text(json.dumps(about))
    (folder / "status.json").write_text(json.dumps({"status": "done", "error": None}))
    shared = np.random.default_rng(7).normal(0, 0.1, EPISODES)
    own = np.random.default_rng([seed, len(model), len(ssl)]).normal(level + 0.01 * seed, 0.02, EPISODES)
    accuracy = shared + own
    table = pa.table({"episode": np.arange(EPISODES), "accuracy": accuracy})
    parquet.write_table(table, folder / "episodes.parquet")
    rows = [f"{step},{0.9 - step / 1000},," for step in range(0, 400, 50)]
    rows += [
        f"{step},,{level * (1 - np.exp(-(step + 50) / 150)) + 0.01 * seed},0.01"
        for step in range(0, 400, 100)
    ]
    (folder / "metrics.csv").write_text(
        "\n".join(["step,train/loss,val/accuracy,val/accuracy_ci95", *rows]) + "\n"
    )
    mean = float(accuracy.mean())
    report = {
        **RESULTS,
        "wall_seconds": 90.0 + seed,
        "accuracy": {"mean": mean, "ci95": 0.014},
        "without_unlabelled": None if gain is None else {"mean": mean - gain, "ci95": 0.015},
        "gain": None if gain is None else {"mean": gain, "ci95": 0.004},
        **results,
    }
    (folder / "results.json").write_text(json.dumps(report))
    return folder
