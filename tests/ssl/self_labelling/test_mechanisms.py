"""What defines the clustering objectives and entropy minimisation matters, in the regime it is made for."""

import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.ssl.self_labelling.entropy import Entropy
from metassl.ssl.self_labelling.gmm import GMM
from metassl.ssl.self_labelling.masked_soft_kmeans import MaskedSoftKMeans
from metassl.ssl.self_labelling.sinkhorn import Sinkhorn
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from metassl.ssl.self_labelling.soft_kmeans_cluster import SoftKMeansCluster
from tests.support.contexts import WAY
from tests.support.feature_spaces import Space, clouds, prototype_error


def test_mechanism_soft_kmeans_brings_one_shot_prototypes_to_their_classes() -> None:
    """With labels by distances the prototypes come nearer; with U's labels mixed up they go away."""
    space = clouds()
    mixed = Space(space.s.roll(1, 0), space.u, space.y)
    alone, with_u = prototype_error(space, None), prototype_error(space, SoftKMeans())
    assert with_u < 0.5 * alone
    assert prototype_error(mixed, SoftKMeans()) > 2 * with_u


def test_mechanism_the_further_cluster_takes_the_distractors() -> None:
    """Prototypes with 30 foreign images in U: soft k-means gives them to classes, the cluster does not."""
    space = clouds(apart=8.0, spread=0.5, shift=0.5, foreign=30)
    objective = SoftKMeansCluster(radius=3.0)
    weight = objective.label(space.shown()).weight.detach()
    own = space.y >= 0
    assert weight[own].mean() > weight[~own].mean() + 0.8
    assert prototype_error(space, objective) < 0.2 * prototype_error(space, None)
    assert prototype_error(space, SoftKMeans()) > prototype_error(space, None)


def test_mechanism_the_mask_counts_distractors_less() -> None:
    """The same with the masks as they are before any training."""
    torch.manual_seed(0)
    space, objective = clouds(apart=5.0, shift=0.5, foreign=30), MaskedSoftKMeans().double()
    weight = objective.label(space.shown()).weight.detach()
    own = space.y >= 0
    assert weight[own].mean() > weight[~own].mean() + 0.2
    assert prototype_error(space, objective) < 0.85 * prototype_error(space, SoftKMeans())


def test_mechanism_learned_weights_of_a_mixture_are_right_where_classes_are_unequal() -> None:
    """40, 4 and 4 images in classes that overlap: equal weights give a third of U to each."""
    space = clouds((40, 4, 4), apart=2.0, dims=4, shift=0.3)
    learned, uniform = (space.accuracy(GMM(iterations=20, weights=w)) for w in ("learned", "uniform"))
    assert learned > uniform + 0.1


def test_mechanism_balance_frees_labels_of_a_predictors_bias() -> None:
    """Equal classes and a predictor that likes one class too well: its own labels against balanced ones."""
    space = clouds(apart=2.0, shift=0.3)

    def biased(z: Tensor, params: object) -> Tensor:
        return space.nearest(z) + 15 * torch.eye(1, WAY).double()

    uniform, predicted = (space.accuracy(Sinkhorn(p), logits=biased) for p in ("uniform", "predicted"))
    own = float((biased(space.u, None).argmax(-1) == space.y).double().mean())
    assert uniform > own + 0.3
    assert abs(predicted - own) < 0.1


def test_mechanism_entropy_moves_a_boundary_out_of_u() -> None:
    """A linear predictor from two shots: its accuracy on U with CE(S), and with the penalty beside it."""
    space = clouds(apart=2.0, shift=1.5)

    def trained(weight: float, marginal: float) -> float:
        w = torch.cat((space.s, -0.5 * space.s.square().sum(-1, keepdim=True)), -1).clone().requires_grad_()

        def logits(z: Tensor, params: object = None) -> Tensor:
            return 0.3 * torch.cat((z, torch.ones(len(z), 1).double()), -1) @ w.T

        for _ in range(100):
            loss = F.cross_entropy(logits(space.s), space.classes)
            loss = loss + weight * Entropy(marginal).penalty(space.shown(logits=logits))
            (slope,) = torch.autograd.grad(loss, w)
            w = (w - 0.3 * slope).detach().requires_grad_()
        return float((logits(space.u).argmax(-1) == space.y).double().mean())

    alone, with_marginal = trained(0.0, 1.0), trained(1.0, 1.0)
    assert with_marginal > alone + 0.1
    assert trained(1.0, 0.0) < alone  # without it one class may take another's images
