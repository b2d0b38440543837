"""What each column of a table is: found by its values, or said by its user."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from pandas.api import types

from metassl.errors import DataError, one_of

Said = Literal["numeric", "categorical", "date", "drop"]
READ = ("numeric", "categorical", "date")  # kinds that become features
DROPPED = {
    "identifier": "an identifier", "constant": "one value", "empty": "no value", "text": "free text",
    "drop": "as you said", "ignored": "ignored by its source",
}  # fmt: skip

FEW = 20  # different words that are categories, whatever they look like
UNLIKE = 0.95  # share of rows with a value of their own, from which on a column names its rows
LONG = 4  # words of a text
DATE = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?"


@dataclass(frozen=True)
class Column:
    """A column by its name, and its kind: one of READ or of DROPPED."""

    name: str
    kind: str


def found_columns(
    where: str, frame: pd.DataFrame, said: Mapping[str, Said], ignored: Collection[str] = ()
) -> list[Column]:
    """The columns of a frame in its order, by what was said of them and else by their values.

    Of those that are `ignored` nothing is read unless something was said of them.

    Raises:
        DataError: something was said of a column that there is not, or numbers and words are mixed in one, or
            no column is left to learn from.
    """
    for name, kind in said.items():
        if name not in frame.columns:
            raise DataError(one_of(f"dataset.source.kinds, column of {where}", name, frame.columns))
        if kind not in get_args(Said):
            raise DataError(one_of(f"dataset.source.kinds.{name}", kind, get_args(Said)))
    known = {**dict.fromkeys(ignored, "ignored"), **said}
    columns = [Column(name, known.get(name) or found_kind(where, frame[name])) for name in frame.columns]
    if not any(column.kind in READ for column in columns):
        raise DataError(f"{where}: found no column to learn from: {summary(columns)}.")
    return columns


def found_kind(where: str, values: pd.Series) -> str:
    """What a column is by its values: numeric, categorical, date, identifier, constant, empty or text."""
    present = values.dropna()
    different = present.nunique()
    if different < 2:
        return "constant" if different else "empty"
    if types.is_bool_dtype(values) or isinstance(values.dtype, pd.CategoricalDtype):
        named = different > FEW and different > UNLIKE * len(present)
        return "identifier" if named else "categorical"
    if types.is_datetime64_any_dtype(values):
        return "date"
    if types.is_numeric_dtype(values):
        return "identifier" if _counts_rows(present) else "numeric"
    words = present.astype(str).str.strip()
    if words.str.fullmatch(DATE).all():
        return "date"
    return _kind_of_words(where, str(values.name), words, words.nunique())


def summary(columns: Sequence[Column]) -> str:
    """How many columns are of each kind, and the names of those that are dropped, for people."""
    names: dict[str, list[str]] = defaultdict(list)
    for column in columns:
        names[column.kind].append(column.name)
    kept = [f"{len(names[kind])} {kind}" for kind in READ if kind in names]
    gone = [f"{_listed(names[kind])} ({why})" for kind, why in DROPPED.items() if kind in names]
    return "; ".join(
        [*([", ".join(kept)] if kept else []), *([f"dropped {', '.join(gone)}"] if gone else [])]
    )


def _listed(names: Sequence[str]) -> str:
    return " ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _counts_rows(present: pd.Series) -> bool:
    """Whether whole numbers count the rows, or are of a column that is called an identifier."""
    whole = types.is_integer_dtype(present) or bool((present == present.round()).all())
    if not whole or not present.is_unique:
        return False
    steps = np.diff(present.to_numpy())
    name = str(present.name).lower()
    return bool((steps == 1).all()) or name in ("id", "index") or name.endswith(("_id", " id"))


def _kind_of_words(where: str, name: str, words: pd.Series, different: int) -> str:
    if different <= FEW:
        return "categorical"
    numbers = pd.to_numeric(words, errors="coerce")
    if numbers.notna().mean() > 0.5:
        odd = words[numbers.isna()].iloc[0]
        raise DataError(
            f"{where}, column '{name}': found {int(numbers.notna().sum())} numbers and "
            f"{int(numbers.isna().sum())} words such as '{odd[:30]}', allowed is one kind: "
            f"dataset.source.kinds={{'{name}': numeric}} takes words for missing, "
            "categorical takes all for words."
        )
    if words.str.split().str.len().mean() >= LONG:
        return "text"
    return "identifier" if different > UNLIKE * len(words) else "categorical"
