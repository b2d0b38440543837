"""The classifier of scikit-learn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from metassl.data.tables.columns import Said
from metassl.errors import InputError
from metassl.learners.base import MetaLearner
from metassl.library.classifier.answering import Answering, of_all
from metassl.library.classifier.comparison import Comparison, compare
from metassl.library.classifier.context import task_of
from metassl.library.classifier.given import read_given
from metassl.library.classifier.labels import (
    given_labels,
    is_labelled,
    of_one_type,
    read_labels,
    two_classes,
)
from metassl.library.classifier.refusing import refusing
from metassl.library.classifier.rows import Rows, rows_of
from metassl.library.classifier.trained import Trained, model_of
from metassl.trained.model import Model


class MetaClassifier(ClassifierMixin, BaseEstimator):
    """Classifies the rows of a table of which a few have a label, in the manner of scikit-learn.

    A trained meta-learner adapts to the labelled rows and to those whose label is -1, None, NaN or "", which
    are unlabelled; nothing is trained. Columns may hold numbers, words, truth values and dates, and cells may
    be missing; they are encoded as with dataset=table, by all rows that `fit` is given. No row that is asked
    about has an influence on another's answer. Pictures are for a learner of pictures: arrays [n, h, w] or
    [n, h, w, c], or a list of files or of Pillow's images, of any size. They are made what it was trained on,
    negatives too, and a warning says what that took.

    Args:
        model: a MetaLearner; or a trained one by its place: the folder of a run, a checkpoint in it, a folder
            of `metassl export`, or the name of a model that the package brings (`metassl models`). None: the
            one for tables, which takes rows of any width.
        kinds: column -> numeric, categorical, date or drop, where what is found is not what is meant. The
            columns of an array are "0", "1", …, and numeric where it holds numbers.
        scale: of numbers, standard, quantile or minmax; none: X holds vectors that are taken as they are.
            None: as the run's, else standard.
        categories: of a column, at most; the rarest beyond are one. None: as the run's, else 20.
        width: numbers of a row that the learner reads, by zeros or principal components; None: as the run's,
            else as many as there are.
        max_rows: rows that the learner reads; of more, unlabelled ones are left out by chance, then labelled
            ones, class by class, with a warning. None: no limit.
        random_state: of that, and of random views.

    Attributes:
        classes_: [C] labels in the order of `predict_proba`'s columns.
        n_features_in_: columns of X.
        feature_names_in_: their names, where X was a frame.
        columns_: what each column was found to be.

    Raises:
        ValueError: of one line, for what can't be; see docs/your_data.md.

    Four labelled rows of each class of flowers, and the rest without:

    >>> import metassl, numpy as np
    >>> from sklearn.datasets import load_iris
    >>> flowers = load_iris(as_frame=True)
    >>> y = np.array(flowers.target_names)[flowers.target].astype(object)
    >>> few = y.copy()
    >>> few[np.arange(150) % 50 > 3] = None
    >>> model = metassl.MetaClassifier().fit(flowers.data, few)
    >>> model.classes_.tolist(), model.predict(flowers.data[:2]).tolist()
    (['setosa', 'versicolor', 'virginica'], ['setosa', 'setosa'])
    >>> model.score(flowers.data, y) > 0.9
    True

    A slip ends in one line:

    >>> metassl.MetaClassifier(kinds={"petal lenght (cm)": "drop"}).fit(flowers.data, few)
    Traceback (most recent call last):
    metassl.errors.InputError: kinds, column of X: found 'petal lenght (cm)'. Did you mean ...
    """

    def __init__(
        self,
        model: Model | MetaLearner | str | Path | None = None,
        *,
        kinds: Mapping[str, Said] | None = None,
        scale: str | None = None,
        categories: int | None = None,
        width: int | None = None,
        max_rows: int | None = 1000,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.model, self.kinds, self.scale = model, kinds, scale
        self.categories, self.width = categories, width
        self.max_rows, self.random_state = max_rows, random_state

    @classmethod
    def load(cls, path: str | Path, **options: Any) -> Self:
        """A classifier with the learner of a run, which is read now; see metassl.library.classifier.trained.

        Args:
            path: see `model` of MetaClassifier.
            options: see MetaClassifier.
        """
        with refusing():
            trained = model_of(path)
        return cls(trained.model, **{**trained.encoding, **options})

    def fit(self, X: Any, y: Any) -> Self:
        """Adapts the learner to a table.

        Args:
            X: a frame or array of n rows, or pictures.
            y: [n] labels; -1, None, NaN and "" mean unlabelled.
        """
        with refusing():
            trained = model_of(self.model)
            given = read_given(self, X, trained.facts, reset=True)
            labels = two_classes(read_labels(y, len(given)))
            rows = self._reader(trained, given)
            task = task_of(rows.fit(given), labels, self.max_rows, check_random_state(self.random_state))
            learner = trained.of_classes(len(labels.classes))
            self._facts, self._rows = trained.facts, rows
            self._answering = Answering(learner, task, trained.temperature)
            self.classes_, self.columns_ = labels.classes, rows.columns
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """[n, C] how probable each class is; all alike, with a warning, where a row is connected to none."""
        x = self.encode(X)
        with refusing():
            return of_all(self._answering(x))

    def predict(self, X: Any) -> NDArray[Any]:
        """[n] the most probable class of each row, as its label was given."""
        places = self.predict_proba(X).argmax(1)
        found: NDArray[Any] = self.classes_[places]
        return found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy, 0..1, over the rows that have a label."""
        check_is_fitted(self)
        rows = read_given(self, X, self._facts)
        truth = given_labels(y, len(rows))
        known = is_labelled(truth)
        if not known.any():
            raise InputError(f"y: found no labelled row among {len(truth)}, none can be scored.")
        weight = None if sample_weight is None else np.asarray(sample_weight)[known]
        found = self.predict(rows[known])
        return float(accuracy_score(of_one_type(truth[known]), found, sample_weight=weight))

    def encode(self, X: Any) -> NDArray[Any]:
        """[n, d] numbers, or pictures, that the learner is given for rows."""
        check_is_fitted(self)
        with refusing():
            return self._rows(read_given(self, X, self._facts))

    def embed(self, X: Any) -> NDArray[np.float32]:
        """[n, D] features of rows by the learner's backbone, as it was trained."""
        x = self.encode(X)
        with refusing():
            return self._answering.features(x)

    def compare(self, X: Any, y: Any, folds: int = 5, random_state: int = 0) -> Comparison:
        """Cross-validates this classifier beside scikit-learn's, and itself without unlabelled rows.

        See metassl.library.classifier.comparison.compare.
        """
        return compare(self, X, y, folds, random_state)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may give it: missing cells, too."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` has come to its end."""
        return hasattr(self, "_answering")

    def _reader(self, trained: Trained, given: pd.DataFrame | NDArray[Any]) -> Rows:
        own = {"scale": self.scale, "categories": self.categories, "width": self.width}
        how = dict(trained.encoding) | {key: value for key, value in own.items() if value is not None}
        return rows_of(given, trained.facts, trained.encoder, self.kinds or {}, **how)
