"""How good a classifier is on one table, beside those of scikit-learn and beside itself without U.

Legend: n labelled rows.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from metassl.data.spec import to_count
from metassl.data.tables.target import UNKNOWN
from metassl.errors import InputError
from metassl.evaluation.intervals import Interval, over_seeds
from metassl.library.classifier.context import MORE
from metassl.library.classifier.folds import LabelledFolds
from metassl.library.classifier.given import as_rows
from metassl.library.classifier.labels import Labels, read_labels, two_classes
from metassl.library.classifier.refusing import refusing
from metassl.library.classifier.rivals import GUESS, RIVALS, Rival

OWN, WITHOUT = "MetaClassifier", "MetaClassifier without U"
ON_FEATURES = " on its features"
WIDTH = 36  # letters of a name
FEW = 30  # labelled rows, below which an interval is a hint


@dataclass(frozen=True)
class Comparison:
    """What cross-validation has found; `print` shows it as a table and a sentence.

    Attributes:
        right: name -> [n] whether it was right about each labelled row, which it had not seen.
        folds: how many.
        unlabelled: rows without a label, which were in every fit.
    """

    right: Mapping[str, NDArray[np.bool_]]
    folds: int
    unlabelled: int

    @property
    def accuracy(self) -> dict[str, Interval]:
        """Name -> share of labelled rows that it was right about, with a 95% interval over rows."""
        return {name: over_seeds(right.astype(np.float64)) for name, right in self.right.items()}

    @property
    def gain(self) -> dict[str, Interval]:
        """Name of another -> accuracy of this classifier minus its, with a 95% interval, paired by row."""
        own = self.right[OWN].astype(np.float64)
        return {name: over_seeds(own - right) for name, right in self.right.items() if name != OWN}

    @property
    def verdict(self) -> str:
        """Which classifier is to be used, in a sentence; it says so where the rows can't tell."""
        others = [name for name in self.right if name not in (OWN, WITHOUT, GUESS)]
        best = max(others, key=lambda name: self.right[name].mean())
        gain, rows = self.gain[best], f"{len(self.right[OWN])} labelled rows"
        points = f"{gain.percent(signed=True)} points"
        if not gain.excludes_zero:
            return (
                f"Either: {rows} don't tell {OWN} from {best}, the best of the others ({points}); {best} is "
                "the simpler one, and more labels would tell."
            )
        few = f", though {rows} are few" if len(self.right[OWN]) < FEW else ""
        if gain.mean > 0:
            return f"Use {OWN}: {points} beside {best}, the best of the others{few}."
        return f"Use {best}: {OWN} is at {points} beside it{few}."

    def __str__(self) -> str:
        """The table and the sentence."""
        n = len(self.right[OWN])
        lines = [
            f"{self.folds} folds of {n} labelled rows, {self.unlabelled} unlabelled ones in every fit; "
            "accuracy in %, mean ± 95% interval over rows",
            f"  {'':<{WIDTH}}{'':<14}{OWN} minus it, paired",
            *(self._line(name, accuracy) for name, accuracy in self.accuracy.items()),
            self.verdict,
        ]
        return "\n".join(lines)

    def _line(self, name: str, accuracy: Interval) -> str:
        found = f"  {name:<{WIDTH}}{accuracy.percent():<14}"
        if name in (OWN, GUESS):
            return found.rstrip()
        gain = self.gain[name]
        ends = "excludes" if gain.excludes_zero else "includes"
        return f"{found}{gain.percent(signed=True):<14}(CI {ends} 0)"

    __repr__ = __str__


def compare(
    classifier: Any,
    x: Any,
    y: Any,
    folds: int = 5,
    random_state: int = 0,
    rivals: Mapping[str, Rival] = RIVALS,
) -> Comparison:
    """Cross-validates a classifier over the labelled rows of a table, with U in every fit.

    Each fold is left out once. The others and U are what the classifier is fitted on; so are scikit-learn's,
    on the numbers that the classifier makes of them, and on its features of them where its backbone has any,
    LabelSpreading and SelfTraining with U. "Without U" is the same classifier as if the unlabelled rows
    weren't there.

    Args:
        classifier: a MetaClassifier, which is left as it is.
        x, y: as for its `fit`; at least 2 labelled rows of each class.
        folds: at most; as many as the most frequent class has labelled rows, where these are fewer.
        random_state: of the folds and of the forest.
        rivals: whom to compare with.
    """
    x = as_rows(x)
    with refusing():
        labels = two_classes(read_labels(y, len(x)))
        count = min(to_count("folds", folds, 2), int(_checked_counts(labels).max()))
    codes, known = labels.codes, labels.known
    answers: dict[str, NDArray[np.int64]] = {}
    for train, test in LabelledFolds(count, shuffle=True, random_state=random_state).split(x, codes):
        with warnings.catch_warnings():  # of rows that are too many `fit` speaks, once
            warnings.filterwarnings("ignore", f".*{MORE}", UserWarning)
            fold = _answers(classifier, x, codes, train, test, random_state, rivals)
        for name, answer in fold.items():
            answers.setdefault(name, np.full(len(codes), UNKNOWN))[test] = answer
    right = {name: (answer == codes)[known] for name, answer in answers.items()}
    return Comparison(right, int(count), int((~known).sum()))


def _answers(
    classifier: Any,
    x: Any,
    codes: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    seed: int,
    rivals: Mapping[str, Rival],
) -> dict[str, NDArray[np.int64]]:
    """Name -> classes of the rows of one fold."""
    fitted = clone(classifier).fit(_rows(x, train), codes[train])
    found = {OWN: fitted.predict(_rows(x, test))}
    sure = train[codes[train] != UNKNOWN]
    found[WITHOUT] = found[OWN]
    if len(sure) < len(train):
        found[WITHOUT] = clone(classifier).fit(_rows(x, sure), codes[sure]).predict(_rows(x, test))
    numbers, asked = (fitted.encode(_rows(x, rows)).reshape(len(rows), -1) for rows in (train, test))
    for name, rival in rivals.items():
        found[name] = rival.answers(numbers, codes[train], asked, seed)
    features, of_asked = fitted.embed(_rows(x, train)), fitted.embed(_rows(x, test))
    if features.shape != numbers.shape or not np.allclose(features, numbers):
        for name, rival in rivals.items():
            if name != GUESS:
                found[f"{name}{ON_FEATURES}"] = rival.answers(features, codes[train], of_asked, seed)
    return found


def _checked_counts(labels: Labels) -> NDArray[np.int64]:
    """How many labelled rows each class has, if it can be left out and learned: 2 or more."""
    counts: NDArray[np.int64] = np.bincount(labels.codes[labels.known])
    if counts.min() < 2:
        raise InputError(
            f"y: found one labelled row of '{labels.classes[counts.argmin()]}', needed are at least 2 of "
            "each class, one to learn from and one to be asked."
        )
    return counts


def _rows(x: Any, rows: NDArray[np.int64]) -> Any:
    return x.iloc[rows] if isinstance(x, pd.DataFrame) else x[rows]
