"""The rows of a file that have no label, labelled by those that have one; and what there is to say of it.

Legend: n rows, C classes.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from metassl.data.tables.columns import summary
from metassl.data.tables.reading import Reading, read_frame
from metassl.data.tables.target import MOST, Target, as_words, read_target
from metassl.errors import DataError, InputError, one_of
from metassl.library.classifier.comparison import OWN, WITHOUT, Comparison, compare
from metassl.library.classifier.estimator import MetaClassifier
from metassl.library.classifier.refusing import refusing
from metassl.library.classifier.rivals import GUESS, RIVALS

SURE, FAIR = 0.9, 0.7  # probabilities
IDENTIFIER = "identifier"


@dataclass(frozen=True)
class Labelling:
    """What was found for the rows without a label.

    Attributes:
        rows: one for each, in order. Of a table: its number, from 1, and the column that identifies it, where
            there is one; of pictures: the file. Then label, probability, and the second choice with its own.
        known: class -> how many have its label.
        seen: what the columns or pictures are, for people.
        check: labelled ones that were left out; None where a class has fewer than two.
        what: rows or pictures.
    """

    rows: pd.DataFrame
    known: Mapping[str, int]
    seen: str
    check: Comparison | None
    what: str = "rows"

    def __str__(self) -> str:
        """Counts, how good and how sure it is."""
        count, known = sum(self.known.values()), _counted(Counter(self.known))
        return "\n".join([
            f"{count} labelled {self.what}, {known}; {len(self.rows)} without a label",
            self.seen,
            f"labelled {self.what}, each left out once: {self._checked()}",
            f"how sure: {self._sure()}",
            f"labels: {_counted(Counter(self.rows['label']))}",
        ])  # fmt: skip

    def _checked(self) -> str:
        if self.check is None:
            return "not checked, since a class has one labelled; 2 of each are needed"
        own, without, guess = (self.check.accuracy[name] for name in (OWN, WITHOUT, GUESS))
        better = self.check.gain[GUESS]
        line = f"{own.percent()} % right, {without.percent()} % without the unlabelled {self.what}; "
        line += f"the most frequent class {100 * guess.mean:.1f} %"
        if better.mean > 0 and better.excludes_zero:
            return line
        return f"{line}\n  so it is not shown that the labels are better than the most frequent class"

    def _sure(self) -> str:
        p = self.rows["probability"].to_numpy()
        sure, fair = int((p >= SURE).sum()), int(((p < SURE) & (p >= FAIR)).sum())
        return f"{sure} {self.what} at {SURE} or more, {fair} at {FAIR} or more, {len(p) - sure - fair} below"


def label_table(
    path: Path, target: str, classifier: MetaClassifier, reading: Reading, folds: int = 5, seed: int = 0
) -> Labelling:
    """Labels the rows of a file whose target is empty.

    Args:
        path: of a CSV, TSV, Parquet, ARFF or Excel file.
        target: the column of labels.
        classifier: which is fitted to all rows.
        reading: how the file is read.
        folds, seed: of the check, see metassl.library.classifier.comparison.compare.

    Raises:
        DataError: no such file or column, no row to label, or classes that can't be learned; in one line.
    """
    where = f"'{path}'"
    with refusing():
        frame = read_frame(path, reading)
    found = _target(where, frame, target)
    rest, asked = frame.drop(columns=target), np.flatnonzero(found.labels < 0)
    try:
        classifier.fit(rest, found.labels)
        probabilities = classifier.predict_proba(rest.iloc[asked])
        check = checked(classifier, rest, found.labels, folds, seed)
    except InputError as error:
        raise DataError(re.sub(r"\bX\b", lambda _: where, str(error))) from error
    names = np.array(found.names)[classifier.classes_]
    identifiers = [column.name for column in classifier.columns_ if column.kind == IDENTIFIER][:1]
    rows = answers(probabilities, names)
    for name in reversed(identifiers):
        rows.insert(0, name, rest[name].to_numpy()[asked], allow_duplicates=True)
    rows.insert(0, "row", asked + 1, allow_duplicates=True)
    known = Counter(found.names[label] for label in found.labels if label >= 0)
    return Labelling(rows, known, f"columns: {summary(classifier.columns_)}", check)


def _target(where: str, frame: pd.DataFrame, target: str) -> Target:
    if target not in frame.columns:
        raise DataError(one_of(f"target, column of {where}", target, frame.columns))
    values = frame[target].where(as_words(frame[target]) != "")
    if not values.isna().any():
        raise DataError(
            f"{where}, target '{target}': found a label in each of {len(frame)} rows, none is to be "
            "labelled; an empty cell is a row without a label."
        )
    with refusing():
        found = read_target(where, values, least=1, most=None)
    if len(found.names) > MOST:
        raise DataError(
            f"{where}, target '{target}': found {len(found.names)} classes, allowed are up to {MOST}."
        )
    return found


def checked(
    classifier: MetaClassifier, rest: Any, labels: NDArray[np.int64], folds: int, seed: int
) -> Comparison | None:
    """The classifier on labelled rows that were left out; None where a class has fewer than two."""
    if np.bincount(labels[labels >= 0]).min() < 2:
        return None
    return compare(classifier, rest, labels, folds, seed, {GUESS: RIVALS[GUESS]})


def answers(probabilities: NDArray[np.float32], names: NDArray[np.str_]) -> pd.DataFrame:
    """Label, probability and second choice of each row [n, C]."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    p = np.take_along_axis(probabilities, order, axis=1).astype(np.float64).round(4)
    return pd.DataFrame({
        "label": names[order[:, 0]], "probability": p[:, 0],
        "second": names[order[:, 1]], "second_probability": p[:, 1],
    })  # fmt: skip


def _counted(counts: Counter[str]) -> str:
    """'12 benign, 8 malign', the most frequent first, at most ten."""
    shown = [f"{count} {name}" for name, count in counts.most_common(10)]
    return ", ".join(shown) + (f" and {len(counts) - 10} more classes" if len(counts) > 10 else "")
