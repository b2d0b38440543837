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
        "validation": {"mean": level + 0.01 * seed, "ci95": 0.02, "step": 400},
        "twin": None if gain is None else {"mean": mean - gain, "ci95": 0.015},
        "gain": None if gain is None else {"mean": gain, "ci95": 0.004},
        **results,
    }
    (folder / "results.json").write_text(json.dumps(report))
    return folder


CURVES = {"split": "test", "outcome": "regression", "score": "mse", "episodes": EPISODES, "shot": 10}
CURVES |= {
    "queries": 20,
    "unlabelled": 20,
    "at": "inner",
    "norm": "none",
    "transductive": False,
    "steps": 400,
}
CURVES |= {"make_up": "10 labelled and 20 unlabelled points, 20 queries", "commit": "0123456789abcdef"}


def write_curve_job(
    folder: Path, model: str, ssl: str, seed: int, error: float, gain: float | None = None
) -> Path:
    """A finished job whose tasks ask for values; its mean squared error is about `error`."""
    write_job(folder, model, ssl, seed)
    about = json.loads((folder / "run.json").read_text())
    about["choices"] |= {"dataset": "curves", "backbone": "mlp_40", "outcome": "regression"}
    (folder / "run.json").write_text(json.dumps(about))
    shared = np.random.default_rng(7).exponential(0.1, EPISODES)
    mse = shared + np.random.default_rng([seed, len(model), len(ssl)]).normal(error, 0.02, EPISODES)
    parquet.write_table(
        pa.table({"episode": np.arange(EPISODES), "mse": mse, "mae": mse**0.5}), folder / "episodes.parquet"
    )
    rows = [f"{step},{error + 1 / (step + 1)}" for step in range(0, 400, 100)]
    (folder / "metrics.csv").write_text("\n".join(["step,val/mse", *rows]) + "\n")
    scores = {"mse": mse.mean(), "mae": (mse**0.5).mean(), "r2": 1 - mse.mean() / 4}
    report = {
        **CURVES,
        "wall_seconds": 9.0,
        **{name: {"mean": float(mean), "ci95": 0.04} for name, mean in scores.items()},
        "validation": {"mean": error, "ci95": 0.02, "step": 400},
        "twin": None if gain is None else {"mean": float(mse.mean()) + gain, "ci95": 0.05},
        "gain": None if gain is None else {"mean": gain, "ci95": 0.004},
    }
    (folder / "results.json").write_text(json.dumps(report))
    return folder


def write_sweep(folder: Path) -> Path:
    """Jobs 0 to 10: two models, two objectives, two seeds; one failed, one unfinished, one not started."""
    number = 0
    for model, level in (("maml", 0.6), ("protonet", 0.7)):
        for ssl, gain in (("none", None), ("consistency", 0.03)):
            for seed in (0, 1):
                write_job(folder / str(number), model, ssl, seed, level + (gain or 0), gain)
                number += 1
    (folder / "1" / "metrics.csv").unlink()
    failed = write_job(folder / "8", "anil", "none", 0)
    (failed / "status.json").write_text(json.dumps({"status": "failed", "error": "loss is nan | at step 3"}))
    (failed / "results.json").unlink()
    (write_job(folder / "9", "maml", "none", 2) / "results.json").unlink()
    (folder / "10").mkdir()
    (folder / "multirun.yaml").write_text("ignored: true\n")
    return folder
