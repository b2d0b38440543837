"""How undecided a distribution is.

Legend: N outcomes of a distribution.
"""

from torch import Tensor

SHANNON = 1e-6  # so near to α = 1 the limit is nearer than the digits


def tsallis_entropy(p: Tensor, alpha: float) -> Tensor:
    """Says how far distributions are from being sure, and how much small probabilities count in that.

    (1 - Σ_c p_c^α) / (α - 1), α = 1: -Σ_c p_c ln p_c (Shannon). The larger α,
    the less a small p_c gains by becoming larger.

    0 for a sure one; 0·ln 0 = 0, with finite derivatives. Source: Tsallis 1988, eq. 1.

    Args:
        p: [..., N], sums to 1 over the last dimension; alpha: α > 0.

    Returns:
        [...].
    """
    log_p = p.clamp(min=1e-12).log()
    if abs(alpha - 1) < SHANNON:
        return -(p * log_p).sum(-1)
    return -(p * ((alpha - 1) * log_p).expm1()).sum(-1) / (alpha - 1)
