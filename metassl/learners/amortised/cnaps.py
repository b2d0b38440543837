"""CNAPs: networks that read the task write FiLM of the backbone and the classifier; no gradient steps.

Legend: N way, S support, U unlabelled, C channels of a layer, F their sum over layers, E task embedding.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.backbones.film import film_layers, film_overlay
from metassl.heads.base import Head
from metassl.heads.generated import GeneratedLinear
from metassl.learners.amortised.hypernet import zero
from metassl.learners.amortised.set_encoder import SetEncoder, read_task
from metassl.learners.metric.learner import HeadLearner
from metassl.schema.ranges import Count, Whole
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class CNAPs(HeadLearner):
    """Reads the task and writes scales and shifts of the backbone and a classifier, without gradient steps.

    FiLM by γ_l = 1 + gain_l(t), β_l = shift_l(t) after each norm l, t = encoder(S ∪ U); then the head.

    The head is `GeneratedLinear`; with a labelling objective it is refitted `rounds` times, as every closed
    form. The FiLM networks start at 0, so that the backbone starts unmodulated. With `Mahalanobis` as the
    head it is Simple CNAPS (Bateni et al. 2020).
    Source: Requeima et al. 2019, section 2; the labels of U in refits as in Bateni et al. 2022.

    Differs from the paper: the backbone is trained jointly and not before, on other data; the FiLM of a layer
    does not read the layers before it (no auto-regressive part), and its size is not penalised (0.001 in the
    code). The encoder reads the backbone's features without modulation, by the moving averages, where theirs
    has a network of its own and the batch statistics of S, which take away much of what tells tasks apart.

    Args:
        backbone, rounds: see HeadLearner.
        head: the closed-form head; None: one that a network writes.
        encoder: reads the task; None: with its own defaults.
        hidden: width of the FiLM networks.
        task: what its tasks ask for, for the encoder; None: classes.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Head | None = None,
        rounds: Whole = 1,
        encoder: SetEncoder | None = None,
        hidden: Count = 32,
        task: TaskSpec | None = None,
    ) -> None:
        super().__init__(backbone, head or GeneratedLinear(backbone.out_dim), rounds)
        self.traits = replace(self.traits, reads_unlabelled=True, embeds_apart=False)
        self.encoder = encoder or SetEncoder(backbone.out_dim, task=task)
        self.layers = film_layers(backbone)
        self.films = nn.ModuleList(
            nn.Sequential(
                nn.Linear(self.encoder.size, hidden), nn.ReLU(), zero(nn.Linear(hidden, 2 * layer.channels))
            )
            for layer in self.layers
        )

    def modulate(self, episode: Episode, stage: Stage) -> dict[str, Tensor]:
        """The scales and shifts of this task."""
        encoding = self.encoder(read_task(self, episode, self.anchor(episode, stage), stage))
        pairs = [film(encoding.task).chunk(2) for film in self.films]
        gain, shift = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        return film_overlay(self.theta(), self.layers, gain, shift)
