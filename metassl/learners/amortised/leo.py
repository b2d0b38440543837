"""LEO: gradient steps in a space of latent codes, from which a decoder writes the classifier.

Legend: N way, S support, U unlabelled, D features, L numbers of a code.
"""

from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.inner.base import InnerOptimizer, MakeInner
from metassl.learners.adapted import Anchor
from metassl.learners.amortised.set_encoder import Gaussian, RelationEncoder, read_task
from metassl.learners.base import Scores
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.traits import LearnerTraits
from metassl.numerics.losses import weighted_mean
from metassl.numerics.tensors import Tensors
from metassl.outcomes.classification import Classification, mask_classes
from metassl.schema.ranges import Count, NotNegative, Positive, Whole
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage

LATENT, OFFSET, NOISE = "latent", "offset", "noise"


class Decoder(nn.Module):
    """Turns the latent code of a class into the weights of its classifier.

    p(w_c | z_c) = N(A z_c, sqrt(2 / (N + D))·exp(B z_c)). Source: Rusu et al. 2019, eq. 3 and their code.

    Args:
        latents: L.
        features: D.
    """

    def __init__(self, latents: int, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(latents, 2 * features, bias=False)

    def forward(self, z: Tensor) -> Gaussian:
        """z [N, L] -> [N, D]."""
        mean, log_std = self.linear(z).chunk(2, dim=-1)
        return Gaussian(mean, sqrt(2 / (len(z) + mean.shape[-1])) * log_std.exp())

    def orthogonality(self) -> Tensor:
        """Mean of (C - I)², C the correlations of what the numbers of a code write. Source: section 2.3.4."""
        rows = self.linear.weight.T
        rows = rows / rows.square().sum(-1, keepdim=True).clamp(min=1e-12).sqrt()
        return (rows @ rows.T - torch.eye(len(rows), device=rows.device, dtype=rows.dtype)).square().mean()


class LatentThenWeights(InnerOptimizer):
    """Moves the latent code for the first steps, then the classifier that it decodes to.

    z ← z - α⊙∇_z for the first steps, then w ← w - η⊙∇_w; the rates are learned, one for each coordinate.
    Source: Rusu et al. 2019, Algorithm 1, lines 7 and 10; rates as in their code.

    Args:
        params: the latent codes and the offsets of a task; one rate for each of their columns.
        latent_rate: initial α.
        weight_rate: initial η.
        latent_steps: steps in z.
    """

    def __init__(
        self,
        params: Tensors,
        latent_rate: Positive = 1.0,
        weight_rate: Positive = 0.001,
        latent_steps: Whole = 5,
    ) -> None:
        super().__init__(params)
        self.latent_steps = latent_steps
        self.latent = nn.Parameter(torch.full_like(params[LATENT][0], latent_rate))
        self.weight = nn.Parameter(torch.full_like(params[OFFSET][0], weight_rate))

    def update(
        self, grads: Tensors, state: None, params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], None]:
        """One step of one of the two kinds."""
        name, rate = (LATENT, self.latent) if step < self.latent_steps else (OFFSET, self.weight)
        return {**params, name: params[name] - rate * grads[name]}, None


