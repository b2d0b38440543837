"""ARFF, the form of Weka and of OpenML: what each column may hold is declared above the rows.

Read here, since scipy.io.arff refuses columns of text and categories that are declared with a blank in front.
Source: https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from metassl.data.tables.reading.text import read_text
from metassl.errors import DataError

ATTRIBUTE = re.compile(
    r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s{]+)\s*(.*)""", re.IGNORECASE
)
NUMERIC = ("numeric", "real", "integer")
MISSING = "?"


@dataclass(frozen=True)
class Attribute:
    """A declared column; its categories, where it has some, or its kind in one word."""

    name: str
    kind: str
    categories: tuple[str, ...] = ()


def read_arff(path: Path, encoding: str) -> pd.DataFrame:
    """The rows; declared categories as pandas' own, `date` and `string` columns as text.

    Raises:
        DataError: names the line that is no ARFF, or that holds what its column does not allow.
    """
    attributes: list[Attribute] = []
    lines = enumerate(read_text(path, encoding).split("\n"), 1)
    for number, line in lines:
        words = line.strip()
        if words.lower().startswith("@data"):
            break
        if words.lower().startswith("@attribute"):
            attributes.append(_attribute(path, number, words))
        elif words and not words.startswith("%") and not words.lower().startswith("@relation"):
            raise DataError(
                f"'{path}', line {number}: found '{words[:40]}', allowed before @data is @attribute."
            )
    if not attributes:
        raise DataError(f"'{path}': found no @attribute, which an ARFF file begins with.")
    rows = list(_rows(path, lines, attributes))
    columns = [_column(path, a, [(number, row[k]) for number, row in rows]) for k, a in enumerate(attributes)]
    frame = pd.concat(columns, axis=1) if rows else pd.DataFrame(columns=[a.name for a in attributes])
    frame.columns = [a.name for a in attributes]
    return frame


def _attribute(path: Path, number: int, line: str) -> Attribute:
    found = ATTRIBUTE.fullmatch(line)
    if found is None:
        raise DataError(f"'{path}', line {number}: found '{line[:40]}', allowed is @attribute NAME TYPE.")
    name, kind = (
        _unquoted(found[1]),
        found[2].partition("%")[0].strip() if "{" not in found[2] else found[2].strip(),
    )
    if kind.startswith("{"):
        inner = (
            kind[1:].partition("}")[0] if "'" not in kind and '"' not in kind else kind[1 : kind.rindex("}")]
        )
        return Attribute(name, "nominal", tuple(_fields(inner)))
    word = (kind.split() or [""])[0].lower()
    if word not in (*NUMERIC, "string", "date"):
        raise DataError(
            f"'{path}', line {number}: found type '{kind[:40]}' of column '{name}', allowed are "
            "{categories}, numeric, real, integer, string and date."
        )
    return Attribute(name, "numeric" if word in NUMERIC else word)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if quoted else text


def _fields(line: str) -> list[str]:
    """Divided at commas; either quote may hold one."""
    quote = '"' if '"' in line and "'" not in line else "'"
    found = next(csv.reader([line], quotechar=quote, skipinitialspace=True, escapechar="\\"), [])
    return [field.strip() for field in found]


def _rows(
    path: Path, lines: Iterator[tuple[int, str]], attributes: list[Attribute]
) -> Iterator[tuple[int, list[str]]]:
    for number, line in lines:
        words = line.strip()
        if not words or words.startswith("%"):
            continue
        if words.startswith("{"):
            raise DataError(f"'{path}', line {number}: found a sparse row, allowed are rows with all values.")
        fields = _fields(words)
        if len(fields) != len(attributes):
            raise DataError(
                f"'{path}', line {number}: found {len(fields)} fields, allowed are {len(attributes)}, one "
                "for each @attribute."
            )
        yield number, fields


def _column(path: Path, attribute: Attribute, found: list[tuple[int, str]]) -> pd.Series:
    made: dict[str, Callable[[list[str | None]], pd.Series]] = {
        "nominal": lambda v: pd.Series(
            pd.Categorical(v, categories=list(dict.fromkeys(attribute.categories)))
        ),
        "string": lambda v: pd.Series(v, dtype="str"),
        "date": lambda v: pd.Series(v, dtype="str"),
    }
    for number, text in found:
        if attribute.kind == "nominal" and text != MISSING and text not in attribute.categories:
            raise _wrong(path, number, attribute, text, ", ".join(attribute.categories[:8]))
    values = [None if text == MISSING else text for _, text in found]
    if attribute.kind in made:
        return made[attribute.kind](values)
    numbers = np.empty(len(values))
    for k, (number, text) in enumerate(found):
        try:
            numbers[k] = np.nan if text == MISSING else float(text)
        except ValueError:
            raise _wrong(path, number, attribute, text, "numbers") from None
    return pd.Series(numbers)


def _wrong(path: Path, number: int, attribute: Attribute, text: str, allowed: str) -> DataError:
    return DataError(
        f"'{path}', line {number}: found '{text[:40]}' in column '{attribute.name}', declared are {allowed}."
    )
