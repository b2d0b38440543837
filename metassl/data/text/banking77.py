"""BANKING77: 13,083 queries of 77 fine-grained intents of bank customers.

Data: Casanueva et al. 2020, https://github.com/PolyAI-LDN/task-specific-datasets (CC BY 4.0).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from metassl.data import class_splits
from metassl.data.pool import Contents
from metassl.data.text.labelled import LabelledTexts, TextFeatures
from metassl.data.text.published import published_file
from metassl.data.text.rows import Reading
from metassl.errors import DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Switch

URL = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/banking_data"
MD5 = {"train.csv": "cec64185f4197906aabce0781ef9a19b", "test.csv": "8dcd9dc31b686c75ec1f24bf23c140cb"}
INTENTS, QUERIES = 77, 13_083


class Banking77:
    """Queries of 77 intents as vectors; whole intents are held out, by a published split.

    25 intents for training, 25 for validation and 27 for test: one of the five splits of Dopierre et al. 2021
    (ProtAugment), which later papers use. Both published files are read, as there.
    """

    name = "banking77"

    @checked("dataset.source")
    def __init__(
        self,
        data_dir: str | Path,
        features: TextFeatures,
        split: Literal[1, 2, 3, 4, 5] = 1,
        download: Switch = True,
    ) -> None:
        """Remembers what to read; no file is touched before `read`.

        Args:
            data_dir: holds banking77/train.csv and banking77/test.csv.
            features: makes vectors of texts.
            split: which of the five.
            download: fetch a file that is missing.
        """
        self.folder, self.features = Path(data_dir) / "banking77", features
        self.split, self.download = split, download

    def fingerprint(self) -> Mapping[str, Any]:
        """The options alone: the queries are fixed, and `read` refuses any other number of them."""
        return {"version": 1, "split": self.split, "features": dict(self.features.fingerprint())}

    def read(self) -> Contents:
        """All queries. Raises DataError for a file that is missing, truncated or wrong."""
        reading = Reading(label_key="category")
        files = [published_file(self.folder, name, URL, MD5, self.download) for name in MD5]
        parts = [reading.classes(file) for file in files]
        names = sorted({name for part in parts for name in part})
        classes = {name: [text for part in parts for text in part.get(name, [])] for name in names}
        queries = sum(len(texts) for texts in classes.values())
        if len(classes) != INTENTS or queries != QUERIES:
            raise DataError(
                f"'{self.folder}': found {len(classes)} intents of {queries} queries, expected the published "
                f"files of {INTENTS} intents and {QUERIES} queries: {URL}."
            )
        splits = class_splits.indices(
            class_splits.published(f"banking77_{self.split}"), names, "BANKING77 intent"
        )
        about = {"source": URL, "licence": "CC BY 4.0", "split": self.split}
        return LabelledTexts(classes, splits, about).embedded(self.features)
