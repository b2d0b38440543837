"""Numbers of a synthetic table, as metassl.data.tables.encoding makes them of a file's, but sooner.

Legend: n rows, d columns, m categories.
"""

import numpy as np
from numpy.typing import NDArray

from metassl.data.prior.columns import Raw
from metassl.data.tables.encoding import FAR


def encoded(raw: Raw, seen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """[n, w] numbers of the columns, in their order, by the features of rows that are seen [n] alone.

    A numeric column: its value, the median where it is missing, at mean 0 and deviation 1; then 1 where it is
    missing, if any value is. A column of categories: a column for each that is seen, the last for missing.
    """
    missing = np.isnan(raw.x)
    parts, places = [], []
    numeric = np.flatnonzero(raw.categories == 0)
    if len(numeric):
        parts.append(_scaled(raw.x[:, numeric], missing[:, numeric], seen))
        places.append(numeric)
        gone = numeric[missing[np.ix_(seen, numeric)].any(0)]
        parts.append(missing[:, gone])
        places.append(gone)
    categorical = np.flatnonzero(raw.categories)
    if len(categorical):
        most = int(raw.categories.max()) + 1  # the last for missing
        codes = np.where(missing, most - 1, raw.x)[:, categorical].astype(np.int64)
        hot = codes[:, :, None] == np.arange(most)
        there = hot[seen].any(0)
        parts.append(hot[:, there])
        places.append(np.broadcast_to(categorical[:, None], there.shape)[there])
    order = np.argsort(np.concatenate(places), kind="stable")
    return np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")[:, order]


def _scaled(
    x: NDArray[np.float64], missing: NDArray[np.bool_], seen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    if missing.any():
        known = np.where(missing[seen].all(0), 0.0, x[seen])
        x = np.where(missing, np.nanmedian(known, axis=0), x)
    deviation = x[seen].std(0)
    return ((x - x[seen].mean(0)) / np.where(deviation > 1e-9, deviation, 1)).clip(-FAR, FAR)
