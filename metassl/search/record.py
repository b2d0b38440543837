"""What a search leaves in its folder about itself, so that a report finds everything again."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from metassl.errors import DataError
from metassl.files import read_json, write_json
from metassl.runs.file_names import SEARCH
from metassl.search.storage import own_storage


@dataclass(frozen=True)
class SearchRecord:
    """What a report, and the next call, have to know.

    Attributes:
        storage: of the study, without a password; None: a file in the folder.
        study: its name there.
        home: the name of this folder in the study.
        words: of every training, those of the values and the seed left out.
        seeds: of the trainings at the end.
        defaults: key of the space -> its value where nobody searches.
        trials: that were asked for.
    """

    storage: str | None
    study: str
    home: str
    words: tuple[str, ...]
    seeds: tuple[int, ...]
    defaults: Mapping[str, str]
    trials: int

    def place(self, out: Path) -> str:
        """The storage of a search in this folder, wherever it lies now."""
        return self.storage or own_storage(out)


def read_record_file(out: Path) -> SearchRecord:
    """The record of a search's folder. Raises DataError where there is none, or it is damaged."""
    if not (out / SEARCH).is_file():
        raise DataError(f"folder '{out}': no {SEARCH} inside; metassl search out={out} makes one.")
    found = read_json(out / SEARCH)
    try:
        return TypeAdapter(SearchRecord).validate_python(found, strict=False)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "all"
        raise DataError(f"{out / SEARCH}: is damaged at '{where}' ({error.errors()[0]['msg']}).") from None


def home_of(out: Path) -> str:
    """The name of a folder in studies: the one that it has, or a new one."""
    return read_record_file(out).home if (out / SEARCH).is_file() else uuid.uuid4().hex[:12]


def write_record_file(out: Path, record: SearchRecord) -> None:
    """Leaves the record in the folder."""
    write_json(out / SEARCH, vars(record))
