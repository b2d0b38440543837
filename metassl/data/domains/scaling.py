"""How features of different domains are brought to one scale, without a label.

Legend: n rows, d features.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from metassl.errors import ConfigError

Scale = Literal["none", "row_sum"]
Standardise = Literal["none", "domain"]


def scaled(x: np.ndarray, scale: Scale, standardise: Standardise) -> np.ndarray:
    """The rows [n, d] of one domain, each divided by its sum, then each feature brought to z-scores.

    "row_sum" makes shares of the counts of a histogram; a row of zeros stays. "domain" is
    (x - mean) / deviation over the n rows, with n - 1 in the deviation; a feature that is the same in all
    rows becomes 0. The target's own rows give the target's mean and deviation, but none of its labels.
    """
    x = x.astype(np.float64)
    if scale == "row_sum":
        total = x.sum(axis=1, keepdims=True)
        x = np.divide(x, total, out=np.zeros_like(x), where=total != 0)
    if standardise == "domain":
        spread = x.std(axis=0, ddof=1) if len(x) > 1 else np.zeros(x.shape[1])
        x = np.divide(x - x.mean(axis=0), spread, out=np.zeros_like(x), where=spread > 0)
    return x.astype(np.float32)


def reduced(rows: Mapping[str, np.ndarray], components: int | None) -> dict[str, np.ndarray]:
    """Domain -> rows [n, d] -> [n, components], by the principal components of the rows of all domains.

    No label is looked at, but the rows of every domain are, held out or not. None: the rows as they are.
    Raises ConfigError for more components than there are.
    """
    if components is None:
        return dict(rows)
    every = np.concatenate(list(rows.values())).astype(np.float64)
    most = min(every.shape)
    if components > most:
        raise ConfigError(
            f"dataset.source.files.components: found {components}, {len(every)} rows of {every.shape[1]} "
            f"features have {most}."
        )
    mean = every.mean(axis=0)
    _, axes = np.linalg.eigh((every - mean).T @ (every - mean))
    first = axes[:, ::-1][:, :components]
    return {domain: ((x - mean) @ first).astype(np.float32) for domain, x in rows.items()}
