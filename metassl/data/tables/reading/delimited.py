"""CSV, TSV and their kin: a line of names, then a line a row."""

import csv
import io
import re
from collections import Counter
from pathlib import Path

import pandas as pd

from metassl.data.tables.reading.text import read_text
from metassl.errors import DataError

SEPARATORS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}
MISSING = ["?"]  # beside what pandas takes for missing: an empty field, NA, NaN, null, None, …
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
COMMA_NUMBER = re.compile(r'(^|;)"?[-+]?\d+,\d+"?(;|$)', re.MULTILINE)


def read_delimited(path: Path, separator: str | None, encoding: str) -> pd.DataFrame:
    """The rows, each as long as the line of names.

    Args:
        path: of the file.
        separator: between fields; None: that of , ; tab | which divides the first line into most fields.
        encoding: of the text.

    Raises:
        DataError: another encoding, no names, names that come twice, or a row of another length; says where.
    """
    text = read_text(path, encoding)
    sep = separator or _separator(text)
    names, count = _checked(path, text, sep, given=separator is not None)
    decimal = "," if sep == ";" and COMMA_NUMBER.search(text) else "."
    return pd.read_csv(
        io.StringIO(text), sep=sep, skiprows=count, header=None, names=names, index_col=False,
        na_values=MISSING, skipinitialspace=True, low_memory=False, decimal=decimal,
    )  # fmt: skip


def _separator(text: str) -> str:
    first = text.lstrip("\n").partition("\n")[0]
    fields = {sep: len(next(csv.reader([first], delimiter=sep), [])) for sep in SEPARATORS}
    return max(fields, key=lambda sep: fields[sep])


def _checked(path: Path, text: str, sep: str, given: bool) -> tuple[list[str], int]:
    """The names, and the number of the line that they end in."""
    reader = csv.reader(io.StringIO(text), delimiter=sep, skipinitialspace=True)
    try:
        names = next((row for row in reader if row), [])
        _check_names(path, names, sep, given)
        count = reader.line_num
        for row in reader:
            if row and len(row) != len(names):
                raise DataError(
                    f"'{path}', line {reader.line_num}: found {len(row)} fields, allowed are the "
                    f"{len(names)} of the first line (separated by {SEPARATORS.get(sep, repr(sep))})."
                )
    except csv.Error as error:
        raise DataError(f"'{path}', line {reader.line_num}: can't be read as a table ({error}).") from error
    return [name.strip() or f"column {k}" for k, name in enumerate(names, 1)], count


def _check_names(path: Path, names: list[str], sep: str, given: bool) -> None:
    if len(names) < 2:
        named = SEPARATORS.get(sep, repr(sep))
        said = f"separated by {named}" if given else "separated by none of , ; tab |"
        raise DataError(
            f"'{path}': found {len(names)} column ({said}), at least 2 are needed. What separates its fields "
            "is dataset.source.separator, such as ';'."
        )
    if all(NUMBER.fullmatch(name.strip()) for name in names):
        raise DataError(f"'{path}': found numbers in its first line, allowed is a line of column names.")
    twice = [name for name, count in Counter(name.strip() for name in names).items() if count > 1 and name]
    if twice:
        raise DataError(f"'{path}': found the column '{twice[0]}' twice, allowed is each name once.")
