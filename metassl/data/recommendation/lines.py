"""Lines of a published file as columns, with the line's number where one can't be."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from metassl.errors import DataError


@dataclass(frozen=True)
class Layout:
    """How a file is written.

    Attributes:
        name: of the file.
        separator: of the columns, one letter or more.
        columns: how many a line has.
        header: the names that the first line has; none: there is no such line.
        encoding: of its letters.
    """

    name: str
    separator: str
    columns: int
    header: Sequence[str] = ()
    encoding: str = "utf-8-sig"


@dataclass(frozen=True)
class Lines:
    """The lines of a file, each as its columns.

    Attributes:
        where: the file, for messages.
        rows: columns of each line that is not empty.
        numbers: of these lines in the file, from 1.
    """

    where: str
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int]

    def __iter__(self) -> Iterator[tuple[int, Sequence[str]]]:
        """(number, columns) of each."""
        return zip(self.numbers, self.rows, strict=True)

    def wrong(self, number: int, what: str) -> DataError:
        """The error that names a line."""
        return DataError(f"{self.where}, line {number}: {what}")


def read_lines(where: str, content: bytes, layout: Layout) -> Lines:
    """The lines of a file.

    Raises:
        DataError: it is in another encoding, or a line has another number of columns.
    """
    text = _decoded(where, content, layout.encoding)
    rows, numbers = list[Sequence[str]](), list[int]()
    lines = Lines(where, rows, numbers)
    for number, row in _split(where, text, layout.separator):
        if not row or row == [""]:
            continue
        if len(row) != layout.columns:
            raise lines.wrong(number, f"found {len(row)} columns, allowed are {layout.columns}.")
        rows.append(row)
        numbers.append(number)
    if layout.header:
        found = list(rows[0]) if rows else []
        if found != list(layout.header):
            raise lines.wrong(1, f"found {','.join(found) or 'nothing'}, expected {','.join(layout.header)}.")
        del rows[0], numbers[0]
    if not rows:
        raise DataError(f"{where}: found no line, at least 1 is needed.")
    return lines


def _decoded(where: str, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{where}, line {line}: found byte 0x{content[error.start]:02x}, which is not of "
            f"{encoding.removesuffix('-sig').upper()}; allowed is that encoding."
        ) from error


def _split(where: str, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    if separator != ",":
        yield from ((k, line.split(separator)) for k, line in enumerate(text.splitlines(), 1))
        return
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{where}, line {reader.line_num}: not valid CSV ({error}).") from error