class LEO(GradientLearner):
    """Adapts by gradient steps on latent codes of the classes, from which a decoder writes the classifier.

    z_c ~ q(z | S ∪ U), w_c ~ p(w | z_c); steps in z, then steps in w, both on CE(S) + λ·SSL(U).
    The outer loss is CE(Q) + β·KL(q ‖ N(0, I)) + γ·‖stop(z') - z‖² + the decoder's orthogonality and L2.
    φ holds z, the offset of w from what z' decodes to, and the noise of w, which stays as it is drawn, so
    w = mean(z) + std(z)·noise + offset throughout. Samples in training; means at validation and test.
    The inner loop moves the classifier alone, so features are computed once for all of its steps.
    Penalties are means as in the code, the KL is exact.
    Source: Rusu et al. 2019, eq. 1 to 6 and Algorithm 1.

    Differs from the paper: there the features are those of a fixed network that was trained before, here the
    backbone is trained jointly, without dropout; the noise of w is drawn once a task, not at each decoding.
    The inner loss is the mean over S, in their code its sum: with the code's rates and a backbone that is
    trained jointly the sum diverges within a few outer steps.

    Args:
        backbone, task, steps, test_steps, order: see MAML.
        inner: makes what steps in z and in w.
        latents: L.
        spread: see RelationEncoder.
        kl: β.
        encoder_penalty: γ.
        orthogonality: weight of the decoder's correlations (λ_2).
        l2: weight of the squares of the encoder's and decoder's parameters (λ_1).
    """

    traits = LearnerTraits(reads_unlabelled=True, outcomes=(Classification,))
    latent: Tensor
    offset: Tensor
    noise: Tensor

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = LatentThenWeights,
        steps: Whole = 10,
        test_steps: Whole | None = None,
        order: Literal[1, 2] = 2,
        latents: Count = 64,
        spread: Positive = 0.1,
        kl: NotNegative = 0.001,
        encoder_penalty: NotNegative = 1e-9,
        orthogonality: NotNegative = 0.001,
        l2: NotNegative = 1e-8,
    ) -> None:
        super().__init__(backbone, steps, test_steps, order, adapt=[])
        features = backbone.out_dim
        self.encoder = RelationEncoder(features, latents, spread)
        self.decoder = Decoder(latents, features)
        self.latents, self.draws = latents, task.way * (latents + features)
        self.kl, self.encoder_penalty, self.orthogonality, self.l2 = kl, encoder_penalty, orthogonality, l2
        for name, size in ((LATENT, latents), (OFFSET, features), (NOISE, features)):
            # the places that φ is laid over
            self.register_buffer(name, torch.zeros(task.way, size), persistent=False)
        self.inner = inner({LATENT: self.latent, OFFSET: self.offset})

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0: a sample of z in training, its mean at test."""
        of_latent, of_weight = self._noise(episode, stage)
        z = self._posterior(episode, anchor, stage).at(of_latent)
        return {LATENT: z, OFFSET: torch.zeros_like(of_weight), NOISE: of_weight}

    def classify(self, z: Tensor, class_mask: Tensor) -> Tensor:
        """[n, N] logits, by the classifier of the z, offset and noise that are in place."""
        return mask_classes(z @ (self.decoder(self.latent).at(self.noise) + self.offset).T, class_mask)

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """Eq. 6 and the regulariser R."""
        path = list(self.path(episode, stage))
        adapted = self.adapted(episode, stage, path[-1])
        loss, scores = self.query_loss(adapted, episode)
        loss = loss + self.outer_ssl(adapted, episode, stage)
        moved = (path[-1].phi[LATENT].detach() - path[0].phi[LATENT]).square()
        loss = loss + self._penalties(episode, adapted.anchor, stage, moved)
        return loss, scores | self.reports(adapted.memory)

    def _penalties(self, episode: Episode, anchor: Anchor, stage: Stage, moved: Tensor) -> Tensor:
        q = self._posterior(episode, anchor, stage)
        divergence = (q.mean.square() + q.std.square() - 1) / 2 - q.std.log()
        present = episode.class_mask.to(moved.dtype)
        squares = [p.square().sum() / 2 for m in (self.encoder, self.decoder) for p in m.parameters()]
        return (
            self.kl * weighted_mean(divergence.mean(-1), present)
            + self.encoder_penalty * weighted_mean(moved.mean(-1), present)
            + self.orthogonality * self.decoder.orthogonality()
            + self.l2 * torch.stack(squares).sum()
        )

    def _posterior(self, episode: Episode, anchor: Anchor, stage: Stage) -> Gaussian:
        return self.encoder(read_task(self, episode, anchor, stage), len(episode.support_y))

    def _noise(self, episode: Episode, stage: Stage) -> tuple[Tensor, Tensor]:
        """[N, L] and [N, D] standard normal numbers in training, zeros at test."""
        uniform = episode.random[: self.draws].view(-1, self.draws // len(self.latent))[: episode.way]
        noise = torch.special.ndtri(uniform) if stage.training else torch.zeros_like(uniform)
        return noise[:, : self.latents], noise[:, self.latents :]
