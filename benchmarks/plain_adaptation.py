"""Plain classifiers and closed forms of domain adaptation, as baselines: functions of arrays.

Legend: n source rows, m target rows, d features, k components.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Adapted = Callable[[Floats, Labels, Floats], Labels]
"""(source rows [n, d], their labels [n], target rows [m, d]) -> labels [m]."""


def by(made: Callable[[], Any]) -> Adapted:
    """A classifier of scikit-learn, fitted on the source."""

    def labels(s: Floats, y: Labels, t: Floats) -> Labels:
        with warnings.catch_warnings(action="ignore"):  # of iterations that end early
            return np.asarray(made().fit(s, y).predict(t))

    return labels


def nearest() -> KNeighborsClassifier:
    """One nearest neighbour."""
    return KNeighborsClassifier(1)


def svm(c: float) -> Callable[[], SVC]:
    """A linear one."""
    return lambda: SVC(kernel="linear", C=c)


def logistic(c: float) -> Callable[[], LogisticRegression]:
    """With the L2 penalty of 1/C."""
    return lambda: LogisticRegression(C=c, max_iter=300)


def unit(x: Floats) -> Floats:
    """Rows of length 1."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def spreading(neighbours: int, alpha: float) -> Adapted:
    """LabelSpreading over a graph of rows of length 1, source and target together."""

    def labels(s: Floats, y: Labels, t: Floats) -> Labels:
        model = LabelSpreading("knn", n_neighbors=neighbours, alpha=alpha, max_iter=100)
        with warnings.catch_warnings(action="ignore"):
            model.fit(unit(np.concatenate([s, t])), np.concatenate([y, np.full(len(t), -1)]))
        return np.asarray(model.transduction_[len(s) :])

    return labels


def axes(x: Floats, k: int) -> Floats:
    """[d, k] the first principal axes of rows x, which are centred."""
    return np.linalg.svd(x, full_matrices=False)[2][:k].T


def subspace_alignment(k: int, after: Adapted) -> Adapted:
    """Fernando et al. 2013 (SA), eq. 5: source rows by axes turned to the target's, X_s P_s P_sᵀ P_t."""

    def labels(s: Floats, y: Labels, t: Floats) -> Labels:
        s, t = s - s.mean(0), t - t.mean(0)
        of_s, of_t = axes(s, k), axes(t, k)
        return after(s @ of_s @ (of_s.T @ of_t), y, t @ of_t)

    return labels


def coral(shrinkage: float, after: Adapted) -> Adapted:
    """Sun et al. 2016 (CORAL), Algorithm 1: X_s C_s^{-1/2} C_t^{1/2}, C = covariance + λI.

    The paper's features are normalised; here X_s is centred, and gets the target's mean.
    """

    def power(x: Floats, p: float) -> Floats:
        values, vectors = np.linalg.eigh(np.cov(x, rowvar=False) + shrinkage * np.eye(x.shape[1]))
        return (vectors * np.maximum(values, 1e-12) ** p) @ vectors.T

    return lambda s, y, t: after((s - s.mean(0)) @ power(s, -0.5) @ power(t, 0.5) + t.mean(0), y, t)


def transfer_components(k: int, after: Adapted, ridge: float = 1.0) -> Adapted:
    """Pan et al. 2011 (TCA), eq. 9, in the primal of a linear kernel: axes of variance on which means agree.

    The k largest of (XᵀHX) w = λ (XᵀLX + μI) w, X = rows of length 1 of both, H centres, XᵀLX =
    (x̄_s - x̄_t)(x̄_s - x̄_t)ᵀ.
    """

    def labels(s: Floats, y: Labels, t: Floats) -> Labels:
        x = unit(np.concatenate([s, t]))
        apart = x[: len(s)].mean(0) - x[len(s) :].mean(0)
        centred = x - x.mean(0)
        d = x.shape[1]
        first = max(d - k, 0)
        _, w = eigh(
            centred.T @ centred, np.outer(apart, apart) + ridge * np.eye(d), subset_by_index=[first, d - 1]
        )
        return after(x[: len(s)] @ w, y, x[len(s) :] @ w)

    return labels


PLAIN: Mapping[str, Mapping[str, Adapted]] = {
    "1-NN": {"": by(nearest)},
    "logistic regression": {f"C={c}": by(logistic(c)) for c in (0.001, 0.01, 0.1)},
    "SVM": {f"C={c}": by(svm(c)) for c in (0.001, 0.01, 0.1)},
    "LabelSpreading": {f"k={k} α={a}": spreading(k, a) for k in (10, 20) for a in (0.2, 0.8)},
    "TCA + 1-NN": {f"k={k}": transfer_components(k, by(nearest)) for k in (10, 20, 40)},
    "SA + 1-NN": {f"k={k}": subspace_alignment(k, by(nearest)) for k in (10, 20, 40)},
    "SA + SVM": {f"k={k}": subspace_alignment(k, by(svm(0.01))) for k in (20, 40, 80)},
    "CORAL + SVM": {f"λ={a}": coral(a, by(svm(0.001))) for a in (1.0, 0.1)},
}
"""Name -> what is to be chosen -> classifier."""
