"""Labels of U weighted by whether learning from them would lower the loss on S.

Legend: N way, S support, U unlabelled.
"""

import torch
from torch import Tensor
from torch.func import grad, vmap

from metassl.errors import ConfigError
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Switch
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

    With `support` labels of S, too, count as far as their gradients agree with those of the other labels of
    S, of which the right ones are the majority.

    Source: Ren et al. 2018b, eq. 8 to 12 and Algorithm 1.

    Args:
        objective: the wrapped one, which has to label.
        support: whether labels of S, too, are weighed.
    """

    needs_gradient_steps = True

    def __init__(self, objective: SSLObjective, support: Switch = False) -> None:
        super().__init__(objective)
        self.support = support
        if not objective.labels:
            raise ConfigError(
                f"ssl.wrapped: found {type(objective).__name__}, which gives no labels. Allowed with "
                "ssl=reweight are objectives that label, such as pseudo_label and soft_kmeans."
            )

    def label(self, context: Context) -> SoftLabels | None:
        """The wrapped labels, at w_j times their weight."""
        given = self.objective.label(context)
        return None if given is None else given.times(weights(context, given))

    def support_weights(self, context: Context) -> Tensor | None:
        """[S] weights of the support's own labels, which sum to |S|."""
        return agreement_of_support(context) if self.support else super().support_weights(context)


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
    return _summing_to(context.unlabelled.weight.sum(), agreement)


def agreement_of_support(context: Context) -> Tensor:
    """Weighs labels of the support by how well their gradients agree with those of all others of it.

    [S] ∝ max(0, Σ_{k ≠ i} ⟨∇ℓ_i, ∇ℓ_k⟩), summing to |S|: a label agrees with itself, however wrong it is, and
    the most with a wrong one, whose gradient is large; so it has no say of its own weight.
    """
    params = {name: p.detach() for name, p in context.params.items()}
    episode, targets = context.episode, context.episode.support_targets()

    def on_support(params: Tensors, share: Tensor) -> Tensor:
        outputs = context.under(params).support_logits()
        return (share * context.outcome.label_loss(outputs, targets, episode.support_weight)).sum()

    one_each = torch.diag(episode.support_weight)
    slopes = vmap(grad(on_support), (None, 0))(params, one_each)
    each = torch.cat([slope.flatten(1) for slope in slopes.values()], dim=1).detach()
    products = each @ each.T
    agreement = (products.sum(1) - products.diagonal()).clamp(min=0)
    return _summing_to(episode.support_weight.sum(), agreement)


def _summing_to(total: Tensor, agreement: Tensor) -> Tensor:
    """[n] weights in these proportions; all 0 where nothing agrees."""
    return agreement * total / agreement.sum().clamp(min=NO_SLOPE)
