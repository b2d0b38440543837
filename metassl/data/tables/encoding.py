"""From columns of any kind to numbers, by transformers that see no label.

Legend: n rows, d numbers of a row.
"""

import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    QuantileTransformer,
    StandardScaler,
)

from metassl.data.tables.columns import READ, Column
from metassl.data.tables.target import as_words
from metassl.errors import DataError

Scale = Literal["standard", "quantile", "minmax"]
QUANTILES = 100
FAR = 10.0  # deviations; what is farther is as far


class Encoder:
    """Makes numbers of rows: what it has seen in `fit` says how.

    Numeric columns: the median for what is missing, a column of 0 and 1 that says where, and a scale. Dates:
    days, month and weekday, as numbers. Categories: a column for each, one for what is missing and, beyond
    the most frequent ones, one for all others.

    No label is read. What may be seen is the features of rows that tasks have as support or unlabelled, in
    any number: that is what unlabelled rows are for. Those of query rows never are, since a query is to be
    answered as if it had come alone.

    Args:
        columns: of the frame; those that are no features are left out.
        scale: of numbers: to mean 0 and deviation 1, cut at 10 (standard), to the quantiles of a normal
            distribution (quantile), or to 0..1 (minmax, as STUNT has it).
        categories: of a column, at most; the others are one.
    """

    def __init__(self, columns: Sequence[Column], scale: Scale, categories: int) -> None:
        self.columns = [column for column in columns if column.kind in READ]
        self.scale, self.categories = scale, categories
        self.parts: list[Any] = []
        self.groups: list[list[int]] = []

    def fit(self, frame: pd.DataFrame) -> "Encoder":
        """Learns medians, scales and categories of these rows.

        Afterwards `groups` has, for each column, the places of its numbers among the d.
        """
        self.parts = [self._part(column.kind, len(frame)) for column in self.columns]
        widths = []
        for column, part in zip(self.columns, self.parts, strict=True):
            widths.append(part.fit_transform(_values(column, frame)).shape[1])
        ends = np.cumsum(widths)
        self.groups = [list(range(end - width, end)) for end, width in zip(ends, widths, strict=True)]
        return self

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """[n, d] of rows whose columns have the same names."""
        both = zip(self.columns, self.parts, strict=True)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Found unknown categories", UserWarning)
            parts = [part.transform(_values(column, frame)) for column, part in both]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _part(self, kind: str, rows: int) -> Any:
        if kind == "categorical":
            return OneHotEncoder(
                handle_unknown="infrequent_if_exist", max_categories=self.categories, sparse_output=False
            )
        fill = SimpleImputer(strategy="median", keep_empty_features=True)
        where = MissingIndicator(features="missing-only", error_on_new=False)
        return make_union(make_pipeline(fill, SCALES[self.scale](rows)), where)


def _values(column: Column, frame: pd.DataFrame) -> Any:
    values = frame[column.name]
    if column.kind == "categorical":
        return as_words(values).where(values.notna(), "").to_numpy(dtype=object)[:, None]
    if column.kind == "date":
        days = pd.to_datetime(values, errors="coerce", utc=True)
        seconds = (days - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
        made = [seconds / 86400, days.dt.month, days.dt.day_of_week]
        return np.stack([each.to_numpy(dtype=np.float64, na_value=np.nan) for each in made], axis=1)
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(numbers).any():
        raise DataError(f"column '{column.name}': found an infinite number, allowed are finite ones or none.")
    return numbers[:, None]


SCALES: Mapping[str, Any] = MappingProxyType({
    "standard": lambda rows: make_pipeline(
        StandardScaler(), FunctionTransformer(np.clip, kw_args={"a_min": -FAR, "a_max": FAR})
    ),
    "quantile": lambda rows: QuantileTransformer(
        n_quantiles=min(QUANTILES, rows), output_distribution="normal", random_state=0
    ),
    "minmax": lambda rows: MinMaxScaler(clip=True),
})  # fmt: skip
