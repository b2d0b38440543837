"""Texts by class, and how they become the vectors that the store keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from metassl.data.pool import Contents
from metassl.errors import DataError

OUT_OF_SCOPE = "out of scope"


class TextFeatures(Protocol):
    """Turns texts into vectors."""

    def fingerprint(self) -> Mapping[str, Any]:
        """All that determines the vectors besides the texts; asks for no library and no weights."""
        ...

    def embed(self, texts: Sequence[str], of_training: NDArray[np.bool_]) -> NDArray[np.float32]:
        """[n, d] float32, a row for each text; what is fitted is fitted on texts of training classes alone.

        Args:
            texts: n.
            of_training: [n] which of them are of a class of the training split.

        Raises:
            UserError: a library or weights that are not there, or texts that nothing can be made of.
        """
        ...


@dataclass(frozen=True)
class LabelledTexts:
    """What a source of texts has read.

    Attributes:
        classes: name -> its texts.
        splits: for each of train, val and test the places of its classes.
        about: anything a reader may want to know.
        out_of_scope: split -> texts that are of no class at all.
    """

    classes: Mapping[str, Sequence[str]]
    splits: Mapping[str, Sequence[int]]
    about: Mapping[str, Any]
    out_of_scope: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def embedded(self, features: TextFeatures) -> Contents:
        """The vectors, sorted by class and within it by text: the order of rows in a file says nothing.

        Texts out of scope are classes of no split; `meta` says where they are. Raises DataError for one class
        alone, or none to train on.
        """
        if len(self.classes) < 2:
            raise DataError(
                f"{self.about['source']}: found {len(self.classes)} class, at least 2 are needed."
            )
        if not self.splits.get("train"):
            raise DataError(f"{self.about['source']}: the training split has no class, at least 1 is needed.")
        groups = [sorted(texts) for texts in self.classes.values()]
        foreign = {split: sorted(texts) for split, texts in self.out_of_scope.items() if texts}
        counts = np.array([len(group) for group in (*groups, *foreign.values())], dtype=np.int64)
        of_training = np.zeros(len(counts), dtype=bool)
        of_training[list(self.splits["train"])] = True
        texts = [text for group in (*groups, *foreign.values()) for text in group]
        items = features.embed(texts, np.repeat(of_training, counts))
        names = [*self.classes, *(f"{OUT_OF_SCOPE} ({split})" for split in foreign)]
        places = {split: len(groups) + k for k, split in enumerate(foreign)}
        return Contents(items, counts, names, self.splits, {**self.about, "out_of_scope": places})
