"""Labels of U weighted by whether learning from them would lower the loss on labelled images.

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
    """Counts a label of another objective as far as its gradient agrees with that of labelled images.

    w_j ∝ max(0, -∂CE(S̃; φ̂(ε))/∂ε_j at ε = 0), φ̂(ε) = φ - ∇_φ Σ_j ε_j ℓ_j(φ).

    ℓ_j is the wrapped labels' cross-entropy on image j times its weight. The derivative is -⟨∇ℓ_j, ∇CE(S̃)⟩:
    an image counts as far as its gradient agrees with that of the clean set S̃. The rate of the virtual step
    falls out, since the weights are normalised: they sum to |U|, so one may exceed 1; all are 0 when no image
    agrees. They are constants by definition.

    S̃ is S with each image mixed with the mean of the others, x̃_i = (1 - β)·x_i + β·x̄_{-i}, under its own
    label (Zhang et al. 2018): S itself is what the learner was fitted to, and where it fits it exactly, as a
    closed form with one image a class does, CE(S) has no slope.

    Differs from the paper: there is no clean set apart from the training set here, so a mixed S takes its
    place; the weights sum to |U| and not to 1.

    Source: Ren et al. 2018b, eq. 8 to 12 and Algorithm 1.

    Args:
        objective: the wrapped one, which has to label.
        mix: β, 0..0.5; with 0 the clean set is S.
    """

    def __init__(self, objective: SSLObjective, mix: float = 0.3) -> None:
        super().__init__(objective)
        if not objective.labels:
            raise ConfigError(
                f"ssl.wrapped: found {type(objective).__name__}, which gives no labels. Allowed with "
                "ssl=reweight are objectives that label, such as pseudo_label and soft_kmeans."
            )
        if not 0 <= mix <= 0.5:
            raise ConfigError(f"ssl.objective.mix: found {mix}, allowed are numbers in 0..0.5.")
        self.mix = mix

    def label(self, context: Context) -> SoftLabels | None:
        """The wrapped labels, at w_j times their weight."""
        given = self.objective.label(context)
        return None if given is None else given.times(self.weights(context, given))

    def weights(self, context: Context, given: SoftLabels) -> Tensor:
        """[U] w_j of the labels, by eq. 12."""
        params = {name: p.detach() for name, p in context.params.items()}
        q, worth = given.q.detach(), (given.weight * context.weight).detach()
        episode = context.episode
        clean = mixed(episode.support_x, episode.support_weight, self.mix)

        def on_u(params: Tensors, share: Tensor) -> Tensor:
            outputs = context.under(params).logits(given.view)
            each = context.outcome.label_loss(outputs, q, context.unlabelled.weight)
            return (share * worth * each).sum()

        def after_virtual_step(share: Tensor) -> Tensor:
            slope = grad(on_u)(params, share)
            moved = context.under({name: p - slope[name] for name, p in params.items()})
            return episode.support_loss(moved.classify(moved.embed(clean, episode.support_weight)))

        agreement = (-grad(after_virtual_step)(torch.zeros_like(worth))).clamp(min=0).detach()
        count = context.unlabelled.weight.sum()
        return agreement * count / agreement.sum().clamp(min=NO_SLOPE)


def mixed(x: Tensor, weight: Tensor, share: float) -> Tensor:
    """Pulls each labelled input a little towards the mean of the others.

    [S, ...] (1 - β)·x_i + β·x̄_{-i}: x [S, ...], weight [S] 0 for padding, β = share.
    """
    w = weight.view(-1, *[1] * (x.dim() - 1))
    total, count = (w * x).sum(0), weight.sum()
    others = (total - w * x) / (count - w).clamp(min=1.0)
    return (1 - share) * x + share * others
