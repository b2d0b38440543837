"""Reads files of labelled texts: CSV and JSON lines, with the line for everything that can't be read."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metassl.errors import ConfigError, DataError, one_of

KEY = "dataset.source"
TAB = "tab"  # what the command line has no letter for
SEPARATORS = ";\t|"
Row = tuple[int, Any, Any]  # number of its line, text, label


@dataclass(frozen=True)
class Reading:
    """How a file is to be read.

    Attributes:
        text_key, label_key: names of columns, or keys of JSON objects.
        encoding: of the letters.
        delimiter: between the columns of a CSV; None: by the file's ending.
    """

    text_key: str = "text"
    label_key: str = "label"
    encoding: str = "utf-8"
    delimiter: str | None = None

    def __post_init__(self) -> None:
        """Raises ConfigError for an encoding or a delimiter that there is not."""
        try:
            "".encode(self.encoding)
        except LookupError:
            raise ConfigError(
                f"{KEY}.encoding: found '{self.encoding}', allowed are Python's names of encodings, such as "
                "utf-8, utf-16, latin-1 or cp1252."
            ) from None
        if self.delimiter not in (None, TAB) and len(str(self.delimiter)) != 1:
            raise ConfigError(
                f"{KEY}.delimiter: found '{self.delimiter}', allowed are one letter and '{TAB}'."
            )

    def classes(self, path: Path) -> dict[str, list[str]]:
        """Label -> its texts, labels by the alphabet. Raises DataError that names the line."""
        readers: dict[str, Callable[[Path], Iterator[Row]]] = {
            ".csv": self._csv_rows, ".tsv": self._csv_rows,
            ".jsonl": self._json_rows, ".ndjson": self._json_rows,
        }  # fmt: skip
        if path.suffix.lower() not in readers:
            raise DataError(
                f"{KEY}.path: '{path}' ends in '{path.suffix}', allowed are {', '.join(readers)}, and a "
                "folder of class folders."
            )
        found = defaultdict(list)
        for line, text, label in readers[path.suffix.lower()](path):
            where = f"'{path}', line {line}"
            found[_word(label, where, self.label_key)].append(_text(text, where, self.text_key))
        if not found:
            raise DataError(f"'{path}': found no row, at least 1 text with a label is needed.")
        return {label: found[label] for label in sorted(found)}

    def text_of(self, path: Path) -> str:
        """What is in a file, decoded. Raises DataError where it can't be read, or is of another encoding."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(f"'{path}' can't be read: {error.strerror}.") from error
        try:
            return data.decode(self.encoding).removeprefix("\ufeff")
        except UnicodeError as error:
            start = error.start if isinstance(error, UnicodeDecodeError) else 0
            wide, line = data[:2] in (b"\xff\xfe", b"\xfe\xff"), data[:start].count(b"\n") + 1
            raise DataError(
                f"'{path}', line {line}: found bytes that are no {self.encoding}, "
                f"give {KEY}.encoding, {'which by its first bytes is utf-16' if wide else 'such as cp1252'}."
            ) from None

    def _csv_rows(self, path: Path) -> Iterator[Row]:
        separator = self._separator(path)
        reader = csv.reader(io.StringIO(self.text_of(path), newline=""), delimiter=separator, strict=True)
        line = 1
        try:
            header = next(reader, [])
            text, label = (self._column(path, header, key, separator) for key in self._keys())
            line = reader.line_num + 1
            for row in reader:
                if row and len(row) != len(header):
                    raise DataError(
                        f"'{path}', line {line}: found {len(row)} columns, the header has {len(header)}."
                    )
                if row:
                    yield line, row[text], row[label]
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataError(f"'{path}', line {line}: no row of a CSV ({error}).") from error

    def _separator(self, path: Path) -> str:
        given = self.delimiter or (TAB if path.suffix.lower() == ".tsv" else ",")
        return "\t" if given == TAB else given

    def _keys(self) -> tuple[str, str]:
        return self.text_key, self.label_key

    def _column(self, path: Path, header: list[str], key: str, separator: str) -> int:
        if header.count(key) > 1:
            raise DataError(f"'{path}': found {header.count(key)} columns '{key}', allowed is one.")
        if key in header:
            return header.index(key)
        other = next((mark for mark in SEPARATORS if len(header) == 1 and mark in header[0]), None)
        if other is not None and other != separator:
            shown = TAB if other == "\t" else other
            raise DataError(
                f"'{path}': found one column, '{header[0]}', by '{separator}'. Did you mean "
                f"{KEY}.delimiter='{shown}'?"
            )
        option = "text_key" if key == self.text_key else "label_key"
        raise DataError(one_of(f"{KEY}.{option}, column of '{path}'", key, header))

    def _json_rows(self, path: Path) -> Iterator[Row]:
        for line, content in enumerate(self.text_of(path).split("\n"), 1):
            if not content.strip():
                continue
            where = f"'{path}', line {line}"
            try:
                row = json.loads(content)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{where}: no JSON ({error}).") from None
            if not isinstance(row, dict):
                found = "a list" if isinstance(row, list) else f"'{row}'"
                raise DataError(f"{where}: found {found}, allowed is an object on each line.")
            for key in self._keys():
                if key not in row:
                    option = "text_key" if key == self.text_key else "label_key"
                    raise DataError(one_of(f"{where}, {KEY}.{option}", key, row))
            yield line, row[self.text_key], row[self.label_key]


def _text(value: Any, where: str, key: str) -> str:
    if not isinstance(value, str):
        raise DataError(f"{where}: found '{key}' {value!r}, allowed is a text.")
    if not value.strip():
        raise DataError(f"{where}: '{key}' is empty, each row needs a text.")
    return value.strip()


def _word(value: Any, where: str, key: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"{where}: found '{key}' {value!r}, allowed are a word or a whole number.")
    if not str(value).strip():
        raise DataError(f"{where}: '{key}' is empty, each row needs a label.")
    return str(value).strip()
