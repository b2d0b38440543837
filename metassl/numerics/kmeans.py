"""k-means of a few points of very many numbers.

Legend: M points, P numbers of a point, G clusters.
"""

import torch
from torch import Tensor

STARTS, ROUNDS = 20, 100


@torch.no_grad()
def k_means(points: Tensor, count: int, seed: int = 0) -> Tensor:
    """Divides points into groups whose members are close to the mean of their group.

    [M] the cluster of each point, of those that minimise Σ_i ‖x_i - mean of x_i's cluster‖² the best of
    20 runs of Lloyd's algorithm from starts by k-means++. For M << P all is done on the M·M inner products:
    ‖x_i - mean_c‖² = K_ii - 2 Σ_j a_jc K_ij + Σ_jk a_jc a_kc K_jk, with a_jc 1/size for c's members.

    Source: Lloyd 1982; the starts by Arthur & Vassilvitskii 2007, section 2.2.

    Args:
        points: [M, P].
        count: G, up to M; a cluster may end up empty where points are equal.
        seed: of the starts.
    """
    x = (points - points.mean(0)).double()
    products = x @ x.T
    generator = torch.Generator().manual_seed(seed)
    runs = [_lloyd(products, _spread(products, count, generator)) for _ in range(STARTS)]
    return min(runs, key=lambda run: float(run[1]))[0]


def _spread(products: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """[G] points to start from: each drawn by its squared distance to the nearest one before it."""
    size = products.diagonal()
    apart = (size.unsqueeze(1) - 2 * products + size.unsqueeze(0)).clamp(min=0)
    chosen = [int(torch.randint(len(size), (), generator=generator))]
    for _ in range(count - 1):
        share = apart[chosen].amin(0).cpu() + 1e-300  # equal points are as good as any
        chosen.append(int(torch.multinomial(share / share.sum(), 1, generator=generator)))
    return torch.tensor(chosen, device=products.device)


def _lloyd(products: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """[M] the clusters, and the sum of squared distances to their means."""
    share = torch.eye(len(products)).to(products)[:, chosen]  # [M, G] of each point in the mean of a cluster
    before = torch.full_like(products[:, 0], -1).long()
    clusters, far = before, products.diagonal()
    for _ in range(ROUNDS):
        across = products @ share
        distances = products.diagonal().unsqueeze(1) - 2 * across + (share * across).sum(0)
        far, clusters = distances.min(1)
        if torch.equal(clusters, before):
            break
        members = (clusters.unsqueeze(1) == torch.arange(share.shape[1]).to(clusters)).to(share)
        size = members.sum(0)
        share, before = torch.where(size > 0, members / size.clamp(min=1), share), clusters
    return clusters, far.sum()
