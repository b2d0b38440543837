"""Labels of U weighted by whether learning from them would lower the loss on S.

Legend: N way, S support, U unlabelled.
"""

import torch
from torch import Tensor
from torch.func import grad

from metassl.errors import ConfigError
from metassl.numerics.tensors import Tensors
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.meta_learned.wrapping import Wrapping

NO_SLOPE = 1e-3  # sum of the inner products below which they are rounding, in float32 at least


class Reweight(Wrapping):
    """Counts a label of another objective as far as its gradient agrees with the support's.

    w_j ∝ max(0, -∂CE(S; φ̂(ε))/∂ε_j at ε = 0), φ̂(ε) = φ - ∇_φ Σ_j ε_j ℓ_j(φ).

    ℓ_j is the wrapped labels' cross-entropy on image j times its weight. The derivative is -⟨∇ℓ_j, ∇CE(S)⟩:
    an image counts as far as its gradient agrees with the support's. The rate of the virtual step falls out,
    since the weights are normalised: they sum to |U|, so one may exceed 1; all are 0 when no image agrees.
    They are constants by definition. A closed form takes no gradient step on its labels, and with one image a
    class, its own prototype, CE(S) has next to no slope: refused.

    Differs from the paper: the clean set is S, which the learner also trains on, and not one apart; the
    weights sum to |U| and not to 1, since the loss here is a mean.

    Source: Ren et al. 2018b, eq. 8 to 12 and Algorithm 1.

    Args:
        objective: the wrapped one, which has to label.
    """

    needs_gradient_steps = True

    def __init__(self, objective: SSLObjective) -> None:
        super().__init__(objective)
        if not objective.labels:
            raise ConfigError(
                f"ssl.wrapped: found {type(objective).__name__}, which gives no labels. Allowed with "
                "ssl=reweight are objectives that label, such as pseudo_label and soft_kmeans."
            )

    def label(self, context: Context) -> SoftLabels | None:
        """The wrapped labels, at w_j times their weight."""
        given = self.objective.label(context)
        return None if given is None else given.times(weights(context, given))


def weights(context: Context, given: SoftLabels) -> Tensor:
    """Weighs labels by how well their gradients agree with the support's.

    [U] w_j of the labels, by eq. 12.
    """
    params = {name: p.detach() for name, p in context.params.items()}
    q, worth = given.q.detach(), (given.weight * context.weight).detach()

    def on_u(params: Tensors, share: Tensor) -> Tensor:
        outputs = context.under(params).logits(given.view)
        each = context.outcome.label_loss(outputs, q, context.unlabelled.weight)
        return (share * worth * each).sum()

    def after_virtual_step(share: Tensor) -> Tensor:
        slope = grad(on_u)(params, share)
        moved = context.under({name: p - slope[name] for name, p in params.items()})
        return context.episode.support_loss(moved.support_logits())

    agreement = (-grad(after_virtual_step)(torch.zeros_like(worth))).clamp(min=0).detach()
    count = context.unlabelled.weight.sum()
    return agreement * count / agreement.sum().clamp(min=NO_SLOPE)
