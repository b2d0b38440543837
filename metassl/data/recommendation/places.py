"""Where the files of a data set of ratings lie: in a folder, or in a zip, which is never unpacked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from metassl.data.preparing.archives import opened
from metassl.errors import DataError


@dataclass(frozen=True)
class Place:
    """A folder with the files in it, or a zip of them."""

    path: Path

    @property
    def packed(self) -> bool:
        """Whether it is a zip."""
        return self.path.is_file()

    def names(self) -> set[str]:
        """Of the files, without folders. Raises DataError for a damaged zip."""
        if not self.packed:
            return {file.name for file in self.path.iterdir() if file.is_file()}
        with opened(self.path) as archive:
            return {PurePosixPath(name).name for name in archive.namelist()}

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """What stands in the files of these names. Raises DataError that names the file."""
        wanted = set(names)
        if not self.packed:
            return {name: _bytes(self.path / name) for name in wanted}
        with opened(self.path) as archive:
            members = {PurePosixPath(name).name: name for name in reversed(archive.namelist())}
            return {name: archive.read(members[name]) for name in wanted}

    def file(self, name: str) -> str:
        """What a file is called in messages."""
        return f"'{self.path}', {name}" if self.packed else f"'{self.path / name}'"

    def fingerprint(self, names: Sequence[str]) -> Any:
        """Place, size and time of the zip or of each file."""
        files = [self.path] if self.packed else [self.path / name for name in sorted(names)]
        states = [(file.stat(), file) for file in files]
        return [[str(file.resolve()), state.st_size, state.st_mtime_ns] for state, file in states]


def places_in(path: Path) -> list[Place]:
    """The folder itself, then its folders and zips; or the one zip that `path` is.

    Raises:
        DataError: there is no such path, or it is a file that is no zip.
    """
    if path.is_file():
        if path.suffix.lower() != ".zip":
            raise DataError(f"dataset.source.path: '{path}' is a file, allowed are a folder and a .zip.")
        return [Place(path)]
    if not path.is_dir():
        raise DataError(
            f"dataset.source.path: '{path}' doesn't exist, give a folder with MovieLens' files or its zip "
            "(grouplens.org/datasets/movielens)."
        )
    within = sorted(path.iterdir())
    inner = [p for p in within if p.is_dir() or (p.is_file() and p.suffix.lower() == ".zip")]
    return [Place(path), *map(Place, inner)]


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"'{file}' can't be read ({error.strerror}).") from error
