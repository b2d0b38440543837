"""What openml-python keeps on the disk of data sets and tasks; suites, which it does not keep, beside them.

Read here and not by openml-python: that one unpickles what lies beside its files, asks the network for any
that is missing, and then deletes the others (openml-python#1084).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

from metassl.errors import DataError
from metassl.files import read_json

SERVER = Path("org", "openml", "www")  # as openml-python names the folder of www.openml.org
CLASSIFICATION = "1"  # OpenML's number of that kind of task
Kind = Literal["datasets", "tasks", "suites"]
WORDS: Mapping[Kind, str] = {"datasets": "data set", "tasks": "task", "suites": "suite"}


@dataclass(frozen=True)
class DataSet:
    """A data set.

    Attributes:
        number: OpenML's.
        name: of it.
        targets: its own columns of classes or values; OpenML gives one, none or several.
        kinds: column -> nominal, numeric, string or date, in the order of the file.
        ignored: columns that it says are no features.
        sparse: whether the rows of its file name only what is not 0.
        file: ARFF or Parquet.
    """

    number: int
    name: str
    targets: tuple[str, ...]
    kinds: Mapping[str, str]
    ignored: tuple[str, ...]
    sparse: bool
    file: Path


@dataclass(frozen=True)
class Task:
    """A task: its data set and target, and whether it asks for classes; `kind` is for people."""

    number: int
    data_set: int
    target: str
    classifies: bool
    kind: str


class Cache:
    """A folder in the layout of openml-python's cache.

    Args:
        root: holds org/openml/www/datasets/31 and the like.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, kind: Kind, name: object) -> Path:
        """Where a data set, task or suite lies, or would."""
        return self.root / SERVER / kind / str(name)

    def there(self, kind: Kind) -> list[str]:
        """The names of what has a folder."""
        folder = self.folder(kind, "")
        names = [each.name for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []
        return sorted(names, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))

    def data_set(self, number: int) -> DataSet | None:
        """None where a file of it is missing. Raises DataError for one that is damaged."""
        folder = self.folder("datasets", number)
        described, listed = folder / "description.xml", folder / "features.xml"
        found = (folder / f"dataset_{number}.pq", folder / "dataset.pq", folder / "dataset.arff")
        files = [file for file in found if file.is_file()]
        if not (files and described.is_file() and listed.is_file()):
            return None
        about, features = _parsed(described), _parsed(listed)
        columns = {_text(each, "name", listed): each for each in features.iterfind("{*}feature")}
        flagged = [
            n for n, c in columns.items() if "true" in (_of(c, "is_ignore"), _of(c, "is_row_identifier"))
        ]
        own = [*_names(about, "ignore_attribute", columns), *_names(about, "row_id_attribute", columns)]
        return DataSet(
            number,
            _text(about, "name", described),
            tuple(_names(about, "default_target_attribute", columns)),
            {name: _text(each, "data_type", listed) for name, each in columns.items()},
            tuple(dict.fromkeys([*own, *flagged])),
            (_of(about, "format") or "").lower() == "sparse_arff",
            files[0],
        )

    def task(self, number: int) -> Task | None:
        """None where it is missing. Raises DataError for one that is damaged."""
        file = self.folder("tasks", number) / "task.xml"
        if not file.is_file():
            return None
        found = _parsed(file)
        data = found.find("{*}input[@name='source_data']/{*}data_set")
        if data is None:
            raise damaged(file, "found no source_data")
        number_of = _text(data, "data_set_id", file)
        if not number_of.isdigit():
            raise damaged(file, f"found data_set_id '{number_of}'")
        kind, words = _text(found, "task_type_id", file), _of(found, "task_type") or "another kind"
        return Task(number, int(number_of), _of(data, "target_feature") or "", kind == CLASSIFICATION, words)

    def suite(self, name: str | int) -> list[int] | None:
        """The numbers of its tasks; None where it is missing. Raises DataError for one that is damaged."""
        file = self.folder("suites", name) / "suite.json"
        if not file.is_file():
            return None
        tasks: Any = read_json(file).get("tasks")
        if not isinstance(tasks, list) or not all(type(each) is int and each > 0 for each in tasks):
            raise damaged(file, "found no list of tasks")
        return list(dict.fromkeys(tasks))


def damaged(file: Path, what: str) -> DataError:
    """The line for a file that OpenML did not write so."""
    return DataError(f"'{file}' is damaged ({what}): delete the folder '{file.parent}' to fetch it anew.")


def _parsed(file: Path) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(file.read_text(encoding="utf-8"))
    except (ElementTree.ParseError, ValueError) as error:
        raise damaged(file, str(error)) from error


def _of(element: ElementTree.Element, tag: str) -> str | None:
    return element.findtext(f"{{*}}{tag}")


def _text(element: ElementTree.Element, tag: str, file: Path) -> str:
    found = _of(element, tag)
    if not found:
        raise damaged(file, f"found no '{tag}'")
    return found


def _names(about: ElementTree.Element, tag: str, columns: Mapping[str, object]) -> Iterator[str]:
    """Each in an element of its own, or several in one with commas between, which a name may have too."""
    for each in about.iterfind(f"{{*}}{tag}"):
        text = (each.text or "").strip()
        yield from [text] if text in columns else [name.strip() for name in text.split(",") if name.strip()]
