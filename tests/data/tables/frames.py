"""A small table with columns of every kind, and ways to write and prepare it."""

from pathlib import Path

import numpy as np
import pandas as pd

from metassl.data import store
from metassl.data.tables.sampler import TableSampler
from metassl.data.tables.spec import table_spec
from metassl.data.tables.table import Table
from metassl.data.tables.tasks import TableTasks

SPEC = {"classes": 5, "shot": 2, "queries": 8, "unlabelled": 12, "transductive": False}
ROWS = 120


def frame(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Three classes; numbers, words, dates, gaps, and columns that say nothing."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 3
    height = y + 0.3 * rng.normal(size=rows)
    height[::17] = np.nan
    colour = np.array(["red", "green", "blue", "grey"], object)[(y + (rng.random(rows) < 0.2)) % 4]
    colour[::13] = None
    return pd.DataFrame({
        "id": np.arange(rows) + 1000,
        "height": height,
        "colour": colour,
        "seen": pd.date_range("2020-01-01", periods=rows).strftime("%Y-%m-%d"),
        "width": rng.normal(size=rows).round(3),
        "same": "x",
        "none": np.nan,
        "note": [f"row {k} has a word or two more" for k in range(rows)],
        "class": np.array(["ant", "bee", "cow"])[y],
    })  # fmt: skip


def written(table: pd.DataFrame, path: Path) -> Path:
    """As a file of the kind that its name says."""
    kind = path.suffix
    if kind == ".csv":
        table.to_csv(path, index=False)
    elif kind == ".tsv":
        table.to_csv(path, index=False, sep="\t")
    elif kind == ".parquet":
        table.to_parquet(path)
    elif kind == ".xlsx":
        table.to_excel(path, index=False)
    else:
        path.write_text(arff(table))
    return path


def arff(table: pd.DataFrame) -> str:
    """Words of few kinds as declared categories, others as strings."""
    lines = ["% made", "@relation made"]
    for name, values in table.items():
        words = sorted(set(values.dropna().astype(str)))
        numeric = pd.api.types.is_numeric_dtype(values)
        kind = "numeric" if numeric else "{" + ",".join(words) + "}" if len(words) < 9 else "string"
        lines.append(f"@attribute {name} {kind}")
    lines.append("@data")
    for row in table.itertuples(index=False):
        lines.append(",".join("?" if pd.isna(v) else f"'{v}'" if " " in str(v) else str(v) for v in row))
    return "\n".join(lines) + "\n"


def tasks(path: Path, cache: Path, **options: object) -> TableTasks:
    """The tasks of a file."""
    made = Table(path, **options).prepared(lambda source: store.load(source, cache, progress=False))
    assert isinstance(made, TableTasks)
    return made


def sampler(made: TableTasks, split: str = "train", outer: bool = False, **spec: object) -> TableSampler:
    """Of its tasks."""
    found = made.sampler(table_spec({**SPEC, **spec}), 0, split, outer)
    assert isinstance(found, TableSampler)
    return found
