"""The closed forms of domain adaptation by skada, as an oracle beside benchmarks.plain_adaptation."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from skada import CORALAdapter, SubspaceAlignmentAdapter, TransferComponentAnalysisAdapter, make_da_pipeline

from benchmarks.plain_adaptation import Adapted, Floats, Labels, nearest, svm, unit

SOURCE, TARGET, NO_LABEL = 1, -2, -1  # skada's marks of domains and of rows without a label


def by_skada(adapter: Callable[[int], Any], classifier: Callable[[], Any], scaled: bool = False) -> Adapted:
    """An adapter (number of features -> adapter) and a classifier, fitted on source and target.

    `scaled`: on rows of length 1.
    """

    def labels(s: Floats, y: Labels, t: Floats) -> Labels:
        s, t = (unit(s), unit(t)) if scaled else (s, t)
        domains = np.repeat((SOURCE, TARGET), (len(s), len(t)))
        given = np.concatenate((y, np.full(len(t), NO_LABEL)))
        with warnings.catch_warnings(action="ignore"):
            pipeline = make_da_pipeline(adapter(s.shape[1]), classifier())
            pipeline.fit(np.concatenate((s, t)), given, sample_domain=domains)
            return np.asarray(pipeline.predict(t))

    return labels


def components(k: int, features: int) -> TransferComponentAnalysisAdapter:
    """Of a linear kernel."""
    return TransferComponentAnalysisAdapter(kernel="linear", n_components=min(k, features), mu=1.0)


def subspaces(k: int, features: int) -> SubspaceAlignmentAdapter:
    """Of k axes."""
    return SubspaceAlignmentAdapter(n_components=min(k, features))


def correlations(shrinkage: float, features: int) -> CORALAdapter:
    """Covariances, shrunk."""
    return CORALAdapter(reg=shrinkage)


SKADA: Mapping[str, Mapping[str, Adapted]] = {
    "TCA + 1-NN, skada": {
        f"k={k}": by_skada(partial(components, k), nearest, scaled=True) for k in (10, 20, 40)
    },
    "SA + 1-NN, skada": {f"k={k}": by_skada(partial(subspaces, k), nearest) for k in (10, 20, 40)},
    "SA + SVM, skada": {f"k={k}": by_skada(partial(subspaces, k), svm(0.01)) for k in (20, 40, 80)},
    "CORAL + SVM, skada": {
        f"shrinkage={a}": by_skada(partial(correlations, a), svm(0.001)) for a in (0.5, 0.1)
    },
}
"""Name -> what is to be chosen -> classifier."""
