"""Data sets, tasks and suites from the cache, and what is not there through openml-python."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from metassl.data.tables.openml.cache import WORDS, Cache, DataSet, Kind, Task
from metassl.errors import DataError
from metassl.files import write_json

T = TypeVar("T")
URL = "https://www.openml.org/api/v1/xml"
RETRIES = 3
KEPT = (".xml", ".arff", ".pq", ".json")  # and no pickles


class NotThere(DataError):
    """Something of OpenML that is not in the cache and can't be fetched."""


class Files:
    """Gives what is in a cache, and fetches into it what is not.

    Args:
        root: of the cache.
        download: fetch what is missing.
    """

    def __init__(self, root: Path, download: bool) -> None:
        self.cache, self.download = Cache(root), download

    def data_set(self, number: int) -> DataSet:
        """Raises NotThere, or DataError for files that are damaged."""
        return self._got("datasets", number, lambda: self.cache.data_set(number))

    def task(self, number: int) -> Task:
        """Raises NotThere, or DataError for files that are damaged."""
        return self._got("tasks", number, lambda: self.cache.task(number))

    def suite(self, name: str | int) -> list[int]:
        """The numbers of its tasks. Raises NotThere, or DataError for files that are damaged."""
        return self._got("suites", name, lambda: self.cache.suite(name))

    def _got(self, kind: Kind, name: int | str, read: Callable[[], T | None]) -> T:
        found = read()
        if found is None:
            self._fetch(kind, name)
            found = read()
        if found is None:
            raise self._missing(kind, name, "OpenML has no table of it")
        return found

    def _fetch(self, kind: Kind, name: int | str) -> None:
        """Adds it to the cache, once all of it has come: openml-python works in a folder of its own."""
        if not self.download:
            raise self._missing(kind, name, "dataset.source.download is false")
        library = self._library(kind, name)
        unfinished = None
        try:
            self.cache.root.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(prefix=".unfinished.", dir=self.cache.root))
            with _settings(library, unfinished):
                made = Path(library.config.get_cache_directory()) / kind / str(name)
                ASK[kind](library, name, made)
            target = self.cache.folder(kind, name)
            target.mkdir(parents=True, exist_ok=True)
            for file in sorted(made.iterdir()):
                if file.suffix in KEPT:
                    os.replace(file, target / file.name)
        except DataError:
            raise
        except Exception as error:  # openml-python raises nearly anything, requests' and minio's own too
            raise self._missing(kind, name, _why(error)) from error
        finally:
            if unfinished is not None:
                shutil.rmtree(unfinished, ignore_errors=True)

    def _library(self, kind: Kind, name: int | str) -> Any:
        try:
            import openml
        except (ImportError, OSError) as error:  # it makes folders when it is imported
            raise self._missing(
                kind, name, "fetching needs openml-python: pip install 'metassl[openml]'"
            ) from error
        return openml

    def _missing(self, kind: Kind, name: int | str, why: str) -> NotThere:
        there = self.cache.there(kind)
        more = f" and {len(there) - 10} more" if len(there) > 10 else ""
        said = f"{WORDS[kind]}s {', '.join(there[:10])}{more}" if there else f"no {WORDS[kind]}"
        return NotThere(f"OpenML's {WORDS[kind]} {name} is not in '{self.cache.root}' ({said}): {why}.")


def _why(error: Exception) -> str:
    answer = getattr(error, "message", None)
    if getattr(error, "code", None) is not None and answer:
        return f"OpenML answers '{answer}'"
    words = " ".join(str(error).split())
    return f"it can't be fetched ({type(error).__name__}: {words[:160]})"


@contextmanager
def _settings(library: Any, root: Path) -> Iterator[None]:
    """openml-python with a cache at `root`, without its lines on the log; afterwards as it was."""
    config, log = library.config, logging.getLogger()
    before = config.get_config_as_dict()
    handlers, level = list(log.handlers), log.manager.disable
    try:
        config.set_root_cache_directory(root)
        config.server = URL
        config.set_retry_policy(config.retry_policy, RETRIES)
        logging.disable(logging.CRITICAL)
        yield
    finally:
        logging.disable(level)
        log.handlers[:] = handlers  # its first line would have set one up
        config.set_root_cache_directory(before["cachedir"])
        config.server = before["server"]
        config.set_retry_policy(before["retry_policy"], before["connection_n_retries"])


def _data_set(library: Any, number: int, folder: Path) -> None:
    library.datasets.get_dataset(number, download_data=True, download_features_meta_data=True)


def _task(library: Any, number: int, folder: Path) -> None:
    library.tasks.get_task(number, download_splits=False)


def _suite(library: Any, name: str | int, folder: Path) -> None:
    found = library.study.get_suite(name)
    folder.mkdir(parents=True)
    write_json(folder / "suite.json", {"name": found.name, "tasks": [int(n) for n in found.tasks or ()]})


ASK: Mapping[Kind, Callable[[Any, Any, Path], None]] = MappingProxyType({
    "datasets": _data_set, "tasks": _task, "suites": _suite,
})  # fmt: skip
