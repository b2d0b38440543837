"""The graph and clustering objectives with small constants, and what each gives in one tensor."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.graph.label_propagation import LabelPropagation
from metassl.ssl.graph.poisson import Poisson
from metassl.ssl.graph.random_walk import RandomWalk
from metassl.ssl.self_labelling.alpha_tim import AlphaTIM
from metassl.ssl.self_labelling.gmm import GMM
from metassl.ssl.self_labelling.masked_soft_kmeans import MaskedSoftKMeans
from metassl.ssl.self_labelling.paddle import Paddle
from metassl.ssl.self_labelling.sinkhorn import Sinkhorn
from metassl.ssl.self_labelling.soft_kmeans_cluster import SoftKMeansCluster
from tests.support.contexts import U
from tests.support.terms import make_term

GRAPH_AND_CLUSTER: dict[str, Callable[[], SSLObjective]] = {
    "label_propagation": lambda: LabelPropagation(alpha=0.8, neighbours=3, confidence="entropy"),
    "poisson": lambda: Poisson(neighbours=3, temperature=0.5, background=0.01),
    "poisson_support": lambda: Poisson(neighbours=3, temperature=0.5, background=0.01, centre="support"),
    "random_walk": lambda: RandomWalk(steps=2, decay=0.7, visit=1.0, smoothing=0.1),
    "sinkhorn": lambda: Sinkhorn(prior="uniform", reg=0.5, iterations=6),
    "sinkhorn_predicted": lambda: Sinkhorn(prior="predicted", reg=0.5, iterations=6),
    "soft_kmeans_cluster": lambda: SoftKMeansCluster(radius=3.0, iterations=1),
    "masked_soft_kmeans": lambda: MaskedSoftKMeans(hidden=20, spread=0.5),
    "alpha_tim": lambda: AlphaTIM(alpha=2.0, temperature=5.0, step_size=0.05, steps=2),
    "paddle": lambda: Paddle(complexity=0.7, temperature=5.0, iterations=3),
    "gmm_isotropic": lambda: GMM(covariance="isotropic", iterations=2, shrinkage=1.0, floor=0.01),
    "gmm_diagonal": lambda: GMM(covariance="diagonal", iterations=2, shrinkage=1.0, floor=0.01),
}


def made(name: str) -> SSLObjective:
    """One of them in float64, its networks the same each time."""
    torch.manual_seed(0)
    return GRAPH_AND_CLUSTER[name]().double()


def outcome(objective: SSLObjective, given: Context, count: int = U) -> Tensor:
    """The penalty, or the first rows of the labels with the padding's weight taken out, as one tensor."""
    term = make_term(objective, from_step=0)
    labels = term.label(given)
    if labels is None:
        return torch.as_tensor(term.penalty(given))
    return torch.cat((labels.q, labels.weight.unsqueeze(-1)), dim=-1)[:count]


def naive_affinity(x: np.ndarray, k: int) -> np.ndarray:
    """[n, n] weights of a graph of the k nearest, by loops; both ends count, σ the distance to the k-th."""
    n = len(x)
    d = np.array([[np.linalg.norm(x[i] - x[j]) for j in range(n)] for i in range(n)])
    order = [[j for j in np.argsort(d[i]) if j != i][:k] for i in range(n)]
    sigma = [d[i, order[i][-1]] for i in range(n)]
    w = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if j in order[i] or i in order[j]:
                w[i, j] = np.exp(-(d[i, j] ** 2) / (sigma[i] * sigma[j]))
    return w
