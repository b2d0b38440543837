"""The user's own texts: a CSV, JSON lines, or a folder of class folders."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metassl.data.class_folders import ClassFolders
from metassl.data.class_splits import SplitChoice
from metassl.data.pool import Contents
from metassl.data.text.labelled import LabelledTexts, TextFeatures
from metassl.data.text.rows import Reading
from metassl.errors import ConfigError, DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Ratio, Seed, Word


class TextFiles:
    """Reads your own texts with labels, and turns them into vectors.

    A file of rows (.csv, .tsv, .jsonl, .ndjson), or path/<class>/<file> or path/<split>/<class>/<file>, where
    each file is one text. A class is a label.
    """

    name = "text"

    @checked("dataset.source")
    def __init__(
        self,
        path: str | Path,
        features: TextFeatures,
        text_key: Word = "text",
        label_key: Word = "label",
        encoding: Word = "utf-8",
        delimiter: Word | None = None,
        splits: str | Path | None = None,
        ratio: Ratio = (0.6, 0.2, 0.2),
        seed: Seed = 0,
    ) -> None:
        """Remembers what to read.

        Args:
            path: a file or a folder. Split folders are named train, val and test.
            features: makes vectors of texts.
            text_key, label_key: names of the columns, or keys of the objects.
            encoding: of the letters, by Python's name of it.
            delimiter: between the columns, one letter or "tab"; None: a tab in a .tsv, else a comma.
            splits: a JSON file {"train": [names], "val": [names], "test": [names]}.
            ratio: without `splits` and split folders, the shares of classes.
            seed: of the choice by `ratio`.

        Raises:
            DataError: no path given.
            ConfigError: an encoding or a delimiter that there is not, or one key for both.
        """
        if not path:
            raise DataError("dataset.source.path: found nothing, give a .csv, a .jsonl or a folder of texts.")
        if text_key == label_key:
            raise ConfigError(f"dataset.source.label_key: found '{label_key}', which text_key is already.")
        self.path, self.features = Path(path), features
        self.reading = Reading(text_key, label_key, encoding, delimiter)
        self.choice = SplitChoice(splits, ratio, seed)
        self.folders = ClassFolders(self.path, self.choice)

    def fingerprint(self) -> Mapping[str, Any]:
        """The files' place, sizes and times, how they are read and split, and the features."""
        return {
            "version": 1,
            **self._files(),
            "reading": vars(self.reading),
            "features": dict(self.features.fingerprint()),
            **self.choice.fingerprint(),
        }

    def read(self) -> Contents:
        """Raises DataError with one line for what can't be read, which names the line of the file."""
        classes, splits = self._folder() if self.path.is_dir() else (self.reading.classes(self.path), None)
        splits = splits or self.choice.of(list(classes))
        return LabelledTexts(classes, splits, {"source": f"'{self.path}'"}).embedded(self.features)

    def _files(self) -> dict[str, Any]:
        if self.path.is_dir():
            return self.folders.fingerprint("a text")
        if not self.path.is_file():
            raise DataError(f"dataset.source.path: '{self.path}' is neither a file nor a folder.")
        state = self.path.stat()
        return {"file": [str(self.path.resolve()), state.st_size, state.st_mtime_ns]}

    def _folder(self) -> tuple[dict[str, list[str]], dict[str, list[int]] | None]:
        classes, splits = self.folders.filled("text")
        return {name: [self._one(file) for file in files] for name, files in classes.items()}, splits

    def _one(self, file: Path) -> str:
        text = self.reading.text_of(file).strip()
        if not text:
            raise DataError(f"'{file}' is empty, each file needs a text.")
        return text
