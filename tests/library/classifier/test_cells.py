"""What a cell that is missing, or that holds a word, says to the model that reads any table."""

import numpy as np
import pandas as pd
import pytest

import metassl


def accuracy(kind: str, seed: int) -> float:
    """Of rows without a label, four labels a class; only cells of one kind tell the two classes apart."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 120)
    frame = pd.DataFrame(rng.normal(size=(120, 4)), columns=list("abcd"))
    if kind == "missing":
        frame.loc[y == 1, "c"] = np.nan
    if kind == "words":
        frame["e"] = np.where(y == 1, rng.choice(["red", "blue"], 120), rng.choice(["green", "grey"], 120))
    labelled = np.concatenate([np.flatnonzero(y == c)[:4] for c in (0, 1)])
    given = np.full(120, None, object)
    given[labelled] = np.array(["no", "yes"])[y[labelled]]
    found = metassl.MetaClassifier().fit(frame, given).predict(frame)
    free = np.delete(np.arange(120), labelled)
    return float((found[free] == np.array(["no", "yes"])[y[free]]).mean())


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("missing", 0.8, 1), ("words", 0.75, 1), ("neither", 0.3, 0.65)]
)
def test_cells_tell_classes_apart(kind: str, low: float, high: float) -> None:
    assert low < np.mean([accuracy(kind, seed) for seed in range(3)]) <= high
