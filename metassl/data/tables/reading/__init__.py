"""From a file to a frame, by the end of its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from metassl.data.tables.reading.arff import read_arff
from metassl.data.tables.reading.delimited import read_delimited
from metassl.errors import DataError, one_of


@dataclass(frozen=True)
class Reading:
    """How a file is to be read, where its form leaves that open.

    Attributes:
        separator: between the fields of a text file; None: found by its first line.
        encoding: of a text file.
        sheet: of an Excel file; None: the first.
    """

    separator: str | None = None
    encoding: str = "utf-8-sig"
    sheet: str | None = None


def read_frame(path: Path, reading: Reading) -> pd.DataFrame:
    """The file's rows, its columns by their names.

    Raises:
        DataError: no such file, another form, or names that are not one for each column.
    """
    if not path.is_file():
        raise DataError(f"'{path}' is not a file, give one that ends in {', '.join(KINDS)}.")
    if path.suffix.lower() not in KINDS:
        raise DataError(one_of(f"'{path}', end of the name", path.suffix, KINDS))
    frame = KINDS[path.suffix.lower()](path, reading)
    frame.columns = [str(name) for name in frame.columns]
    names = list(frame.columns)
    for name in names:
        if names.count(name) > 1:
            raise DataError(
                f"'{path}': found the column '{name}' {names.count(name)} times, allowed is once."
            )
    if not len(frame):
        raise DataError(f"'{path}': found no row.")
    return frame


def _delimited(path: Path, reading: Reading) -> pd.DataFrame:
    return read_delimited(path, reading.separator, reading.encoding)


def _tabbed(path: Path, reading: Reading) -> pd.DataFrame:
    return read_delimited(path, reading.separator or "\t", reading.encoding)


def _arff(path: Path, reading: Reading) -> pd.DataFrame:
    return read_arff(path, reading.encoding)


def _parquet(path: Path, reading: Reading) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except Exception as error:  # pyarrow raises nearly anything on a broken file
        raise DataError(f"'{path}' can't be read as Parquet: {_line(error)}") from error


def _excel(path: Path, reading: Reading) -> pd.DataFrame:
    try:
        return pd.read_excel(path, sheet_name=0 if reading.sheet is None else reading.sheet, na_values=["?"])
    except ImportError as error:
        raise DataError(f"'{path}': Excel files need openpyxl: pip install 'metassl[excel]'.") from error
    except Exception as error:  # openpyxl raises nearly anything on a broken file
        raise DataError(f"'{path}' can't be read as Excel: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") + "."


KINDS: Mapping[str, Callable[[Path, Reading], pd.DataFrame]] = MappingProxyType({
    ".csv": _delimited, ".tsv": _tabbed, ".parquet": _parquet, ".pq": _parquet, ".arff": _arff,
    ".xlsx": _excel,
})  # fmt: skip
