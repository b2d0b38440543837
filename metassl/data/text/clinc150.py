"""CLINC150: 22,500 short queries of 150 intents in 10 domains, and 1,200 that are out of scope.

Data: Larson et al. 2019, https://github.com/clinc/oos-eval (CC BY 3.0).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metassl.data.named import several_of
from metassl.data.pool import SPLITS, Contents
from metassl.data.text.labelled import LabelledTexts, TextFeatures
from metassl.data.text.published import published_file
from metassl.errors import ConfigError, DataError
from metassl.files import read_json
from metassl.schema.constructor import checked
from metassl.schema.ranges import Switch, Words

URL = "https://raw.githubusercontent.com/clinc/oos-eval/master/data"
MD5 = {
    "data_full.json": "30c29dc6ab78edf3b5dfa640be204cde",
    "domains.json": "9beee9d0f36e07e914c1e3a626bdcb4a",
}
INTENTS, QUERIES = 150, 150  # queries of each intent, in the three parts of the file together


class Clinc150:
    """Queries of 150 intents as vectors; whole domains are held out.

    The published file splits the queries of every intent into three parts for training on all intents; here
    an intent has all 150. The queries out of scope of each of these parts are the split's own.
    """

    name = "clinc150"

    @checked("dataset.source")
    def __init__(
        self,
        data_dir: str | Path,
        features: TextFeatures,
        val: Words = ("travel", "utility"),
        test: Words = ("work", "small_talk", "meta"),
        download: Switch = True,
    ) -> None:
        """Remembers what to read; no file is touched before `read`.

        Args:
            data_dir: holds clinc150/data_full.json and clinc150/domains.json.
            features: makes vectors of texts.
            val, test: domains that are held out for validation and test; the others are for training.
            download: fetch a file that is missing.

        Raises:
            ConfigError: a domain that is held out twice.
        """
        self.folder, self.features, self.download = Path(data_dir) / "clinc150", features, download
        self.held_out = {"val": list(val), "test": list(test)}
        both = sorted(set(val) & set(test))
        if both:
            raise ConfigError(
                f"dataset.source.test: found '{both[0]}', which dataset.source.val has already."
            )

    def fingerprint(self) -> Mapping[str, Any]:
        """The options alone: the queries are fixed, and `read` refuses any other number of them."""
        return {"version": 1, "held_out": self.held_out, "features": dict(self.features.fingerprint())}

    def read(self) -> Contents:
        """All queries. Raises DataError for a file that is missing, truncated or wrong."""
        domains = self._domains()
        parts = self._parts()
        classes: dict[str, list[str]] = {intent: [] for intents in domains.values() for intent in intents}
        for text, intent in (row for split in SPLITS for row in parts[split]):
            if intent not in classes:
                raise self._other(f"'{intent}', which is in no domain")
            classes[intent].append(text)
        if len(classes) != INTENTS or any(len(texts) != QUERIES for texts in classes.values()):
            raise self._other(f"{len(classes)} intents of {sum(map(len, classes.values()))} queries")
        foreign = {split: [text for text, _ in parts[f"oos_{split}"]] for split in SPLITS}
        about = {"source": URL, "licence": "CC BY 3.0", "domains": self._of_splits(domains)}
        return LabelledTexts(classes, self._splits(domains), about, foreign).embedded(self.features)

    def _of_splits(self, domains: Mapping[str, list[str]]) -> dict[str, list[str]]:
        for split, held in self.held_out.items():
            several_of(f"dataset.source.{split}", held, domains)
        gone = {domain for held in self.held_out.values() for domain in held}
        return {"train": [domain for domain in domains if domain not in gone], **self.held_out}

    def _splits(self, domains: Mapping[str, list[str]]) -> dict[str, list[int]]:
        owners = [domain for domain, intents in domains.items() for _ in intents]
        chosen = self._of_splits(domains)
        return {split: [k for k, owner in enumerate(owners) if owner in chosen[split]] for split in SPLITS}

    def _domains(self) -> dict[str, list[str]]:
        found = read_json(published_file(self.folder, "domains.json", URL, MD5, self.download))
        lists = all(isinstance(intents, list) for intents in found.values())
        if not lists or not all(isinstance(each, str) for intents in found.values() for each in intents):
            raise DataError(
                f"'{self.folder / 'domains.json'}': allowed is {{domain: [intents]}}, as published."
            )
        return found

    def _parts(self) -> dict[str, list[tuple[str, str]]]:
        found = read_json(published_file(self.folder, "data_full.json", URL, MD5, self.download))
        for part in (prefix + split for prefix in ("", "oos_") for split in SPLITS):
            rows = found.get(part)
            if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
                raise self._other(f"no list of [text, intent] in '{part}'")
        return {part: [(text, intent) for text, intent in rows] for part, rows in found.items()}

    def _other(self, found: str) -> DataError:
        return DataError(
            f"'{self.folder / 'data_full.json'}': found {found}, expected the published file of {INTENTS} "
            f"intents with {QUERIES} queries each: {URL}/data_full.json."
        )


def _is_row(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 2 and all(isinstance(each, str) and each for each in row)
